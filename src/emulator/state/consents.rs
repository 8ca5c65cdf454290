//! The consents of users to applications.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::scopes::Scopes;
use crate::emulator::verify::ensure;
use crate::emulator::world::World;
use crate::emulator::world::api::Api;
use crate::emulator::world::application::Application;
use crate::emulator::world::requirement::SignInRequirement;
use crate::emulator::world::user::User;

/// The consents: the user's home object id, the client id, and the application id of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<StoredConsent>")]
pub(crate) struct Consents(BTreeSet<(String, String, String)>);

/// The application id that stands for every API.
const ANY_API: &str = "*";

/// A consent of a snapshot. In version 1 it has no API, and is one to every API.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredConsent {
    ToApi(String, String, String),
    ToEveryApi(String, String),
}

impl From<Vec<StoredConsent>> for Consents {
    fn from(stored: Vec<StoredConsent>) -> Consents {
        let stored = stored.into_iter().map(|consent| match consent {
            StoredConsent::ToApi(user, client, api) => (user, client, api),
            StoredConsent::ToEveryApi(user, client) => (user, client, ANY_API.to_owned()),
        });
        Consents(stored.collect())
    }
}

impl Consents {
    /// Records the user's consent to each API of the scopes.
    pub(crate) fn give(
        &mut self,
        world: &World,
        user: &User,
        client: &Application,
        scopes: &Scopes,
    ) {
        let given = scopes.apis(world).map(|api| consent(user, client, api));
        self.0.extend(given);
    }

    /// Returns the application ids of the APIs that the user has given this client consent to.
    pub(crate) fn given(&self, user: &User, client: &Application) -> Vec<String> {
        let own = self
            .0
            .iter()
            .filter(|(oid, client_id, _)| *oid == user.home.oid && *client_id == client.client_id);
        own.map(|(_, _, api)| api.clone()).collect()
    }

    /// Records consents that [`Consents::given`] returned before a restart.
    pub(crate) fn restore(&mut self, user: &User, client: &Application, apis: Vec<String>) {
        let (oid, client_id) = (&user.home.oid, &client.client_id);
        let given = apis.into_iter();
        self.0
            .extend(given.map(|api| (oid.clone(), client_id.clone(), api)));
    }

    /// Returns whether no API of the scopes requires a consent any more.
    pub(crate) fn cover(
        &self,
        world: &World,
        user: &User,
        client: &Application,
        scopes: &Scopes,
    ) -> bool {
        let mut apis = scopes.apis(world);
        apis.all(|api| self.covers(user, client, api))
    }

    /// Checks that a token for the API needs no consent: most users' tenants have granted it.
    pub(crate) fn check(
        &self,
        user: &User,
        client: &Application,
        api: &Api,
    ) -> Result<(), EntraError> {
        let is_asked = matches!(
            user.requirement,
            SignInRequirement::Consent | SignInRequirement::AdminConsent
        );
        let required = aadsts::CONSENT_REQUIRED.with_suberror("consent_required");
        ensure(!is_asked || self.covers(user, client, api), required)
    }

    fn covers(&self, user: &User, client: &Application, api: &Api) -> bool {
        let to_any = || {
            let any = ANY_API.to_owned();
            (user.home.oid.clone(), client.client_id.clone(), any)
        };
        api.pre_authorizes(client)
            || self.0.contains(&consent(user, client, api))
            || self.0.contains(&to_any())
    }
}

fn consent(user: &User, client: &Application, api: &Api) -> (String, String, String) {
    (
        user.home.oid.clone(),
        client.client_id.clone(),
        api.application.clone(),
    )
}
