//! The limits of a request, and the refusal of a malformed one.

use std::time::Duration;

use crate::entra::redirect::refusal::{Refusal, Refused};

/// The largest head that a request may have beside its cookies, in bytes.
pub(super) const HEAD_LIMIT: usize = 16 * 1024;
/// The longest cookies that a request may have, in bytes.
pub(super) const COOKIE_LIMIT: usize = 128 * 1024;
pub(super) const HEADER_COUNT: usize = 64;
/// The largest body that a request may have, in bytes.
pub(super) const BODY_LIMIT: usize = 64 * 1024;
/// The longest time for a connection to send its request, and again to read its page.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(10);

pub(super) const MALFORMED: Refusal = Refusal::new(
    400,
    "This request cannot be read",
    Refused::Request("it is not valid HTTP/1.1"),
);
