//! What an emulator is made of, for whoever points a client at it.
//!
//! Nothing comes in, out go the ids, names and credentials of the fixed world. Each of them is
//! published with this crate and worthless, even where it has the form of a secret.

use std::time::Duration;

use serde_json::json;

use super::{Emulator, entra, world};

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
        world::CONTOSO.id
    }

    /// The app that may sign users in; its redirect URIs are `http://localhost` and
    /// `http://localhost/redirect`, at any port.
    pub fn client_id(&self) -> &'static str {
        world::CLIENT_ID
    }

    /// The app that acts for itself and has a role on the resource, as has the first user.
    pub fn service_client_id(&self) -> &'static str {
        world::SERVICE_APPS[0].client_id
    }

    /// Its client secret. A secret only in form.
    pub fn service_client_secret(&self) -> &'static str {
        world::SERVICE_APPS[0].secret
    }

    /// The certificate that is registered on it, PEM with the key before the certificate.
    pub fn service_certificate_pem(&self) -> &'static str {
        entra::CERTIFICATE
    }

    /// What its workload identity would find in `AZURE_FEDERATED_TOKEN_FILE`; good for a day.
    pub fn federated_token(&self) -> String {
        let now = self.shared.clock.now();
        let token = self.shared.signer.access_token(&json!({
            "iss": world::FEDERATION.issuer,
            "sub": world::FEDERATION.subject,
            "aud": world::FEDERATION.audience,
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
        (url, world::IDENTITY_HEADER)
    }

    /// An app of the same kind that has no role on the resource: client id and secret.
    pub fn unprivileged_client(&self) -> (&'static str, &'static str) {
        let app = &world::SERVICE_APPS[1];
        (app.client_id, app.secret)
    }

    /// The first user's name.
    pub fn username(&self) -> &'static str {
        world::USERS[0].username
    }

    /// The first user's object id.
    pub fn object_id(&self) -> &'static str {
        world::USERS[0].home().oid
    }

    /// The names of all users, first to last: two ordinary ones, one without a Teams licence, and
    /// one whose home is another directory.
    pub fn usernames(&self) -> Vec<&'static str> {
        world::USERS.iter().map(|user| user.username).collect()
    }

    /// The resource's own id, which stands in the ids of its identities.
    pub fn resource_id(&self) -> &'static str {
        world::RESOURCE_ID
    }

    /// A well-formed id of an identity that belongs to another resource.
    pub fn foreign_identity(&self) -> String {
        format!("8:acs:{}_{}", world::OTHER_RESOURCE_ID, world::SOMEBODY)
    }
}

/// The connection string of the resource at this endpoint.
pub(super) fn connection_string(url: &str) -> String {
    format!("endpoint={url}/;accesskey={}", world::ACCESS_KEY)
}
