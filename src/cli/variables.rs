//! The reference of environment variables: a description of each, in groups.
//!
//! The variables of settings are not repeated here: [`Setting`](crate::config::Setting) has them.
//! `tests/docs` compares the table with the names that the code uses.

/// A group of environment variables with one purpose.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The variables.
    pub variables: &'static [Variable],
}

/// One environment variable, or several with one purpose.
#[derive(Debug)]
pub struct Variable {
    /// The names, in the order of precedence.
    pub names: &'static [&'static str],
    /// The purpose, in sentences.
    pub description: &'static str,
}

const fn variable(names: &'static [&'static str], description: &'static str) -> Variable {
    Variable { names, description }
}

/// Every environment variable that is no setting.
pub const GROUPS: &[Group] = &[
    Group {
        title: "The ACS resource",
        variables: &[
            variable(
                &[
                    "COMMUNICATION_SERVICES_CONNECTION_STRING",
                    "AZURE_COMMUNICATION_CONNECTION_STRING",
                ],
                "The resource's connection string.",
            ),
            variable(
                &["COMMUNICATION_SERVICES_ACCESSKEY"],
                "The access key for the endpoint in `COMMUNICATION_SERVICES_ENDPOINT`.",
            ),
        ],
    },
    Group {
        title: "An Entra principal for the resource",
        variables: &[
            variable(
                &["AZURE_TENANT_ID", "AZURE_CLIENT_ID"],
                "The tenant and the application of a principal with a role on the resource. Never used as the user's tenant or client id.",
            ),
            variable(
                &["AZURE_CLIENT_SECRET"],
                "The client secret of the principal.",
            ),
            variable(
                &["AZURE_CLIENT_CERTIFICATE_PATH"],
                "The certificate and the RSA key of the principal, as a PEM file without a password.",
            ),
            variable(
                &["AZURE_FEDERATED_TOKEN_FILE"],
                "The token file of a workload identity.",
            ),
            variable(
                &["IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT"],
                "A managed identity of App Service, Azure Arc or Cloud Shell.",
            ),
            variable(
                &["AZURE_TOKEN_CREDENTIALS"],
                "The credential to use, by the names of the Azure SDKs.",
            ),
            variable(
                &["AZURE_CONFIG_DIR"],
                "The folder of the Azure CLI, whose account is used if no other credential is set.",
            ),
        ],
    },
    Group {
        title: "Files and folders",
        variables: &[
            variable(
                &["ACSPASS_CONFIG_DIR"],
                "The folder of `config.toml`, instead of the platform's.",
            ),
            variable(
                &["ACSPASS_STATE_DIR"],
                "The folder of the index, locks, sealed files and the service's files, instead of the platform's.",
            ),
            variable(
                &["ACSPASS_STORE_KEY_FILE"],
                "The key file of the store `file`. Without it, acspass asks for a passphrase.",
            ),
            variable(
                &["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"],
                "The platform's folders on Linux (XDG Base Directory Specification).",
            ),
            variable(
                &["SHELL", "COMSPEC"],
                "The shell that `exec` runs without CMD; on Windows `COMSPEC`.",
            ),
            variable(
                &["HOME", "USERPROFILE"],
                "The home folder. Messages write `~` for it.",
            ),
            variable(
                &["SUDO_UID"],
                "The user that called `sudo`: root uses that user's folders and leaves the files to that user.",
            ),
            variable(
                &["USERNAME", "USERDOMAIN"],
                "The user of the task that `serve --install` creates on Windows.",
            ),
            variable(&["PATH"], "The folders of programs, for `az` and `azd`."),
        ],
    },
    Group {
        title: "Network",
        variables: &[
            variable(
                &["ACSPASS_CA_FILE"],
                "Certificates of authorities (PEM), in addition to the system's. An unreadable file is an error.",
            ),
            variable(
                &["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"],
                "The same, for files that other tools name. An unreadable file is a warning.",
            ),
            variable(
                &["SSL_CERT_DIR"],
                "Folders with certificates of authorities (OpenSSL).",
            ),
            variable(
                &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
                "The proxy. Without a variable, macOS and Windows use the system's. Loopback never uses a proxy.",
            ),
            variable(
                &["NO_PROXY", "no_proxy"],
                "Hosts that are reached without the proxy.",
            ),
            variable(
                &["HTTP_PROXY", "http_proxy"],
                "No effect: acspass uses plain http on loopback only.",
            ),
        ],
    },
    Group {
        title: "Browser, terminal and messages",
        variables: &[
            variable(
                &["BROWSER"],
                "The command that opens pages, split into shell words and run without a shell. The address is the last argument.",
            ),
            variable(
                &["DISPLAY", "WAYLAND_DISPLAY"],
                "A display on which the desktop's browser can open.",
            ),
            variable(
                &["XAUTHORITY", "TMUX"],
                "The access to the display, and a session of tmux, for `get --copy`.",
            ),
            variable(
                &["XDG_CURRENT_DESKTOP"],
                "A desktop, or a display: without systemd, `serve --install` writes an autostart file.",
            ),
            variable(
                &[
                    "SSH_CONNECTION",
                    "SSH_TTY",
                    "SSH_CLIENT",
                    "WSL_DISTRO_NAME",
                    "WSL_INTEROP",
                    "container",
                    "REMOTE_CONTAINERS",
                    "CODESPACES",
                    "KUBERNETES_SERVICE_HOST",
                ],
                "Signs of SSH, WSL or a container. They select the advice for a sign-in without a display.",
            ),
            variable(&["NO_COLOR"], "No colour, if it is set and not empty."),
            variable(
                &["ACSPASS_LOG"],
                "The level of messages: `off`, `error`, `warn`, `info` (default), `debug` or `trace`. `-q` and `-v` take precedence.",
            ),
            variable(
                &["TERM"],
                "`dumb` turns off colour and lines that are rewritten.",
            ),
            variable(
                &["LC_ALL", "LC_CTYPE", "LANG"],
                "The locale. Without UTF-8, no symbols and no QR code are shown.",
            ),
            variable(
                &["CI"],
                "A continuous-integration system runs acspass: with `--emulator`, no browser opens.",
            ),
        ],
    },
    Group {
        title: "System services",
        variables: &[
            variable(
                &["DBUS_SESSION_BUS_ADDRESS"],
                "The session bus, for the store `keyring` on Linux.",
            ),
            variable(
                &["NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"],
                "systemd's protocols for `serve`: the state of the service, and sockets that it hands over.",
            ),
        ],
    },
    Group {
        title: "The emulator",
        variables: &[variable(
            &["ACSPASS_EMULATOR_URL"],
            "The http address of a running emulator, for the commands below `acspass emulator`. Without it: `http://localhost:8485`.",
        )],
    },
    Group {
        title: "Set for the command of `exec`",
        variables: &[
            variable(
                &["AZURE_COMMUNICATION_ACCESS_TOKEN"],
                "The Communication access token. `get -o env` prints it too.",
            ),
            variable(
                &[
                    "COMMUNICATION_SERVICES_ENDPOINT",
                    "AZURE_COMMUNICATION_ENDPOINT",
                ],
                "The resource's endpoint.",
            ),
            variable(
                &["ACSPASS_SERVE_URL", "ACSPASS_SERVE_SECRET_FILE"],
                "The address of the running token service, and the file with its secret. With `--server`, they are those of the command's own service.",
            ),
            variable(
                &["IDENTITY_ENDPOINT", "IDENTITY_HEADER"],
                "With `--managed-identity`: the address of a managed identity that returns the user's Entra token, and its secret.",
            ),
            variable(
                &["ACSPASS_ACCOUNT"],
                "The username of the account, for example for a shell prompt.",
            ),
            variable(
                &["ACSPASS_ENTRA_TOKEN"],
                "The Entra token. Only `get --entra -o env` prints it.",
            ),
        ],
    },
    Group {
        title: "Printed by `get -o env`",
        variables: &[variable(
            &["ACSPASS_ENTRA_TOKEN"],
            "The Entra token, with `--entra`.",
        )],
    },
    Group {
        title: "Removed for the command of `exec`",
        variables: &[variable(
            &[
                "COMMUNICATION_SERVICES_ACCESS_TOKEN",
                "AZURE_CLIENT_CERTIFICATE_PASSWORD",
                "AZURE_PASSWORD",
                "IDENTITY_SERVER_THUMBPRINT",
                "IMDS_ENDPOINT",
                "MSI_SECRET",
            ],
            "Credentials that may belong to another principal or resource. The connection strings, keys and credentials above are removed too.",
        )],
    },
];
