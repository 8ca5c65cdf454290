//! Which proxy a request goes through.

use super::check::Check;
use super::network::Heard;
use crate::error::Result;
use crate::http::{self, Route};

/// Says which proxy applies, and whether it is what keeps Entra from being heard. Credentials are
/// never shown.
pub fn proxy(route: Result<Route>, heard: Option<&Heard>) -> Check {
    const NAME: &str = "proxy";
    if let Some(error) = heard
        .and_then(Heard::error)
        .filter(|error| http::is_proxys(error))
    {
        return Check::failed(NAME, error);
    }
    match route {
        Ok(Route::Direct { why }) => Check::ok(NAME, format!("none: {why}")),
        Ok(Route::Through(route)) => Check::ok(
            NAME,
            format!(
                "{} by {}{}",
                route.address.as_str().trim_end_matches('/'),
                route.by,
                match route.has_credentials() {
                    true => ", with credentials",
                    false => "",
                }
            ),
        ),
        Err(error) => Check::failed(NAME, &error),
    }
}
