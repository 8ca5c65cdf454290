//! Which certificate authorities the environment names.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::http::AuthorityFile;

/// The certificate authorities that the environment names, each beside the system's own.
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

/// Whether the environment makes the platform's loader of certificates leave out the system's own.
pub fn leaves_out_system_authorities(environment: &BTreeMap<String, String>) -> bool {
    ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .any(|name| environment.contains_key(*name))
}
