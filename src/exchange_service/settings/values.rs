//! The settings as values.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::acs::Endpoint;
use crate::http::CaFile;
use crate::secret::ServiceSecret;

/// The settings of one replica.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub listen: ListenOn,
    /// What tokens must contain.
    pub rules: TokenRules,
    /// The authority of all tokens, without a path.
    pub authority: Url,
    /// The resource, and the credential for it.
    pub resource: ResourceSettings,
    /// The resource's budget.
    pub budget: Budget,
    /// The limit of each user in this replica.
    pub user_rate: UserRate,
    /// The database, if there is one: its URL contains a password.
    pub database: Option<ServiceSecret>,
    /// The credential for on-behalf-of requests, if the service sends them.
    pub on_behalf_of: Option<Proof>,
    /// Whether identities come from the resource's preview of `customId`, not from the database.
    pub uses_custom_ids: bool,
    /// How the service ends.
    pub drain: Drain,
    /// How long a process without a database waits for its share.
    pub first_wait: Duration,
    /// Certificate authorities in addition to the system's.
    pub ca_files: Vec<CaFile>,
}

/// The addresses, and the transport.
#[derive(Debug, Clone)]
pub struct ListenOn {
    /// The address of the service.
    pub service: SocketAddr,
    /// The address of the metrics.
    pub metrics: SocketAddr,
    /// The files for TLS, if the service speaks it.
    pub tls: Option<TlsFiles>,
}

/// The files for TLS. They are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its intermediates (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The authorities of client certificates (PEM), if clients need one.
    pub client_authorities: Option<PathBuf>,
}

/// What a valid token contains.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// The ids of the tenants, in lower case.
    pub tenants: Vec<String>,
    /// The ids of the applications, in lower case.
    pub clients: Vec<String>,
    /// This service's own audiences.
    pub audiences: Vec<String>,
    /// This service's own scope.
    pub scope: String,
}

/// The resource, and the credential for it.
#[derive(Clone)]
pub struct ResourceSettings {
    /// The resource.
    pub endpoint: Endpoint,
    /// The file with its access key. Without one, a principal has the permission.
    pub key_file: Option<PathBuf>,
    /// Hosts that may get users' tokens, in addition to those of ACS and loopback.
    pub allowed_hosts: Vec<String>,
    /// The variables of the principal.
    pub principal: BTreeMap<String, String>,
}

impl fmt::Debug for ResourceSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The variables contain secrets.
        f.debug_struct("ResourceSettings")
            .field("endpoint", &self.endpoint)
            .field("key_file", &self.key_file)
            .finish_non_exhaustive()
    }
}

/// The budget of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The requests in 30 seconds, of all replicas.
    pub per_window: u32,
    /// The number of replicas, for the fixed share of each without a database.
    pub replicas: u32,
    /// Whether the settings have that number. Without it, an outage of the database ends the share.
    pub has_replicas: bool,
}

impl Budget {
    /// Returns the fixed share of each replica.
    pub fn fixed_share(self) -> u32 {
        self.per_window / self.replicas
    }
}

/// The limit of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserRate {
    /// The requests to the resource per minute.
    pub per_minute: u32,
    /// The requests at once.
    pub burst: u32,
}

/// How the service ends after SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long it accepts connections while it reports that it is not ready.
    pub minimum: Duration,
    /// How long requests in progress may then take.
    pub maximum: Duration,
}

/// The credential of the service's own application, for on-behalf-of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The application's id.
    pub client_id: String,
    /// The kind of credential.
    pub kind: ProofKind,
}

/// The kind of an application's credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofKind {
    /// A certificate with its key (PEM).
    Certificate(PathBuf),
    /// A file with the token of another authority, such as Kubernetes.
    Federated(PathBuf),
}
