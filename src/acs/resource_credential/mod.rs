//! Entra ID instead of an access key: which principal asks, as the SDKs' `DefaultAzureCredential`
//! finds it out from the standard `AZURE_*` variables.
//!
//! The credentials are the `azure_identity` crate's, over our own HTTP client. That crate reads no
//! certificates without OpenSSL, so that one is ours, and it has no chain over all of them, so
//! that is ours too.

mod certificate;
mod token_cache;
mod transport;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, DeveloperToolsCredential, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};

use certificate::CertificateAssertion;
pub use token_cache::EntraPrincipal;
use transport::ReqwestTransport;

use crate::error::{Error, Kind, Result};
use crate::http::Http;
use crate::secret::{EntraToken, is_b64token};
use crate::text::one_line;
use crate::time::{Clock, Timestamp};

/// The scope for the resource's own API; the double slash is real (PY, JSI: `.default` of the
/// audience `https://communication.azure.com/`).
const SCOPE: &str = "https://communication.azure.com//.default";

/// The principal that the environment names: a client secret, a certificate, a federated token,
/// a managed identity, or else whoever is signed in to `az` or `azd`. Nothing is contacted.
///
/// Read are `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`,
/// `AZURE_CLIENT_CERTIFICATE_PATH`, `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_AUTHORITY_HOST`,
/// `IDENTITY_ENDPOINT`, `MSI_ENDPOINT` and `AZURE_TOKEN_CREDENTIALS`. A managed identity's
/// credential and the developer tools look at the process's own environment besides.
///
/// # Errors
/// [`Kind::Usage`] where what is named cannot be used.
pub fn from_environment(
    environment: &BTreeMap<String, String>,
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn TokenCredential>> {
    let variable = |name| value_of(environment, name);
    let authority = variable("AZURE_AUTHORITY_HOST");
    let options = || client_options(http.clone(), authority.as_deref());
    let (client_id, tenant_id) = (variable("AZURE_CLIENT_ID"), variable("AZURE_TENANT_ID"));
    if let (Some(client_id), Some(tenant_id)) = (&client_id, &tenant_id) {
        if let Some(secret) = variable("AZURE_CLIENT_SECRET") {
            let options = ClientSecretCredentialOptions {
                client_options: options(),
            };
            return made(ClientSecretCredential::new(
                tenant_id,
                client_id.clone(),
                Secret::new(secret),
                Some(options),
            ));
        }
        if let Some(path) = variable("AZURE_CLIENT_CERTIFICATE_PATH") {
            let assertion = CertificateAssertion::read(
                &PathBuf::from(path),
                authority.as_deref(),
                tenant_id,
                client_id,
                clock,
            )?;
            let options = ClientAssertionCredentialOptions {
                client_options: options(),
            };
            return made(ClientAssertionCredential::new(
                tenant_id.clone(),
                client_id.clone(),
                assertion,
                Some(options),
            ));
        }
        if let Some(path) = variable("AZURE_FEDERATED_TOKEN_FILE") {
            let credential_options = ClientAssertionCredentialOptions {
                client_options: options(),
            };
            return made(WorkloadIdentityCredential::new(Some(
                WorkloadIdentityCredentialOptions {
                    credential_options,
                    client_id: Some(client_id.clone()),
                    tenant_id: Some(tenant_id.clone()),
                    token_file_path: Some(PathBuf::from(path)),
                },
            )));
        }
    }
    if names_managed_identity(environment) {
        return made(ManagedIdentityCredential::new(Some(
            ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.map(UserAssignedId::ClientId),
                client_options: options(),
            },
        )));
    }
    Ok(Arc::new(Tools::default()))
}

/// Whether [`from_environment`] leaves the credential to `az` and `azd`, which are programs.
pub fn is_developer_tool(environment: &BTreeMap<String, String>) -> bool {
    let has = |name| value_of(environment, name).is_some();
    let secrets = [
        "AZURE_CLIENT_SECRET",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
    ];
    let is_named =
        has("AZURE_CLIENT_ID") && has("AZURE_TENANT_ID") && secrets.iter().any(|name| has(name));
    !is_named && !names_managed_identity(environment)
}

/// Whether the environment hints at a managed identity. Without a sign of one, asking costs half a
/// minute of silence on every desktop.
fn names_managed_identity(environment: &BTreeMap<String, String>) -> bool {
    let has = |name| value_of(environment, name).is_some();
    let wanted = value_of(environment, "AZURE_TOKEN_CREDENTIALS").map(|text| text.to_lowercase());
    let is_asked_for = matches!(
        wanted.as_deref(),
        Some("prod" | "managedidentitycredential")
    );
    has("IDENTITY_ENDPOINT") || has("MSI_ENDPOINT") || is_asked_for
}

/// A variable's value without spaces around it; an empty one counts as unset.
fn value_of(environment: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let text = environment.get(name)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Requests a token for the resource's own API; returns it with its expiry.
///
/// # Errors
/// [`Kind::Refused`] where Entra says no, [`Kind::Usage`] where there is no principal at all.
async fn fetch(credential: &dyn TokenCredential) -> Result<(EntraToken, Timestamp)> {
    let token = credential
        .get_token(&[SCOPE], None)
        .await
        .map_err(|error| in_our_words(&error))?;
    if !is_b64token(token.token.secret()) {
        return Err(Error::new(
            Kind::Refused,
            "the credential for the resource gave text that is not a token",
            "see what AZURE_TOKEN_CREDENTIALS, AZURE_AUTHORITY_HOST or `az` lead to",
        ));
    }
    let expires_on = Timestamp::from_unix_seconds(token.expires_on.unix_timestamp());
    Ok((EntraToken::new(token.token.secret()), expires_on))
}

fn client_options(http: Arc<Http>, authority: Option<&str>) -> ClientOptions {
    let cloud = authority.map(|host| {
        let mut custom = CustomConfiguration::default();
        host.trim_end_matches('/')
            .clone_into(&mut custom.authority_host);
        Arc::new(CloudConfiguration::Custom(custom))
    });
    ClientOptions {
        transport: Some(Transport::new(Arc::new(ReqwestTransport::new(http)))),
        // Our client tries again by itself.
        retry: RetryOptions::none(),
        cloud,
        ..ClientOptions::default()
    }
}

fn made<C: TokenCredential + 'static>(
    credential: azure_core::Result<Arc<C>>,
) -> Result<Arc<dyn TokenCredential>> {
    match credential {
        Ok(credential) => Ok(credential),
        Err(error) => Err(Error::new(
            Kind::Usage,
            "the Entra credential for the ACS resource cannot be used",
            "check the AZURE_* variables: the authority host is https, ids are GUIDs",
        )
        .caused_by(first_line(&error.to_string()))),
    }
}

/// Whoever is signed in to `az` or `azd`; they are looked for only when a token is wanted.
#[derive(Default)]
struct Tools(OnceLock<Arc<DeveloperToolsCredential>>);

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tools")
    }
}

#[async_trait::async_trait]
impl TokenCredential for Tools {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let credential = match self.0.get() {
            Some(credential) => credential,
            None => {
                let made = DeveloperToolsCredential::new(None)?;
                self.0.get_or_init(|| made)
            }
        };
        credential.get_token(scopes, options).await
    }
}

/// The crate's errors may carry a response body; only their first line goes on.
fn in_our_words(error: &azure_core::Error) -> Error {
    let said = first_line(&error.to_string());
    let status = match error.kind() {
        ErrorKind::HttpResponse { status, .. } => Some(u16::from(*status)),
        _ => None,
    };
    let is_network = matches!(error.kind(), ErrorKind::Io | ErrorKind::Connection)
        || said.contains(transport::NOT_REACHED);
    let error = match (is_network, said.contains("AADSTS"), status) {
        (true, _, _) => Error::new(
            Kind::Unreachable,
            "Entra ID could not be reached for the ACS resource's credential",
            "check the network and AZURE_AUTHORITY_HOST",
        ),
        (false, true, _) | (false, false, Some(400..=499)) => Error::new(
            Kind::Refused,
            "Entra ID refused the credential for the ACS resource",
            "check AZURE_CLIENT_ID, AZURE_TENANT_ID and the secret or certificate; the principal \
             needs a role on the resource",
        ),
        (false, false, _) => Error::new(
            Kind::Usage,
            "there is neither an access key nor an Entra credential for the ACS resource",
            "set COMMUNICATION_SERVICES_CONNECTION_STRING, or AZURE_CLIENT_ID, AZURE_TENANT_ID \
             and AZURE_CLIENT_SECRET, or sign in with `az login`",
        ),
    };
    match aadsts(&said) {
        Some(code) => error.with_code(code).caused_by(said),
        None => error.caused_by(said),
    }
}

fn aadsts(text: &str) -> Option<String> {
    let digits: String = text[text.find("AADSTS")? + 6..]
        .chars()
        .take_while(char::is_ascii_digit)
        .take(9)
        .collect();
    Some(format!("AADSTS{digits}"))
}

fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim);
    one_line(lines.find(|line| !line.is_empty()).unwrap_or_default(), 300)
}
