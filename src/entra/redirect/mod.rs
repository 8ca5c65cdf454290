//! Receives Entra's response to a sign-in at a loopback address (RFC 8252, section 7.3).
//!
//! Inputs are the redirect address and the `state` of one sign-in. The output is the response with
//! that state, once, and the page that its browser still waits for. Other requests get a page and
//! change nothing. The module does not check the code or the issuer.
//!
//! Limits on connections and requests are in `connections` and `request`. tiny_http formats the
//! responses; it has no limits, so it does not read from the network.

mod authorization_response;
mod connections;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod listener;
mod page;
mod refusal;
mod request;
#[cfg(test)]
mod tests;
mod uri;

pub use authorization_response::{AuthorizationResponse, Callback, ResponseMode};
pub(super) use authorization_response::{Denial, is_same_state, read_pasted};
pub use connections::Progress;
pub use listener::{Received, Redirect, Wait};
pub use page::Page;
pub use refusal::Refused;
pub use uri::{PasteUri, RedirectUri};
