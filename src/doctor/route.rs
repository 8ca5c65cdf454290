//! The check of the proxy.

use super::check::Check;
use super::network::MetadataProbe;
use crate::error::Result;
use crate::http::{self, Route};

/// Shows the proxy, and whether it is the cause of a failure to reach Entra. Shows no credentials.
pub fn proxy(route: Result<Route>, probe: Option<&MetadataProbe>) -> Check {
    const NAME: &str = "proxy";
    if let Some(error) = probe
        .and_then(MetadataProbe::error)
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
