//! Which proxy a request goes through.

use super::Check;
use crate::error::Result;
use crate::http::Route;

/// Says which proxy applies; its credentials are never shown.
pub fn proxy(route: Result<Route>) -> Check {
    const NAME: &str = "proxy";
    match route {
        Ok(Route::Direct { why }) => Check::ok(NAME, format!("none: {why}")),
        Ok(Route::Through(via)) => Check::ok(
            NAME,
            format!(
                "{} by {}{}",
                via.address.as_str().trim_end_matches('/'),
                via.by,
                match via.has_credentials() {
                    true => ", with credentials",
                    false => "",
                }
            ),
        ),
        Err(error) => Check::failed(NAME, &error),
    }
}
