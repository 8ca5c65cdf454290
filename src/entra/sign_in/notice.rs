//! The messages for the user during a sign-in.

use std::time::Duration;

use crate::entra::redirect::Refused;

/// A message for the user during a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The sign-in waits for the user. Sent about once a second.
    Waiting {
        /// The time until the sign-in times out.
        left: Duration,
    },
    /// No request arrived at the redirect address for some time: perhaps no browser opened. Sent
    /// once.
    NoResponse,
    /// A request to the redirect address was refused. Sent once for each reason.
    Refused(Refused),
    /// A code to enter on another device. Sent again if the first code expires.
    UserCode {
        /// The code.
        code: &'a str,
        /// The page for the code, from Entra's response.
        page: &'a str,
        /// The page's host, with its port if that is not the default one: the part of the address
        /// to check before anything is entered.
        host: &'a str,
        /// The application that requests the sign-in.
        client_id: &'a str,
        /// The time until the code expires.
        left: Duration,
    },
    /// The address of the sign-in page. The user pastes the last address of that browser.
    Address {
        /// The address. It contains `state` and `nonce`: do not log it.
        url: &'a str,
        /// The start of the last address.
        redirect_uri: &'a str,
    },
    /// The pasted text is not the response.
    Unusable {
        /// The reason, without the text.
        why: &'a str,
        /// The number of tries left.
        tries_left: u32,
    },
}
