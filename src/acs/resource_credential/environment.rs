//! The credential that the environment names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, DeveloperToolsCredential, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};

use super::certificate::CertificateAssertion;
use super::principal::first_line;
use super::transport::ReqwestTransport;
use crate::error::{Error, Result};
use crate::files::read_named;
use crate::http::Http;
use crate::time::Clock;

/// The variables of a principal's secret, in their order.
const SECRETS: [&str; 3] = [
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
];

/// The longest file of a federated token, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Returns the credential of the principal in the environment: a client secret, a certificate, a federated token,
/// a managed identity, or else the account of `az` or `azd`. Sends no request.
///
/// Read are `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`,
/// `AZURE_CLIENT_CERTIFICATE_PATH`, `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_AUTHORITY_HOST`,
/// `IDENTITY_ENDPOINT`, `MSI_ENDPOINT` and `AZURE_TOKEN_CREDENTIALS`. A managed identity's
/// credential and the developer tools also read the environment of the process.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if the named credential cannot be used.
pub fn from_environment(
    environment: &BTreeMap<String, String>,
    http: Arc<Http>,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn TokenCredential>> {
    let variable = |name| value_of(environment, name);
    let authority = variable("AZURE_AUTHORITY_HOST");
    let client_options = client_options(http, authority.as_deref());
    let client_id = variable("AZURE_CLIENT_ID");
    if let (Some(client_id), Some(tenant_id)) = (&client_id, variable("AZURE_TENANT_ID")) {
        let client_id = client_id.clone();
        let [secret, certificate, federated] = SECRETS.map(variable);
        if let Some(secret) = secret {
            let options = ClientSecretCredentialOptions { client_options };
            let secret = Secret::new(secret);
            return made(ClientSecretCredential::new(
                &tenant_id,
                client_id,
                secret,
                Some(options),
            ));
        }
        let credential_options = ClientAssertionCredentialOptions {
            client_options: client_options.clone(),
        };
        if let Some(path) = certificate {
            let authority = authority.as_deref();
            let path = Path::new(&path);
            let assertion =
                CertificateAssertion::read(path, authority, &tenant_id, &client_id, clock)?;
            return made(ClientAssertionCredential::new(
                tenant_id,
                client_id,
                assertion,
                Some(credential_options),
            ));
        }
        if let Some(path) = federated {
            // The other crate would wait for a FIFO, and read a device for ever.
            read_named(Path::new(&path), MAX_TOKEN_BYTES).map_err(|error| {
                Error::usage(
                    "could not read the file in AZURE_FEDERATED_TOKEN_FILE",
                    "Check the variable and the mode of the file.",
                )
                .caused_by(error)
            })?;
            return made(WorkloadIdentityCredential::new(Some(
                WorkloadIdentityCredentialOptions {
                    credential_options,
                    client_id: Some(client_id),
                    tenant_id: Some(tenant_id),
                    token_file_path: Some(PathBuf::from(path)),
                },
            )));
        }
    }
    if names_managed_identity(environment) {
        return made(ManagedIdentityCredential::new(Some(
            ManagedIdentityCredentialOptions {
                user_assigned_id: client_id.map(UserAssignedId::ClientId),
                client_options,
            },
        )));
    }
    made(DeveloperToolsCredential::new(None))
}

/// Whether [`from_environment`] leaves the credential to `az` and `azd`, which are programs.
pub fn is_developer_tool(environment: &BTreeMap<String, String>) -> bool {
    let has = |name: &&str| value_of(environment, name).is_some();
    let is_named =
        ["AZURE_CLIENT_ID", "AZURE_TENANT_ID"].iter().all(has) && SECRETS.iter().any(has);
    !is_named && !names_managed_identity(environment)
}

/// Whether the environment hints at a managed identity. Without a sign of one, asking costs half a
/// minute of silence on every desktop.
fn names_managed_identity(environment: &BTreeMap<String, String>) -> bool {
    let has = |name| value_of(environment, name).is_some();
    has("IDENTITY_ENDPOINT")
        || has("MSI_ENDPOINT")
        || value_of(environment, "AZURE_TOKEN_CREDENTIALS").is_some_and(|wanted| {
            ["prod", "managedidentitycredential"].contains(&wanted.to_lowercase().as_str())
        })
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
        transport: Some(Transport::new(Arc::new(ReqwestTransport(http)))),
        // This crate's client has its retries.
        retry: RetryOptions::none(),
        cloud,
        ..ClientOptions::default()
    }
}

fn made<C: TokenCredential + 'static>(
    credential: azure_core::Result<Arc<C>>,
) -> Result<Arc<dyn TokenCredential>> {
    let credential = credential.map_err(|error| {
        Error::usage(
            "the Entra credential for the ACS resource cannot be used",
            "Check AZURE_AUTHORITY_HOST (https), AZURE_CLIENT_ID and AZURE_TENANT_ID (GUIDs).",
        )
        .caused_by(first_line(&error.to_string()))
    })?;
    Ok(credential)
}
