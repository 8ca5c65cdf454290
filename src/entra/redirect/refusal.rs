//! Why the redirect listener refuses a request: for the browser's page, and for the terminal.

use std::fmt;

/// Why the redirect listener refused a request, for the user's terminal. Contains nothing of the
/// request itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The client began a TLS handshake at the listener's plain http port.
    Tls,
    /// The system does not report which user requested the start page.
    UnknownOwner,
    /// The reason, which is a whole clause.
    Request(&'static str),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Tls => f.write_str(
                "the browser opened the redirect address with https, and it is plain http: the \
                 connection was refused",
            ),
            Refused::UnknownOwner => f.write_str(
                "the system does not report which user opened the sign-in page: it was refused",
            ),
            Refused::Request(why) => {
                write!(f, "a request to the redirect address was refused: {why}")
            }
        }
    }
}

/// The response to a refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The value of the `Allow` header.
    pub(super) allow: Option<&'static str>,
    pub(super) heading: &'static str,
    /// The reason for the terminal; `None` for requests that browsers send by themselves.
    pub(super) why: Option<Refused>,
    pub(super) next: Next,
}

/// The next step that a refusal's page offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// None: the user did not send the request.
    Nothing,
    /// The terminal shows another address.
    Terminal,
    /// A link to the same address, by which the user confirms.
    Continue,
}

impl Refusal {
    pub(super) const fn new(status: u16, heading: &'static str, why: Refused) -> Self {
        Refusal {
            status,
            allow: None,
            heading,
            why: Some(why),
            next: Next::Nothing,
        }
    }
}
