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
#[serde(transparent)]
pub(crate) struct Consents(BTreeSet<(String, String, String)>);

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
        api.pre_authorizes(client) || self.0.contains(&consent(user, client, api))
    }
}

fn consent(user: &User, client: &Application, api: &Api) -> (String, String, String) {
    (
        user.home.oid.clone(),
        client.client_id.clone(),
        api.application.clone(),
    )
}
