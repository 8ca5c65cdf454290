//! The certificates that this system trusts, as files.

use std::fs;

/// The files with the system's certificates, as programs on different systems know them.
pub(crate) const BUNDLES: [&str; 8] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/usr/lib/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// Returns the certificates that this system trusts, PEM; empty if it has no file with them.
pub fn system() -> String {
    let mut bundles = BUNDLES.iter().map(fs::read_to_string);
    let mut text = bundles.find_map(Result::ok).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
