//! Fetches a token for the resource, and translates the errors of the `azure_identity` crate.

use azure_core::credentials::TokenCredential;
use azure_core::error::ErrorKind;

use super::transport;
use crate::error::{Error, Kind, Result};
use crate::secret::{EntraToken, is_b64token};
use crate::text::one_line;
use crate::time::Timestamp;

/// The scope for the resource's API; the double slash is real (PY, JSI: `.default` of the
/// audience `https://communication.azure.com/`).
const SCOPE: &str = "https://communication.azure.com//.default";

/// Requests a token for the resource's API; returns it with its expiry.
///
/// # Errors
/// [`Kind::Refused`] if Entra refuses, [`Kind::Usage`] if there is no principal.
pub(super) async fn fetch(credential: &dyn TokenCredential) -> Result<(EntraToken, Timestamp)> {
    let token = credential
        .get_token(&[SCOPE], None)
        .await
        .map_err(|error| translate(&error))?;
    if !is_b64token(token.token.secret()) {
        return Err(Error::new(
            Kind::Refused,
            "the credential for the resource gave text that is not a token",
            "see what AZURE_TOKEN_CREDENTIALS, AZURE_AUTHORITY_HOST or `az` lead to",
        ));
    }
    let expires_on = Timestamp::from_unix_seconds(token.expires_on.unix_timestamp());
    Ok((EntraToken::new(token.token.secret()), expires_on))
}

/// Translates an error. It may contain a response body, so only its first line is kept.
fn translate(error: &azure_core::Error) -> Error {
    let message = first_line(&error.to_string());
    let status = match error.kind() {
        ErrorKind::HttpResponse { status, .. } => Some(u16::from(*status)),
        _ => None,
    };
    let is_network = matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection)
        || message.contains(transport::NOT_REACHED);
    let error = match (is_network, message.contains("AADSTS"), status) {
        (true, _, _) => Error::new(
            Kind::Unreachable,
            "Entra ID could not be reached for the ACS resource's credential",
            "check the network and AZURE_AUTHORITY_HOST",
        ),
        (false, true, _) | (false, false, Some(400..=499)) => Error::new(
            Kind::Refused,
            "Entra ID refused the credential for the ACS resource",
            "check AZURE_CLIENT_ID, AZURE_TENANT_ID and the secret or certificate; the principal \
             needs a role on the resource",
        ),
        (false, false, _) => Error::new(
            Kind::Usage,
            "there is neither an access key nor an Entra credential for the ACS resource",
            "set COMMUNICATION_SERVICES_CONNECTION_STRING, or AZURE_CLIENT_ID, AZURE_TENANT_ID \
             and AZURE_CLIENT_SECRET, or sign in with `az login`",
        ),
    };
    match aadsts(&message) {
        Some(code) => error.with_code(code).caused_by(message),
        None => error.caused_by(message),
    }
}

fn aadsts(text: &str) -> Option<String> {
    let digits: String = text[text.find("AADSTS")? + 6..]
        .chars()
        .take_while(char::is_ascii_digit)
        .take(9)
        .collect();
    Some(format!("AADSTS{digits}"))
}

pub(super) fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    one_line(lines.find(|line| !line.is_empty()).unwrap_or_default(), 300)
}
