//! The resource, with its credential: a key from a file, or a principal.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tracing::warn;
use url::Url;

use crate::acs::resource_credential::{EntraPrincipal, from_environment};
use crate::acs::{Endpoint, IdentityClient, ResourceAuth, check_access_key};
use crate::error::{Error, Result};
use crate::exchange_service::settings::ResourceSettings;
use crate::files::read_named;
use crate::http::Http;
use crate::input;
use crate::secret::AccessKey;
use crate::text::quoted;
use crate::time::{Clock, Timestamp};

/// The longest file of an access key, in bytes.
const MAX_KEY_FILE_BYTES: u64 = 4 * 1024;

/// The client of the resource. Its key is replaced when the file changes.
pub(in crate::exchange_service) struct Resource {
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
    endpoint: Endpoint,
    address: Url,
    allowed_hosts: Vec<String>,
    credential: Credential,
}

enum Credential {
    File {
        path: PathBuf,
        current: RwLock<(AccessKey, Arc<IdentityClient>)>,
    },
    Principal {
        principal: EntraPrincipal,
        client: Arc<IdentityClient>,
    },
}

impl Resource {
    /// Creates the client. `http` sends each request once, because each try counts for the resource.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the credential cannot be used.
    pub(in crate::exchange_service) fn new(
        settings: &ResourceSettings,
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let endpoint = settings.endpoint.clone();
        let allowed_hosts = settings.allowed_hosts.clone();
        let client = |auth| client(&endpoint, auth, &http, &clock, &allowed_hosts);
        let credential = match &settings.key_file {
            Some(path) => {
                let key = read_key(path)?;
                let client = client(ResourceAuth::Key(key.clone()));
                Credential::File {
                    path: path.clone(),
                    current: RwLock::new((key, client)),
                }
            }
            None => {
                let credential =
                    from_environment(&settings.principal, http.clone(), clock.clone())?;
                let principal = EntraPrincipal::from(credential);
                let client = client(ResourceAuth::Entra(principal.clone()));
                Credential::Principal { principal, client }
            }
        };
        Ok(Resource {
            http,
            clock,
            address: endpoint.at("/")?,
            endpoint,
            allowed_hosts,
            credential,
        })
    }

    /// The address of the resource, whose tokens are exchanged for.
    pub(in crate::exchange_service) fn address(&self) -> &Url {
        &self.address
    }

    /// Returns the time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the client with the current credential.
    pub(in crate::exchange_service) fn client(&self) -> Arc<IdentityClient> {
        match &self.credential {
            Credential::Principal { client, .. } => client.clone(),
            Credential::File { current, .. } => {
                let current = current.read().unwrap_or_else(PoisonError::into_inner);
                current.1.clone()
            }
        }
    }

    /// Requests the principal's token, unless there is a valid one, so that the next request to the
    /// resource uses it. An access key needs none.
    ///
    /// # Errors
    /// If the principal gets no token.
    pub(super) async fn principal_token(&self) -> Result<()> {
        match &self.credential {
            Credential::File { .. } => Ok(()),
            Credential::Principal { principal, .. } => {
                principal.token(self.clock.as_ref()).await.map(drop)
            }
        }
    }

    /// Requests the principal's token, unless there is a valid one, or reads the key again if its file
    /// has changed.
    ///
    /// # Errors
    /// If the principal gets no token. A file that cannot be read leaves the old key in use.
    pub(in crate::exchange_service) async fn renew_credential(&self) -> Result<()> {
        match &self.credential {
            Credential::Principal { .. } => self.principal_token().await,
            Credential::File { path, current } => {
                let key = match read_key(path) {
                    Ok(key) => key,
                    Err(error) => {
                        warn!("The old access key stays in use: {error}.");
                        return Ok(());
                    }
                };
                let mut current = current.write().unwrap_or_else(PoisonError::into_inner);
                if current.0 != key {
                    let auth = ResourceAuth::Key(key.clone());
                    let hosts = &self.allowed_hosts;
                    let client = client(&self.endpoint, auth, &self.http, &self.clock, hosts);
                    *current = (key, client);
                }
                Ok(())
            }
        }
    }
}

fn client(
    endpoint: &Endpoint,
    auth: ResourceAuth,
    http: &Arc<Http>,
    clock: &Arc<dyn Clock>,
    allowed_hosts: &[String],
) -> Arc<IdentityClient> {
    let client = IdentityClient::new(endpoint.clone(), auth)
        .with_http(http.clone())
        .with_clock(clock.clone())
        .with_allowed_hosts(allowed_hosts.to_vec());
    Arc::new(client)
}

fn read_key(path: &std::path::Path) -> Result<AccessKey> {
    let unreadable = |error: io::Error| {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied => "Check the mode of the file.",
            ErrorKind::NotFound if path.is_relative() => {
                "Check ACSPASS_EXCHANGE_KEY_FILE. A relative path begins at the folder in which the \
                 program starts."
            }
            _ => "Check ACSPASS_EXCHANGE_KEY_FILE.",
        };
        let path = quoted(&path.to_string_lossy());
        Error::usage(format!("could not read the access key in {path}"), hint).caused_by(error)
    };
    let bytes = read_named(path, MAX_KEY_FILE_BYTES).map_err(unreadable)?;
    let text = input::text(&bytes).ok_or_else(|| unreadable(ErrorKind::InvalidData.into()))?;
    check_access_key(&text)
}
