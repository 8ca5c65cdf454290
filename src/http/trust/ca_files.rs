//! Certificate authorities beside the system's: files in, certificates that a verifier takes out.

use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tracing::warn;

use crate::error::{Error, Result};
use crate::files::{may_never_end, open_named};
use crate::input;
use crate::text::{quoted, shown};

/// Where Unix systems keep the authorities that they trust (as OpenSSL's and Go's lists have it).
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Longest file of authorities that is read, in bytes: the system's own has a few hundred
/// thousand.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// A PEM file with certificate authorities to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaFile {
    /// The path.
    pub path: PathBuf,
    /// The setting that named it, for messages.
    pub named_by: &'static str,
    /// Whether an unreadable file is an error, and not a warning.
    pub required: bool,
}

impl CaFile {
    /// Reads the file, and finds another user that can change it.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it cannot be read or holds no certificate of an
    /// authority.
    pub(crate) fn read(&self) -> Result<(Vec<CertificateDer<'static>>, Option<String>)> {
        read_bounded(&self.path).map_err(|why| {
            let name = self.named_by;
            let path = quoted(&self.path.to_string_lossy());
            Error::usage(
                format!("could not read the CA file {path} in {name}: {why}"),
                format!("Set {name} to a PEM file, or unset it."),
            )
        })
    }

    /// Whether it is an error if the file cannot be read. The platform's loader reads
    /// `SSL_CERT_FILE` by itself, and would wait at a FIFO and read a device for ever.
    pub(crate) fn is_required(&self) -> bool {
        self.required || self.named_by == "SSL_CERT_FILE" && may_never_end(&self.path)
    }
}

/// The certificates of all files; a file that is not required is warned about.
pub(in crate::http) fn read_all(files: &[CaFile]) -> Result<Vec<CertificateDer<'static>>> {
    let mut all = Vec::new();
    for file in files {
        match file.read() {
            Ok((found, changer)) => {
                if let Some(changer) = changer {
                    warn!(
                        "the CA file {1} in {0}, which {2}, decides which servers get your tokens",
                        file.named_by,
                        shown(&file.path.to_string_lossy()),
                        shown(&changer)
                    );
                }
                all.extend(found);
            }
            Err(error) if file.is_required() => return Err(error),
            Err(error) => warn!("{error}"),
        }
    }
    Ok(all)
}

/// Returns the system's authorities. The platform's loader takes `SSL_CERT_FILE` and `SSL_CERT_DIR` in
/// place of these; macOS and Windows have no such file, and their loaders do not look at either.
pub(in crate::http) fn system_bundle() -> Vec<CertificateDer<'static>> {
    BUNDLES
        .iter()
        .find_map(|path| std::fs::read(Path::new(path)).ok())
        .map(|pem| parsable(&pem))
        .unwrap_or_default()
}

/// The certificates that a verifier takes: one that it does not would make it take none.
fn parsable(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(&input::utf8(pem))
        .filter_map(Result::ok)
        .filter(|found| RootCertStore::empty().add(found.clone()).is_ok())
        .collect()
}

/// Reads the certificates of a file, and finds another user that can change it. A device or a log
/// that was named by mistake is not read for ever.
fn read_bounded(path: &Path) -> Result<(Vec<CertificateDer<'static>>, Option<String>), String> {
    let (file, changer) = open_named(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err("it is larger than 16 MiB".to_owned());
    }
    let found = parsable(&bytes);
    match found.is_empty() {
        true => Err("it contains no PEM certificate".to_owned()),
        false => Ok((found, changer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_certificates_are_left_out() {
        let nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(parsable(nonsense), []);
        assert_eq!(parsable(b"no certificate"), []);
    }

    #[test]
    fn a_bundle_that_windows_wrote_loses_no_certificate() {
        let certificate = || {
            let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
            signed.expect("a certificate").cert.pem()
        };
        let bundle = format!("{}{}", certificate(), certificate()).replace('\n', "\r\n");
        let marked = format!("\u{feff}{bundle}");
        let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [bundle.as_bytes(), marked.as_bytes(), &little, &big] {
            assert_eq!(parsable(bytes).len(), 2);
        }
    }

    #[test]
    fn system_has_authorities_if_it_has_a_bundle() {
        let has_one = BUNDLES.iter().any(|path| Path::new(path).exists());
        assert_eq!(system_bundle().is_empty(), !has_one);
    }
}
