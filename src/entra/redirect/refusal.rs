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
                "the browser opened the redirect URI with https instead of http; the connection was \
                 refused",
            ),
            Refused::UnknownOwner => f.write_str(
                "the system does not report which user opened the sign-in page; the request was \
                 refused",
            ),
            Refused::Request(why) => {
                write!(f, "a request to the redirect URI was refused: {why}")
            }
        }
    }
}

/// A refused request. Its methods are the table of the responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Tls,
    Http2,
    OtherVersion,
    Malformed,
    TooSlow,
    HeadTooLarge,
    CookiesTooLarge,
    TooManyHeaders,
    NoLength,
    BodyTooLarge,
    WrongHost,
    NoNavigation,
    /// A page of another site opened the start page.
    OtherSite,
    /// The system does not report which user opens the start page.
    UnknownOwner,
    NotFound,
    /// A path that browsers request by themselves, such as that of an icon.
    BrowsersOwnPath,
    NotGet,
    NotPost,
    NotAForm,
    /// The right response, in the address instead of in a form.
    InAddress,
    QueryBesideForm,
    OtherState,
    NoState,
    /// A parameter of the response is missing or not valid.
    NotTheAnswer,
}

impl Refusal {
    /// Returns the status, and the heading of the page.
    pub(super) fn status(self) -> (u16, &'static str) {
        match self {
            Self::Tls => (400, "This address supports only http"),
            Self::Http2 => (400, "This address supports only HTTP/1.1"),
            Self::OtherVersion => (505, "This address supports only HTTP/1.1"),
            Self::Malformed => (400, "This request cannot be read"),
            Self::TooSlow => (408, "This request took too long"),
            Self::HeadTooLarge => (431, "This request's head is too large"),
            Self::CookiesTooLarge => (431, "This request's cookies are too large"),
            Self::TooManyHeaders => (431, "This request has too many headers"),
            Self::NoLength => (411, "This request does not state its length"),
            Self::BodyTooLarge => (413, "This request's body is too large"),
            Self::WrongHost => (421, "This request was meant for another host"),
            Self::NoNavigation => (403, "Open this address in a browser tab"),
            Self::OtherSite => (403, "Do you want to sign in?"),
            Self::UnknownOwner => (403, "This page opens again through a file"),
            Self::NotFound | Self::BrowsersOwnPath => (404, "Page not found"),
            Self::NotGet | Self::NotPost => (405, "Still waiting for the sign-in"),
            Self::NotAForm => (415, "This request is not a form"),
            Self::InAddress => (400, "The sign-in response was in the address"),
            Self::QueryBesideForm | Self::OtherState | Self::NoState | Self::NotTheAnswer => {
                (400, "This is not the response to the sign-in")
            }
        }
    }

    /// Returns the message and the next step of the page.
    pub(super) fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::OtherSite => (
                "A page of another site opened this address. Continue only if you started this \
                 sign-in yourself. Still waiting for the sign-in.",
                "",
            ),
            Self::UnknownOwner => (
                "This system does not report which user opened this page. Still waiting for the \
                 sign-in.",
                "return to the terminal where you started the sign-in: the page opens again",
            ),
            _ => (
                "This request was not the response to the sign-in. Still waiting for the sign-in.",
                "",
            ),
        }
    }

    /// Returns the value of the `Allow` header.
    pub(super) fn allow(self) -> Option<&'static str> {
        match self {
            Self::NotGet => Some("GET"),
            Self::NotPost => Some("POST"),
            _ => None,
        }
    }

    /// Returns the reason for the terminal; `None` for requests that browsers send by themselves.
    pub(super) fn why(self) -> Option<Refused> {
        Some(Refused::Request(match self {
            Self::Tls => return Some(Refused::Tls),
            Self::UnknownOwner => return Some(Refused::UnknownOwner),
            Self::BrowsersOwnPath => return None,
            Self::Http2 => "it is HTTP/2 without TLS",
            Self::OtherVersion => "its HTTP version is not 1.1",
            Self::Malformed => "it is not valid HTTP/1.1",
            Self::TooSlow => "it was not complete after 10 s",
            Self::HeadTooLarge => "its head is larger than 16 KiB",
            Self::CookiesTooLarge => {
                "its cookies are larger than 128 KiB: delete the browser's cookies for localhost"
            }
            Self::TooManyHeaders => "it has more than 64 headers",
            Self::NoLength => "it does not state its length",
            Self::BodyTooLarge => "its body is larger than 64 KiB",
            Self::WrongHost => "its Host header does not name this listener",
            Self::NoNavigation => {
                "it comes from a script or resource of a page, not from a navigation"
            }
            Self::OtherSite => "a page of another site opened the sign-in page",
            Self::NotFound => "its path is not that of the redirect URI",
            Self::NotGet => "its method is not GET",
            Self::NotPost => "its method is not POST",
            Self::NotAForm => "its body is not a form",
            Self::InAddress => "it has the response in its address instead of a form",
            Self::QueryBesideForm => "it has a query beside its form",
            Self::OtherState => "its state is that of another sign-in",
            Self::NoState => "it has no state",
            Self::NotTheAnswer => "a parameter of the response is missing or not valid",
        }))
    }
}
