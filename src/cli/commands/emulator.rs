//! `emulator`: runs the embedded emulator until it is stopped.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::NamedTempFile;

use crate::cli::args;
use crate::cli::output::Output;
use crate::cli::parts::{World, block_on};
use crate::emulator::{Emulator, Options};
use crate::error::{Error, Kind, Result};
use crate::files::shell_quoted;

pub(super) fn run(args: &args::Emulator, world: &World, output: &mut Output) -> Result<u8> {
    let emulator = Emulator::start(Options {
        http_port: args.http_port,
        https_port: Some(args.https_port),
        clock: world.clock.clone(),
        token_life: args.token_life,
        keep_secrets: false,
        host_names: args.host_names.clone(),
        ..Options::default()
    })?;
    let ca_file = write_ca(&emulator)?;
    let path = ca_file.path().display().to_string();
    let url = emulator.https_url().unwrap_or_default();
    let json = json!({
        "url": url,
        "httpUrl": emulator.http_url(),
        "tenantId": emulator.tenant_id(),
        "clientId": emulator.client_id(),
        "username": emulator.username(),
        "objectId": emulator.object_id(),
        "connectionString": emulator.connection_string(),
        "caFile": path,
    });
    output.result(&text(&emulator, &url, &path), &json)?;
    output.talk().say(
        "This is an emulator: its keys are published and worthless, and only this machine reaches \
         it. Ctrl-C stops it.",
    );
    match block_on(std::future::pending::<Result<u8>>()) {
        // To be stopped is how it ends well.
        Err(error) if error.kind() == Kind::Interrupted => {
            output.talk().say("stopped");
            Ok(0)
        }
        outcome => outcome,
    }
}

/// The certificate of its authority, for clients to trust; removed when the emulator stops.
fn write_ca(emulator: &Emulator) -> Result<NamedTempFile> {
    let failed = |error: std::io::Error| {
        Error::new(
            Kind::Internal,
            "the emulator's certificate cannot be written to the temporary folder",
            "check its permissions and free space, or set TMPDIR",
        )
        .caused_by(error)
    };
    let pem = emulator
        .ca_pem()
        .ok_or_else(|| Error::internal("the emulator serves no https"))?;
    let mut file = tempfile::Builder::new()
        .prefix("acspass-emulator-ca-")
        .suffix(".pem")
        .tempfile()
        .map_err(failed)?;
    file.write_all(pem.as_bytes())
        .and_then(|()| file.flush())
        .map_err(failed)?;
    Ok(file)
}

fn text(emulator: &Emulator, url: &str, ca_file: &str) -> String {
    let http = emulator.http_url();
    let connection_string = emulator.connection_string();
    let users: PathBuf = emulator.usernames().join(", ").into();
    format!(
        "Entra ID and ACS Identity, emulated at {url} and {http}

tenant             {tenant}
client id          {client}
users              {users}
connection string  {connection_string}
service app        {service_client}, its secret {service_secret}
CA certificate     {ca_file}

To point acspass at it, in another shell:
  export AZURE_AUTHORITY_HOST={http}
  export ACSPASS_TENANT_ID={tenant}
  export ACSPASS_CLIENT_ID={client}
  export COMMUNICATION_SERVICES_CONNECTION_STRING='{connection}'

To point an SDK at it (https, with the CA certificate):
  export REQUESTS_CA_BUNDLE={ca_word} SSL_CERT_FILE={ca_word} NODE_EXTRA_CA_CERTS={ca_word}
  authority  {url}/{tenant}   (msal: instance_discovery=False; msal-node: knownAuthorities)
  export COMMUNICATION_SERVICES_CONNECTION_STRING='{connection_string}'
or, in place of the connection string, as the service app (azure-identity:
disable_instance_discovery=True; @azure/identity: disableInstanceDiscovery: true;
.NET: DisableInstanceDiscovery = true):
  export COMMUNICATION_SERVICES_ENDPOINT={url} AZURE_AUTHORITY_HOST={url}
  export AZURE_TENANT_ID={tenant} AZURE_CLIENT_ID={service_client}
  export AZURE_CLIENT_SECRET={service_secret}
",
        tenant = emulator.tenant_id(),
        client = emulator.client_id(),
        ca_word = shell_quoted(Path::new(ca_file)),
        users = users.display(),
        service_client = emulator.service_client_id(),
        service_secret = emulator.service_client_secret(),
        connection = emulator.http_connection_string(),
    )
}
