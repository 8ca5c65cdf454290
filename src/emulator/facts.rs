//! What an emulator is made of, for whoever points a client at it.
//!
//! Nothing comes in, out go the ids, names and credentials of the fixed world. Each of them is
//! published with this crate and worthless, even where it has the form of a secret.

use std::time::Duration;

use serde_json::json;

use super::{Emulator, directory, entra};

/// A user's names, as a client learns them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The name that is typed at sign-in.
    pub username: &'static str,
    /// The object id in the home directory.
    pub object_id: &'static str,
    /// The home directory's id.
    pub tenant_id: &'static str,
}

impl Emulator {
    /// The resource's connection string, over https where that is served. A secret only in form.
    pub fn connection_string(&self) -> String {
        connection_string(&self.https_url().unwrap_or_else(|| self.http_url()))
    }

    /// The resource's connection string over plain http.
    pub fn http_connection_string(&self) -> String {
        connection_string(&self.http_url())
    }

    /// The directory of the first user.
    pub fn tenant_id(&self) -> &'static str {
        directory::CONTOSO.id
    }

    /// The app that may sign users in; its redirect URIs are `http://localhost` and
    /// `http://localhost/redirect`, at any port.
    pub fn client_id(&self) -> &'static str {
        directory::CLIENT_ID
    }

    /// The app that acts for itself and has a role on the resource, as has the first user.
    pub fn service_client_id(&self) -> &'static str {
        directory::SERVICE_APPS[0].client_id
    }

    /// Its client secret. A secret only in form.
    pub fn service_client_secret(&self) -> &'static str {
        directory::SERVICE_APPS[0].secret
    }

    /// The certificate that is registered on it, PEM with the key before the certificate.
    pub fn service_certificate_pem(&self) -> &'static str {
        entra::CERTIFICATE
    }

    /// What its workload identity would find in `AZURE_FEDERATED_TOKEN_FILE`; good for a day.
    pub fn federated_token(&self) -> String {
        let now = self.shared.clock.now();
        let token = self.shared.signer.access_token(&json!({
            "iss": directory::FEDERATION.issuer,
            "sub": directory::FEDERATION.subject,
            "aud": directory::FEDERATION.audience,
            "iat": now.unix_seconds(),
            "nbf": now.unix_seconds(),
            "exp": now.plus(Duration::from_secs(86_400)).unix_seconds(),
            "emulator": true,
        }));
        self.shared.state.lock().keep_secret(&token);
        token
    }

    /// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` of a machine whose managed identity it is, as App
    /// Service sets them.
    pub fn managed_identity(&self) -> (String, &'static str) {
        let url = self.http_url() + entra::managed::PATH;
        (url, directory::IDENTITY_HEADER)
    }

    /// An app of the same kind that has no role on the resource: client id and secret.
    pub fn unprivileged_client(&self) -> (&'static str, &'static str) {
        let app = &directory::SERVICE_APPS[1];
        (app.client_id, app.secret)
    }

    /// The first user's name.
    pub fn username(&self) -> &'static str {
        directory::ordinary()[0].username
    }

    /// The first user's object id.
    pub fn object_id(&self) -> &'static str {
        directory::ordinary()[0].home().oid
    }

    /// The users who meet an obstacle, such as a page that asks for consent or a renewal that is
    /// refused: name, and in words what happens to them. Each is picked as any other user, by
    /// `login_hint` or on the page.
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
    /// A sign-in that passes the challenge's claims on asks for the code, and renewals then work.
    pub fn personas(&self) -> Vec<(&'static str, &'static str)> {
        let all = directory::personas().iter();
        all.map(|user| (user.username, user.note)).collect()
    }

    /// The names of all ordinary users, first to last: two ordinary ones, one without a Teams licence, and
    /// one whose home is another directory.
    pub fn usernames(&self) -> Vec<&'static str> {
        directory::ordinary()
            .iter()
            .map(|user| user.username)
            .collect()
    }

    /// All users, the ordinary ones first, each with the object id and the directory of their home:
    /// together the home account id that a client learns.
    pub fn users(&self) -> Vec<Identity> {
        let all = directory::everyone();
        all.map(|user| Identity {
            username: user.username,
            object_id: user.home().oid,
            tenant_id: user.home().directory.id,
        })
        .collect()
    }

    /// The resource's own id, which stands in the ids of its identities.
    pub fn resource_id(&self) -> &'static str {
        directory::RESOURCE_ID
    }

    /// A well-formed id of an identity that belongs to another resource.
    pub fn foreign_identity(&self) -> String {
        format!(
            "8:acs:{}_{}",
            directory::OTHER_RESOURCE_ID,
            directory::SOMEBODY
        )
    }
}

/// The connection string of the resource at this endpoint.
pub(super) fn connection_string(url: &str) -> String {
    format!("endpoint={url}/;accesskey={}", directory::ACCESS_KEY)
}
