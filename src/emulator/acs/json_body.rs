//! The JSON bodies of requests.

use serde::de::DeserializeOwned;

use super::error::AcsError;
use crate::emulator::ensure::ensure;
use crate::emulator::http::Request;

/// Reads a body of this media type.
pub(crate) fn read<T: DeserializeOwned>(
    request: &Request,
    media_type: &str,
    problem: &'static str,
) -> Result<T, AcsError> {
    ensure(request.is_of_type(media_type), AcsError::MEDIA_TYPE)?;
    serde_json::from_slice(&request.body).map_err(|_| AcsError::model(problem))
}

/// Reads a JSON body. An empty body or `null` is the default.
pub(crate) fn read_or_default<T: DeserializeOwned + Default>(
    request: &Request,
) -> Result<T, AcsError> {
    if request.body.is_empty() {
        return Ok(T::default());
    }
    let body: Option<T> = read(request, "application/json", AcsError::INVALID_BODY)?;
    Ok(body.unwrap_or_default())
}
