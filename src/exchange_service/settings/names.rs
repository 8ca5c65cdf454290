//! The names of the settings, as environment variables have them.

pub(super) const LISTEN: &str = "ACSPASS_EXCHANGE_LISTEN";
pub(super) const METRICS_LISTEN: &str = "ACSPASS_EXCHANGE_METRICS_LISTEN";
pub(super) const PLAIN: &str = "ACSPASS_EXCHANGE_PLAIN";
pub(super) const TENANTS: &str = "ACSPASS_EXCHANGE_TENANTS";
pub(super) const CLIENTS: &str = "ACSPASS_EXCHANGE_CLIENTS";
pub(super) const AUDIENCE: &str = "ACSPASS_EXCHANGE_AUDIENCE";
pub(super) const SCOPE: &str = "ACSPASS_EXCHANGE_SCOPE";
pub(super) const KEY_FILE: &str = "ACSPASS_EXCHANGE_KEY_FILE";
pub(super) const BUDGET: &str = "ACSPASS_EXCHANGE_BUDGET";
pub(super) const REPLICAS: &str = "ACSPASS_EXCHANGE_REPLICAS";
pub(super) const USER_RATE: &str = "ACSPASS_EXCHANGE_USER_RATE";
pub(super) const TLS_CERT: &str = "ACSPASS_EXCHANGE_TLS_CERT";
pub(super) const TLS_KEY: &str = "ACSPASS_EXCHANGE_TLS_KEY";
pub(super) const TLS_CLIENT_CA: &str = "ACSPASS_EXCHANGE_TLS_CLIENT_CA";
pub(super) const MIN_DRAIN: &str = "ACSPASS_EXCHANGE_MIN_DRAIN";
pub(super) const MAX_DRAIN: &str = "ACSPASS_EXCHANGE_MAX_DRAIN";
pub(super) const ON_BEHALF_OF: &str = "ACSPASS_EXCHANGE_ON_BEHALF_OF";
pub(super) const CUSTOM_ID: &str = "ACSPASS_EXCHANGE_CUSTOM_ID";
pub(super) const ALLOW_ENDPOINT: &str = "ACSPASS_EXCHANGE_ALLOW_ENDPOINT";
/// Debug builds only: how long a process without a database waits for its share.
pub(super) const TEST_FIRST_WAIT: &str = "ACSPASS_EXCHANGE_TEST_FIRST_WAIT";
pub(super) const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";
pub(super) const ENDPOINT: &str = "COMMUNICATION_SERVICES_ENDPOINT";
pub(super) const DATABASE_URL: &str = "DATABASE_URL";
pub(super) const CA_FILE: &str = "ACSPASS_CA_FILE";
pub(super) const SSL_CERT_FILE: &str = "SSL_CERT_FILE";
pub(super) const CLIENT_ID: &str = "AZURE_CLIENT_ID";
pub(super) const CERTIFICATE_PATH: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
pub(super) const FEDERATED_TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// The start of the names of this service's own variables.
pub(super) const PREFIX: &str = "ACSPASS_EXCHANGE_";

/// The variables of the principal, which the SDKs define.
pub(super) const PRINCIPAL: [&str; 9] = [
    CLIENT_ID,
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    CERTIFICATE_PATH,
    FEDERATED_TOKEN_FILE,
    "AZURE_TOKEN_CREDENTIALS",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "MSI_ENDPOINT",
];

/// All other names.
pub(super) const OWN: [&str; 24] = [
    LISTEN,
    METRICS_LISTEN,
    PLAIN,
    TENANTS,
    CLIENTS,
    AUDIENCE,
    SCOPE,
    KEY_FILE,
    BUDGET,
    REPLICAS,
    USER_RATE,
    TLS_CERT,
    TLS_KEY,
    TLS_CLIENT_CA,
    MIN_DRAIN,
    MAX_DRAIN,
    ON_BEHALF_OF,
    CUSTOM_ID,
    ALLOW_ENDPOINT,
    AUTHORITY_HOST,
    ENDPOINT,
    DATABASE_URL,
    CA_FILE,
    SSL_CERT_FILE,
];

/// The settings that name a file that must exist, beside the certificate authorities.
pub(super) const FILES: [&str; 6] = [
    KEY_FILE,
    TLS_CERT,
    TLS_KEY,
    TLS_CLIENT_CA,
    CERTIFICATE_PATH,
    FEDERATED_TOKEN_FILE,
];

/// Returns whether a setting has this name.
pub(super) fn is_known(name: &str) -> bool {
    let is_of_tests = cfg!(debug_assertions) && name == TEST_FIRST_WAIT;
    is_of_tests || OWN.contains(&name) || PRINCIPAL.contains(&name)
}
