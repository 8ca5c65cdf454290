//! The identity quickstarts' sequence with an Entra credential instead of an access key: the
//! endpoint alone, and the principal that the standard `AZURE_*` variables name.
//!
//! `cargo run --example identity_with_entra`. It starts an emulator over https, whose certificate
//! authority it trusts by a file. With a resource of your own, pass `std::env::vars().collect()`;
//! the principal needs a role on the resource.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use acspass::acs::{Endpoint, IdentityClient, TokenScope, resource_credential};
use acspass::emulator::{Emulator, Options};
use acspass::http::{self, CaFile, Http};
use acspass::time::SystemClock;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&mut io::stdout()).await
}

/// The whole sequence; no token is printed.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options {
        https_port: Some(0),
        ..Options::default()
    })?;
    let url = emulator.https_url().ok_or("https is served")?;
    let ca_file = tempfile::NamedTempFile::new()?;
    std::fs::write(&ca_file, emulator.ca_pem().ok_or("https is served")?)?;
    let environment: BTreeMap<String, String> = [
        ("AZURE_TENANT_ID", emulator.tenant_id()),
        ("AZURE_CLIENT_ID", emulator.service_client_id()),
        ("AZURE_CLIENT_SECRET", emulator.service_client_secret()),
        ("AZURE_AUTHORITY_HOST", &url),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();

    let http = Arc::new(Http::new(http::Options {
        ca_files: vec![CaFile {
            path: ca_file.path().to_owned(),
            named_by: "this example",
            required: true,
        }],
        ..http::Options::default()
    }));
    let clock = Arc::new(SystemClock);
    let credential = resource_credential::from_environment(&environment, http.clone(), clock)?;
    let client =
        IdentityClient::from_credential(Endpoint::parse(&url)?, credential).with_http(http);

    let created = client
        .create_user_with_token(&[TokenScope::Voip], None)
        .await?;
    writeln!(out, "Created {} with a token.", created.id)?;
    let refreshed = client
        .issue_token(&created.id, &[TokenScope::Voip], None)
        .await?;
    writeln!(
        out,
        "Issued another token, which expires at {}.",
        refreshed.expires_on
    )?;
    client.revoke_tokens(&created.id).await?;
    let is_good = emulator.is_token_valid(refreshed.token.expose());
    writeln!(out, "Revoked the tokens. Is a token still valid: {is_good}")?;
    client.delete_user(&created.id).await?;
    writeln!(out, "Deleted {}.", created.id)?;
    Ok(())
}
