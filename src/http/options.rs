//! The options of the HTTP client.

use std::time::Duration;

use super::authorities::AuthorityFile;
use super::proxies::Proxies;

/// The time limit of all tries, unless the service requests a longer wait.
const ALL_TRIES: Duration = Duration::from_secs(30);
/// The time limit of one try, from connecting to the last byte.
const ONE_TRY: Duration = Duration::from_secs(12);

/// The options of the HTTP client. Files are read at the first use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Files of certificate authorities (PEM), trusted beside the system's.
    pub authorities: Vec<AuthorityFile>,
    /// Whether the system's own bundle is added as well: if `SSL_CERT_FILE` or
    /// `SSL_CERT_DIR` make the platform's loader leave it out.
    pub adds_system_bundle: bool,
    /// The proxies.
    pub proxies: Proxies,
    /// The wait before the first retry; it doubles from there.
    pub first_wait: Duration,
    /// The time limit of one try, from connecting to the last byte.
    pub one_try: Duration,
    /// The time limit of all tries, unless the service requests a longer wait.
    pub all_tries: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            authorities: Vec::new(),
            adds_system_bundle: false,
            proxies: Proxies::default(),
            first_wait: Duration::from_millis(800),
            one_try: ONE_TRY,
            all_tries: ALL_TRIES,
        }
    }
}
