//! The ids, names and credentials of an emulator.
//!
//! They are those at the start: changes by the control API do not count. Those of the published seed
//! are worthless, even if they have the form of a secret.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::emulator::client_environment::{Addresses, ClientEnvironment};
use crate::emulator::entra::apps::MANAGED_IDENTITY_PATH;
use crate::emulator::real_hosts::names::CLOUDS;
use crate::emulator::running::Emulator;
use crate::emulator::sign::CERTIFICATE;
use crate::emulator::world::application::Application;
use crate::emulator::world::resource::connection_string;
use crate::emulator::world::{IDENTITY_HEADER, OTHER_IDENTITY, OTHER_RESOURCE_ID};

/// A user's name and ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity<'a> {
    /// The name for the sign-in.
    pub username: &'a str,
    /// The object id in the home tenant.
    pub object_id: &'a str,
    /// The home tenant's id.
    pub tenant_id: &'a str,
}

impl Emulator {
    /// Returns the URL of the authority host for clients: https if it is served.
    pub fn authority_url(&self) -> String {
        match self.context.options.real_hosts {
            true => format!("https://{}", CLOUDS[0].entra[0]),
            false => self.https_url().unwrap_or_else(|| self.http_url()),
        }
    }

    /// Returns the URL of the resource for clients: https if it is served.
    pub fn endpoint(&self) -> String {
        match self.context.options.real_hosts {
            true => {
                let name = &self.world.resources[0].name;
                format!("https://{name}.{}", CLOUDS[0].resources)
            }
            false => self.https_url().unwrap_or_else(|| self.http_url()),
        }
    }

    /// Returns the resource's connection string, with the https URL if there is one. It is a secret
    /// in form only.
    pub fn connection_string(&self) -> String {
        self.connection_string_at(&self.endpoint())
    }

    /// Returns the resource's connection string with the http URL.
    pub fn http_connection_string(&self) -> String {
        self.connection_string_at(&self.http_url())
    }

    fn connection_string_at(&self, url: &str) -> String {
        let world = self.context.world();
        connection_string(url, &world.resources[0].keys.primary)
    }

    /// Returns the environment variables that lead clients to this emulator. `bundle` is a file with
    /// the system's certificates and that of the emulator's authority, such as a
    /// [`RunBundle`](super::RunBundle).
    pub fn environment(&self, bundle: Option<&Path>) -> ClientEnvironment {
        let addresses = Addresses {
            http_url: self.http_url(),
            authority_url: self.authority_url(),
            tenant_id: self.tenant_id().to_owned(),
            client_id: self.client_id().to_owned(),
            connection_string: self.connection_string(),
        };
        ClientEnvironment::new(addresses, bundle)
    }

    /// Returns the warning that other machines can connect, if they can: one sentence.
    pub fn warning(&self) -> Option<String> {
        let options = &self.context.options;
        let address = options.listen.filter(|_| options.is_open())?;
        let ports = self.context.main_ports();
        let ports = ports.https.into_iter().chain([ports.http]);
        let ports: Vec<String> = ports.map(|port| port.to_string()).collect();
        Some(format!(
            "with --listen {address}, every machine and user that can connect to this machine's port \
             {} can use the emulator and its control API; its keys are published and protect nothing",
            ports.join(" or ")
        ))
    }

    /// Returns the id of the first tenant.
    pub fn tenant_id(&self) -> &str {
        &self.world.tenants[0].id
    }

    /// Returns the id of the first application. Without a seed it signs users in, and its redirect
    /// URIs are `http://localhost` and `http://localhost/redirect`, at any port.
    pub fn client_id(&self) -> &str {
        &self.world.main_application().client_id
    }

    /// Returns the id of the service app, which is the first application that signs no users in. It
    /// has a role on the resource, as the first user has. Empty if the seed has none.
    pub fn service_client_id(&self) -> &str {
        self.service(0).map_or("", |app| &app.client_id)
    }

    /// Returns the service app's client secret. It is a secret in form only.
    pub fn service_client_secret(&self) -> &str {
        self.service(0).map_or("", secret)
    }

    /// Returns the service app's certificate, PEM with the key before the certificate.
    pub fn service_certificate_pem(&self) -> &'static str {
        CERTIFICATE
    }

    /// Returns a token for `AZURE_FEDERATED_TOKEN_FILE`, with which a workload authenticates as the
    /// service app. It expires after one day.
    pub fn federated_token(&self) -> String {
        let now = self.context.now();
        let federation = self.service(0).and_then(|app| app.federations.first());
        let token = self.context.signer.v1_token(&json!({
            "iss": federation.map(|own| &own.issuer), "sub": federation.map(|own| &own.subject),
            "aud": federation.map(|own| &own.audience), "emulator": true,
            "iat": now.unix_seconds(), "nbf": now.unix_seconds(),
            "exp": now.plus(Duration::from_secs(86_400)).unix_seconds(),
        }));
        self.context.state().keep_secret(&token);
        token
    }

    /// Returns `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` of a machine with a managed identity, as
    /// App Service sets them.
    pub fn managed_identity(&self) -> (String, &'static str) {
        let url = self.http_url() + MANAGED_IDENTITY_PATH;
        (url, IDENTITY_HEADER)
    }

    /// Returns client id and secret of an app without a role on the resource.
    pub fn unprivileged_client(&self) -> (&str, &str) {
        let app = self.service(1);
        app.map_or(("", ""), |app| (&app.client_id, secret(app)))
    }

    /// Returns the first user's name.
    pub fn username(&self) -> &str {
        &self.world.users[0].username
    }

    /// Returns the first user's object id.
    pub fn object_id(&self) -> &str {
        &self.world.users[0].home.oid
    }

    /// Returns the users with a requirement, such as a consent page or a refused renewal: name and
    /// description. A client picks each by `login_hint` or on the page, as any other user.
    ///
    /// | user | what happens |
    /// | --- | --- |
    /// | `consent@contoso.example` | a consent page, once: Accept, or Decline (AADSTS65004) |
    /// | `admin-consent@contoso.example` | the page that an admin must consent; only back (AADSTS90094) |
    /// | `mfa@contoso.example` | a page that asks for a code, which it names |
    /// | `blocked@contoso.example` | Conditional Access blocks the sign-in (AADSTS53003) |
    /// | `unassigned@contoso.example` | not assigned to the app (AADSTS50105) |
    /// | `disabled@contoso.example` | the account is disabled (AADSTS50057) |
    /// | `locked@contoso.example` | the account is locked (AADSTS50053) |
    /// | `password-expired@contoso.example` | the password has expired (AADSTS50055) |
    /// | `nobody@contoso.example` | no such account (AADSTS50034) |
    /// | `stranger@fabrikam.example` | no guest of the first tenant (AADSTS50020) |
    /// | `step-up@contoso.example` | a renewal needs more proof (AADSTS50076 with claims) |
    /// | `moved@contoso.example` | a renewal is blocked (AADSTS53003 with claims) |
    /// | `expired@contoso.example` | sessions end by sign-in frequency (AADSTS70043) |
    /// | `idle@contoso.example` | sessions were unused too long (AADSTS700082) |
    /// | `revoked@contoso.example` | sessions were revoked (AADSTS50173) |
    ///
    /// A sign-in that contains the challenge's claims asks for the code; renewals then succeed.
    pub fn personas(&self) -> Vec<(&str, &str)> {
        let all = self.world.personas();
        all.map(|user| (&*user.username, &*user.note)).collect()
    }

    /// Returns the names of the ordinary users: two without peculiarities, one without a Teams
    /// licence, and one with another home tenant.
    pub fn usernames(&self) -> Vec<&str> {
        let all = self.world.ordinary_users();
        all.map(|user| &*user.username).collect()
    }

    /// Returns all users, the ordinary ones first. Object id and tenant id together are the home
    /// account id of clients.
    pub fn users(&self) -> Vec<Identity<'_>> {
        let all = self.world.users.iter();
        all.map(|user| Identity {
            username: &user.username,
            object_id: &user.home.oid,
            tenant_id: &user.home.tenant.id,
        })
        .collect()
    }

    /// Returns the resource's id, which is part of its identities' ids.
    pub fn resource_id(&self) -> &str {
        &self.world.resources[0].id
    }

    /// Returns a valid id of another resource's identity.
    pub fn foreign_identity(&self) -> String {
        format!("8:acs:{OTHER_RESOURCE_ID}_{OTHER_IDENTITY}")
    }

    fn service(&self, index: usize) -> Option<&Application> {
        self.world.services().nth(index).map(|app| &**app)
    }
}

/// Returns the first secret of an application; empty if it has none.
fn secret(app: &Application) -> &str {
    app.secrets.first().map_or("", String::as_str)
}
