//! Entry points of the fuzz targets in `fuzz/` to parsers that are not public. A build without
//! `--cfg fuzzing` has none of them.

use crate::http::{Proxies, Route};
use crate::store::{index_for_fuzzing, sealed_file_for_fuzzing};
use crate::wire::{self, acs, entra, graph};

pub use crate::entra::redirect::fuzzing::redirect_request;
pub use crate::entra::sign_in::fuzzing::pasted_text;

/// Returns the route to an address.
pub fn route(proxies: &Proxies, address: &url::Url) -> Option<Route> {
    proxies.route(address).ok()
}

/// Reads an index in both ways.
pub fn index(data: &[u8]) {
    index_for_fuzzing(data);
}

/// Reads a sealed file, and seals these bytes.
pub fn sealed_file(data: &[u8]) {
    sealed_file_for_fuzzing(data);
}

/// Reads a body as each response of Entra ID.
pub fn entra_response(body: &[u8]) {
    let _ = wire::read::<entra::Metadata>(body);
    let _ = wire::read::<entra::DeviceAuthorization>(body);
    let _ = wire::read::<entra::TokenResponse>(body);
    let _ = wire::read::<entra::ClientInfo>(body);
    let _ = entra::TokenError::read(body);
    let _ = entra::TokenError::despite_success(body);
}

/// Reads a body as each response of ACS and Microsoft Graph.
pub fn acs_response(body: &[u8]) {
    let _ = wire::read::<acs::AccessToken>(body);
    let _ = wire::read::<acs::IdentityAndToken>(body);
    let _ = wire::read::<acs::AssignmentPage>(body);
    let _ = wire::read::<acs::ServiceError>(body);
    let _ = wire::read::<graph::UserPage>(body);
    let _ = wire::read::<graph::GraphError>(body);
}
