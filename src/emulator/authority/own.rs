//! A user's own certificate and key.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use super::certificates::Identity;
use crate::error::{Error, Result};

/// Longer than any chain of certificates.
const LIMIT: u64 = 1024 * 1024;

/// Reads a chain and its key.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) that names the option and the file.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<Identity> {
    let text = contents("--cert", certificate)?;
    let chain: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| {
        Error::usage(
            format!(
                "the file `{}` of --cert contains no certificate",
                certificate.display()
            ),
            "Use a PEM file with the server's certificate, then those of its issuers.",
        )
    })?;
    let text = contents("--key", key)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let is_encrypted = text.windows(9).any(|part| part == b"ENCRYPTED");
        let path = key.display();
        // The cause can quote the file.
        let message = match error {
            pem::Error::NoItemsFound if is_encrypted => {
                format!("the key in the file `{path}` of --key is encrypted")
            }
            _ => format!("the file `{path}` of --key contains no private key"),
        };
        Error::usage(
            message,
            "Use a PEM file with an unencrypted key: `openssl pkey -in FILE -out KEY` makes one.",
        )
    })?;
    Ok((chain, key))
}

/// Returns the error about a certificate and a key that cannot be used.
pub(super) fn refused(certificate: &Path, key: &Path, cause: rustls::Error) -> Error {
    let (certificate, key) = (certificate.display(), key.display());
    match cause {
        rustls::Error::InconsistentKeys(_) => Error::usage(
            format!("the key in `{key}` is not the key of the certificate in `{certificate}`"),
            "Use the key with which the certificate was requested. The server's certificate is the \
             first one in its file.",
        ),
        cause => Error::usage(
            format!("the certificate in `{certificate}` with the key in `{key}` cannot be used"),
            "Use an X.509 certificate with an RSA, ECDSA or Ed25519 key.",
        )
        .caused_by(cause),
    }
}

fn contents(option: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(LIMIT).read_to_end(&mut text));
    read.map_err(|cause| {
        let hint = match cause.kind() {
            io::ErrorKind::NotFound => "Check the path.",
            _ => "Check that it is a file that you can read.",
        };
        Error::usage(
            format!("the file `{}` of {option} cannot be read", path.display()),
            hint,
        )
        .caused_by(cause)
    })?;
    Ok(text)
}
