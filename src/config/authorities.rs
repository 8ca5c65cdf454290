//! Which certificate authorities the environment names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::http::AuthorityFile;

/// Returns the certificate authorities of the environment, in addition to the system's.
/// `path_of` returns the path in an environment variable.
pub fn authority_files(path_of: impl Fn(&str) -> Option<PathBuf>) -> Vec<AuthorityFile> {
    [
        ("ACSPASS_CA_FILE", true),
        ("SSL_CERT_FILE", false),
        ("REQUESTS_CA_BUNDLE", false),
        ("NODE_EXTRA_CA_CERTS", false),
    ]
    .into_iter()
    .filter_map(|(named_by, required)| {
        Some(AuthorityFile {
            path: path_of(named_by)?,
            named_by,
            required,
        })
    })
    .collect()
}

/// Returns whether the environment makes the platform's loader leave out the system's certificates.
pub fn leaves_out_system_authorities(environment: &BTreeMap<String, String>) -> bool {
    ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .any(|name| environment.contains_key(*name))
}
