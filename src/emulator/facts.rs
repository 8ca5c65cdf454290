//! The ids, names and credentials of an emulator.
//!
//! All of them are published with this crate and worthless, even those in the form of a secret.

use std::time::Duration;

use serde_json::json;

use crate::emulator::directory::{self, connection_string};
use crate::emulator::entra::apps::MANAGED_IDENTITY_PATH;
use crate::emulator::front;
use crate::emulator::running::Emulator;
use crate::emulator::sign::CERTIFICATE;
use crate::emulator::users::{USERS, everyone};

/// A user's name and ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The name for the sign-in.
    pub username: &'static str,
    /// The object id in the home tenant.
    pub object_id: &'static str,
    /// The home tenant's id.
    pub tenant_id: &'static str,
}

impl Emulator {
    /// Returns the resource's connection string, with the https URL if there is one. It is a secret
    /// in form only.
    pub fn connection_string(&self) -> String {
        connection_string(&self.https_url().unwrap_or_else(|| self.http_url()))
    }

    /// Returns the resource's connection string with the http URL.
    pub fn http_connection_string(&self) -> String {
        connection_string(&self.http_url())
    }

    /// Returns the lines of a shell that point acspass at the emulator by http.
    pub fn shell_settings(&self) -> Vec<String> {
        front::http_exports(&self.http_url()).into()
    }

    /// Returns the id of the first user's tenant.
    pub fn tenant_id(&self) -> &'static str {
        directory::CONTOSO.id
    }

    /// Returns the id of the app that may sign users in. Its redirect URIs are `http://localhost`
    /// and `http://localhost/redirect`, at any port.
    pub fn client_id(&self) -> &'static str {
        directory::CLIENT_ID
    }

    /// Returns the id of the service app, which has a role on the resource, as the first user has.
    pub fn service_client_id(&self) -> &'static str {
        directory::SERVICE_APPS[0].client_id
    }

    /// Returns the service app's client secret. It is a secret in form only.
    pub fn service_client_secret(&self) -> &'static str {
        directory::SERVICE_APPS[0].secret
    }

    /// Returns the service app's certificate, PEM with the key before the certificate.
    pub fn service_certificate_pem(&self) -> &'static str {
        CERTIFICATE
    }

    /// Returns a token for `AZURE_FEDERATED_TOKEN_FILE`, with which a workload authenticates as the
    /// service app. It expires after one day.
    pub fn federated_token(&self) -> String {
        let now = self.context.now();
        let token = self.context.signer.access_token(&json!({
            "iss": directory::FEDERATION_ISSUER, "sub": directory::FEDERATION_SUBJECT,
            "aud": directory::FEDERATION_AUDIENCE, "emulator": true,
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
        (url, directory::IDENTITY_HEADER)
    }

    /// Returns client id and secret of an app without a role on the resource.
    pub fn unprivileged_client(&self) -> (&'static str, &'static str) {
        let app = &directory::SERVICE_APPS[1];
        (app.client_id, app.secret)
    }

    /// Returns the first user's name.
    pub fn username(&self) -> &'static str {
        USERS.ordinary[0].username
    }

    /// Returns the first user's object id.
    pub fn object_id(&self) -> &'static str {
        USERS.ordinary[0].home.oid
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
    pub fn personas(&self) -> Vec<(&'static str, &'static str)> {
        let all = USERS.personas.iter();
        all.map(|user| (user.username, user.note)).collect()
    }

    /// Returns the names of the ordinary users: two without peculiarities, one without a Teams
    /// licence, and one with another home tenant.
    pub fn usernames(&self) -> Vec<&'static str> {
        let all = USERS.ordinary.iter();
        all.map(|user| user.username).collect()
    }

    /// Returns all users, the ordinary ones first. Object id and tenant id together are the home
    /// account id of clients.
    pub fn users(&self) -> Vec<Identity> {
        let all = everyone();
        all.map(|user| Identity {
            username: user.username,
            object_id: user.home.oid,
            tenant_id: user.home.directory.id,
        })
        .collect()
    }

    /// Returns the resource's id, which is part of its identities' ids.
    pub fn resource_id(&self) -> &'static str {
        directory::RESOURCE_ID
    }

    /// Returns a valid id of another resource's identity.
    pub fn foreign_identity(&self) -> String {
        let resource = directory::OTHER_RESOURCE_ID;
        format!("8:acs:{resource}_{}", directory::OTHER_IDENTITY)
    }
}
