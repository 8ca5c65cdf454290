//! Parses the setting `exchange`.

use crate::error::{Error, Kind, Result};
use crate::exchange::ExchangeKind;
use crate::text::quoted;

/// Parses a kind of exchange.
///
/// # Errors
/// [`Kind::Usage`] with the list of kinds.
pub fn parse_exchange(text: &str) -> Result<ExchangeKind> {
    match text.to_ascii_lowercase().as_str() {
        "key" => Ok(ExchangeKind::Key),
        "entra" => Ok(ExchangeKind::Entra),
        "teams-extension" => Ok(ExchangeKind::TeamsExtension),
        _ => Err(Error::new(
            Kind::Usage,
            format!("{} is not a kind of exchange", quoted(text)),
            "the kinds are key, entra and teams-extension",
        )),
    }
}
