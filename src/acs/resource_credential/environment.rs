//! The credential that the environment names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{AccessToken, Secret, TokenCredential, TokenRequestOptions};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, DeveloperToolsCredential, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};

use super::certificate::CertificateAssertion;
use super::fetch::first_line;
use super::transport::ReqwestTransport;

use crate::error::{Error, Kind, Result};
use crate::http::Http;
use crate::time::Clock;

/// Returns the credential of the principal in the environment: a client secret, a certificate, a federated token,
/// a managed identity, or else the account of `az` or `azd`. Sends no request.
///
/// Read are `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`,
/// `AZURE_CLIENT_CERTIFICATE_PATH`, `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_AUTHORITY_HOST`,
/// `IDENTITY_ENDPOINT`, `MSI_ENDPOINT` and `AZURE_TOKEN_CREDENTIALS`. A managed identity's
/// credential and the developer tools also read the environment of the process.
///
/// # Errors
/// [`Kind::Usage`] if the named credential cannot be used.
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
    let is_requested = matches!(
        wanted.as_deref(),
        Some("prod" | "managedidentitycredential")
    );
    has("IDENTITY_ENDPOINT") || has("MSI_ENDPOINT") || is_requested
}

/// A variable's value without spaces around it; an empty one counts as unset.
fn value_of(environment: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let text = environment.get(name)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
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
        // This crate's client has its retries.
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

/// The account of `az` or `azd`. The tools are searched when a token is requested.
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
