//! The secret of one run: random, in a file that only the user can read.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::files::Folder;
use crate::secret::{ServiceSecret, is_b64token};

/// The name of the secret's file in the folder.
pub(in crate::serve) const SECRET_FILE: &str = "secret";
/// Bytes of the secret: 256 bits.
const SECRET: usize = 32;
/// Longest secret file that is read, in bytes.
const LONGEST_SECRET: u64 = 4096;

/// Reads the secret in this file of a service's folder.
pub(in crate::serve) fn read_secret(folder: &Folder, name: &str) -> io::Result<ServiceSecret> {
    let bytes = Zeroizing::new(folder.read(name, LONGEST_SECRET)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    match text.trim() {
        secret if is_b64token(secret) => Ok(ServiceSecret::new(secret)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Compares a secret in constant time.
pub(in crate::serve) fn is_secret(secret: &ServiceSecret, sent: &[u8]) -> bool {
    secret.expose().as_bytes().ct_eq(sent).into()
}

/// Makes a new secret.
///
/// # Errors
/// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
pub(in crate::serve) fn new_secret() -> Result<ServiceSecret> {
    Ok(ServiceSecret::new(random::<SECRET>()?))
}

/// Returns `N` random bytes of the system in Base64url without padding.
pub(in crate::serve) fn random<const N: usize>() -> Result<String> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new()
        .fill(bytes.as_mut())
        .map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}
