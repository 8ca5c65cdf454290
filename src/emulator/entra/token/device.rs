//! The device code grant (RFC 8628, section 3.4).

use super::super::aadsts;
use super::super::error::EntraError;
use super::super::tokens::{Granted, TokenRequest};
use crate::emulator::state::Inner;
use crate::emulator::state::devices::NotReady;

pub(crate) fn redeem(request: &TokenRequest<'_>, state: &mut Inner) -> Result<Granted, EntraError> {
    let code = request.params.need("device_code")?;
    let polled = state.devices.poll(code, request.tenant, request.http.now);
    let sign_in = polled.map_err(|why| match why {
        NotReady::Unknown => aadsts::UNKNOWN_DEVICE_CODE,
        NotReady::Expired => aadsts::EXPIRED_DEVICE_CODE,
        NotReady::Declined => aadsts::DEVICE_DECLINED,
        NotReady::TooFast => aadsts::SLOW_DOWN,
        // Without Retry-After: MSAL for Python would keep this response.
        NotReady::Pending => aadsts::AUTHORIZATION_PENDING,
    })?;
    Ok(Granted {
        sign_in,
        // The scopes are those of the first request: MSAL for Python sends none here.
        requested: None,
        nonce: None,
        family: uuid::Uuid::new_v4().to_string(),
    })
}
