//! The environment variables that the command reads or sets. Most variables of settings
//! are in [`config`](crate::config).

use crate::config::ACCESS_KEY_VARIABLE;
use crate::input::CONNECTION_STRING_VARIABLES;

/// Declares constants with the names of variables as values.
macro_rules! variables {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])* pub(super) const $name: &str = stringify!($name);)*
    };
}

variables! {
    /// The access token that `exec` sets.
    AZURE_COMMUNICATION_ACCESS_TOKEN
    /// The Entra token that `get --entra -o env` prints.
    ACSPASS_ENTRA_TOKEN
    /// The resource's endpoint that `exec` sets, as some SDK samples read it.
    AZURE_COMMUNICATION_ENDPOINT
    /// The resource's endpoint that `exec` sets.
    COMMUNICATION_SERVICES_ENDPOINT
    /// The username of the account whose token `exec` sets.
    ACSPASS_ACCOUNT
    /// The token service that `exec` names to the command.
    ACSPASS_SERVE_URL
    /// The file with the secret of that service.
    ACSPASS_SERVE_SECRET_FILE
    /// The http address of a running emulator.
    ACSPASS_EMULATOR_URL
    /// The level of log lines.
    ACSPASS_LOG
    /// The profile.
    ACSPASS_PROFILE
    /// The store of sessions.
    ACSPASS_STORE
    /// The key file of the store `file`.
    ACSPASS_STORE_KEY_FILE
    /// The folder of `config.toml`.
    ACSPASS_CONFIG_DIR
    /// The folder of all state.
    ACSPASS_STATE_DIR
    /// The client id of the resource's principal (azure_identity).
    AZURE_CLIENT_ID
    /// The client secret of the resource's principal.
    AZURE_CLIENT_SECRET
    /// The certificate of the resource's principal.
    AZURE_CLIENT_CERTIFICATE_PATH
    /// The token file of a workload identity.
    AZURE_FEDERATED_TOKEN_FILE
    /// The credentials that azure_identity tries.
    AZURE_TOKEN_CREDENTIALS
    /// A managed identity of App Service or Azure Arc.
    IDENTITY_ENDPOINT
    /// The secret of a managed identity.
    IDENTITY_HEADER
    /// A managed identity of Cloud Shell.
    MSI_ENDPOINT
    /// A session of tmux.
    TMUX
    /// The user's name on Windows.
    USERNAME
    /// The domain or the machine of that user.
    USERDOMAIN
    /// The shell on Windows.
    COMSPEC
    /// A continuous-integration system runs this process.
    CI
    /// The user's session bus.
    DBUS_SESSION_BUS_ADDRESS
    /// The home folder.
    HOME
    /// No colours (no-color.org).
    NO_COLOR
    /// The socket for sd_notify(3).
    #[cfg(target_os = "linux")]
    NOTIFY_SOCKET
    /// The folders of programs.
    PATH
    /// The user's shell.
    SHELL
    /// A list of folders with certificates of authorities (OpenSSL).
    SSL_CERT_DIR
    /// The user that called `sudo`.
    #[cfg(unix)]
    SUDO_UID
    /// The type of the terminal.
    TERM
    /// The home folder on Windows.
    USERPROFILE
    /// The folder of settings, by the XDG Base Directory Specification.
    XDG_CONFIG_HOME
    /// The folder of sockets, by the XDG Base Directory Specification.
    XDG_RUNTIME_DIR
}

#[cfg(debug_assertions)]
variables! {
    /// A file that the confinement probe of debug builds tries to reach.
    ACSPASS_TEST_INTRUDER
}

/// The locale of the terminal, the first one that is set (locale(7)).
pub(super) const LOCALE: [&str; 3] = ["LC_ALL", "LC_CTYPE", "LANG"];

/// Variables by which an SDK finds a token, a key or a resource other than ours.
pub(super) const RESOURCE_CREDENTIALS: [&str; 7] = [
    CONNECTION_STRING_VARIABLES[0],
    CONNECTION_STRING_VARIABLES[1],
    ACCESS_KEY_VARIABLE,
    "COMMUNICATION_SERVICES_ACCESS_TOKEN",
    AZURE_COMMUNICATION_ACCESS_TOKEN,
    ACSPASS_SERVE_URL,
    ACSPASS_SERVE_SECRET_FILE,
];

/// Credentials that the Azure SDKs use for a principal, which can have a role at the resource:
/// `EnvironmentCredential`, `WorkloadIdentityCredential`, `ManagedIdentityCredential`.
pub(super) const PRINCIPAL_CREDENTIALS: [&str; 11] = [
    AZURE_CLIENT_SECRET,
    AZURE_CLIENT_CERTIFICATE_PATH,
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_PASSWORD",
    AZURE_FEDERATED_TOKEN_FILE,
    IDENTITY_ENDPOINT,
    IDENTITY_HEADER,
    "IDENTITY_SERVER_THUMBPRINT",
    "IMDS_ENDPOINT",
    MSI_ENDPOINT,
    "MSI_SECRET",
];

/// If one of these is set, the environment names a principal for the resource.
pub(super) const PRINCIPAL: [&str; 5] = [
    AZURE_CLIENT_ID,
    AZURE_FEDERATED_TOKEN_FILE,
    AZURE_TOKEN_CREDENTIALS,
    IDENTITY_ENDPOINT,
    MSI_ENDPOINT,
];

/// Files that `serve` reads beside its folders and the files of authorities.
pub(super) const SERVE_FILES: [&str; 3] = [
    ACSPASS_STORE_KEY_FILE,
    AZURE_CLIENT_CERTIFICATE_PATH,
    AZURE_FEDERATED_TOKEN_FILE,
];

/// Signs of an SSH session.
pub(super) const SSH: [&str; 2] = ["SSH_CONNECTION", "SSH_TTY"];

/// The variables of the process that holds the clipboard: the display and the access to it.
#[cfg(unix)]
pub(super) const CLIPBOARD: [&str; 5] = [
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    XDG_RUNTIME_DIR,
    HOME,
];

/// Signs of a desktop, which reads XDG autostart files.
pub(super) const DESKTOP: [&str; 3] = ["XDG_CURRENT_DESKTOP", "WAYLAND_DISPLAY", "DISPLAY"];

/// Paths that an installed service keeps, as absolute paths: the service starts in another folder.
pub(super) const UNIT_PATHS: [&str; 12] = [
    ACSPASS_CONFIG_DIR,
    ACSPASS_STATE_DIR,
    ACSPASS_STORE_KEY_FILE,
    "ACSPASS_CA_FILE",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    XDG_CONFIG_HOME,
    "XDG_STATE_HOME",
    AZURE_CLIENT_CERTIFICATE_PATH,
    AZURE_FEDERATED_TOKEN_FILE,
    "AZURE_CONFIG_DIR",
];

/// The proxies that clients use. An installed service keeps them.
pub(crate) const PROXIES: [&str; 6] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The hosts that clients reach without a proxy, in the order in which most clients read them.
pub(super) const NO_PROXIES: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Other variables that an installed service keeps.
pub(super) const UNIT_OTHERS: [&str; 8] = [
    SSL_CERT_DIR,
    NO_PROXIES[1],
    NO_PROXIES[0],
    ACSPASS_LOG,
    "AZURE_AUTHORITY_HOST",
    AZURE_CLIENT_ID,
    "AZURE_TENANT_ID",
    AZURE_TOKEN_CREDENTIALS,
];

/// Credentials that are or need a secret, which an installed service does not keep.
pub(super) const UNIT_SECRETS: [&str; 3] = [AZURE_CLIENT_SECRET, IDENTITY_ENDPOINT, MSI_ENDPOINT];
