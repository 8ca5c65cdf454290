//! The start page: it sends this user's browser to the authority, as often as it is opened.
//!
//! Its address is on the browser's command line, so it contains no secret. Its target
//! contains `state`, `nonce` and the PKCE challenge: other users, other web pages and frames are
//! refused.

use super::authorization_response;
use super::refusal::{Next, Refusal, Refused};
use super::request::Request;
use crate::loopback::peer::Admission;
use crate::loopback::{self, FetchMetadata, Navigation};

/// The start page's path; the second one if the redirect address has the first.
const PATHS: [&str; 2] = ["/sign-in", "/start"];

/// Returns the path of the start page beside a redirect address with this path.
pub(super) fn path_beside(redirect_path: &str) -> &'static str {
    match redirect_path == PATHS[0] {
        true => PATHS[1],
        false => PATHS[0],
    }
}

/// Returns whether a request is for the start page.
pub(super) fn matches(request: &Request, path: &str) -> bool {
    *request.target == path
}

/// Checks that a request for the start page is a direct navigation of this user's browser.
pub(super) fn check(request: &Request, port: u16, admission: Admission) -> Result<(), Refusal> {
    if !loopback::is_our_host(&request.host, port) {
        return Err(authorization_response::WRONG_HOST);
    }
    let metadata = FetchMetadata {
        site: request.fetch_site.as_deref(),
        mode: request.fetch_mode.as_deref(),
        dest: request.fetch_dest.as_deref(),
        purpose: request.purpose.as_deref(),
    };
    match metadata.navigation() {
        Navigation::None => return Err(authorization_response::NO_NAVIGATION),
        Navigation::OtherOrigin => {
            return Err(Refusal {
                next: Next::Continue,
                ..Refusal::new(
                    403,
                    "Do you want to sign in?",
                    Refused::Request("a page of another site opened the sign-in page"),
                )
            });
        }
        Navigation::Direct => {}
    }
    if request.method != "GET" {
        return Err(authorization_response::method_not_allowed(
            "GET",
            "its method is not GET",
        ));
    }
    match admission {
        Admission::Trusted => Ok(()),
        Admission::Unreported => Err(Refusal {
            next: Next::Terminal,
            ..Refusal::new(403, "This page opens in another way", Refused::UnknownOwner)
        }),
    }
}
