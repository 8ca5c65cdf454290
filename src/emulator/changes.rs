//! Changes of the data of a running emulator: users, resources and their keys.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Deserializer};

use crate::emulator::context::Context;
use crate::emulator::seed::invalid::Invalid;
use crate::emulator::seed::model::{Secret, SeedLimits, SeedResource, SeedUser, Simulated};
use crate::emulator::world::World;

/// A change of a user. An absent member stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UserChange {
    /// The display name.
    pub name: Option<String>,
    /// Whether a Teams service plan is assigned.
    pub teams_licence: Option<bool>,
    /// The name of a simulated condition, such as `disabled`, or none of them.
    #[serde(default, deserialize_with = "present")]
    pub simulate: Option<Option<String>>,
}

/// A change of a resource. An absent member stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceChange {
    /// Whether access keys are refused.
    pub disable_local_auth: Option<bool>,
    /// The seconds between a revocation and its effect.
    pub revocation_delay_seconds: Option<u64>,
    /// The rate limits, or no limits.
    #[serde(default, deserialize_with = "present")]
    pub(crate) limits: Option<Option<SeedLimits>>,
    /// The only API versions that the resource supports, or all.
    #[serde(default, deserialize_with = "present")]
    pub api_versions: Option<Option<Vec<String>>>,
}

/// Reads a member that is present, and may be null.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// The access key of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyName {
    /// The first key, which is in the connection string.
    Primary,
    /// The second key, which is used while the first one is replaced.
    Secondary,
}

/// The reason why the data was not changed.
#[derive(Debug)]
pub(crate) enum Unchanged {
    /// No object has this name.
    Unknown,
    Invalid(Invalid),
}

/// The condition of a user whose home tenant is its cause: it changes nothing else.
const STRANGER: &str = "other-tenant";

impl Context {
    /// Changes the user with this name.
    pub(crate) fn change_user(
        &self,
        username: &str,
        change: UserChange,
    ) -> Result<Arc<World>, Unchanged> {
        let is_it = |user: &&mut SeedUser| user.username.eq_ignore_ascii_case(username);
        let mut is_known = false;
        let world = self.world();
        let is_here = world
            .user_named(username)
            .is_some_and(|user| user.home.tenant == world.tenants[0]);
        if is_here && change.simulate == Some(Some(STRANGER.to_owned())) {
            let message =
                format!("`{STRANGER}` is for a user of another tenant than the first one");
            return Err(Unchanged::Invalid(Invalid::new("simulate", message)));
        }
        let changed = self.change(|seed| {
            let Some(user) = seed.users.iter_mut().flatten().find(is_it) else {
                return;
            };
            is_known = true;
            user.name = change.name.or(user.name.take());
            user.teams_licence = change.teams_licence.unwrap_or(user.teams_licence);
            if let Some(condition) = change.simulate {
                user.simulate = condition.map(Simulated::Named);
            }
        });
        outcome(is_known, changed)
    }

    /// Changes the resource with this name.
    pub(crate) fn change_resource(
        &self,
        name: &str,
        change: ResourceChange,
    ) -> Result<Arc<World>, Unchanged> {
        self.with_resource_named(name, |resource| {
            let is_off = change.disable_local_auth;
            resource.disable_local_auth = is_off.unwrap_or(resource.disable_local_auth);
            let delay = change.revocation_delay_seconds;
            resource.revocation_delay_seconds = delay.unwrap_or(resource.revocation_delay_seconds);
            if let Some(limits) = change.limits {
                resource.limits = limits;
            }
            if let Some(versions) = change.api_versions {
                resource.api_versions = versions;
            }
        })
    }

    /// Replaces an access key of the resource with this name by a random one.
    pub(crate) fn regenerate_key(&self, name: &str, key: KeyName) -> Result<Arc<World>, Unchanged> {
        let text = random_key().ok_or_else(|| {
            let message = "the system has no random numbers";
            Unchanged::Invalid(Invalid::new("resources", message))
        })?;
        self.state().keep_secret(&text);
        self.with_resource_named(name, |resource| {
            let text = Some(Secret(text));
            match key {
                KeyName::Primary => resource.keys.primary = text,
                KeyName::Secondary => resource.keys.secondary = text,
            }
        })
    }

    fn with_resource_named(
        &self,
        name: &str,
        change: impl FnOnce(&mut SeedResource),
    ) -> Result<Arc<World>, Unchanged> {
        let mut is_known = false;
        let changed = self.change(|seed| {
            let mut resources = seed.resources.iter_mut().flatten();
            if let Some(resource) = resources.find(|resource| resource.name == name) {
                is_known = true;
                change(resource);
            }
        });
        outcome(is_known, changed)
    }
}

fn outcome(is_known: bool, changed: Result<Arc<World>, Invalid>) -> Result<Arc<World>, Unchanged> {
    match changed {
        Ok(world) if is_known => Ok(world),
        Ok(_) => Err(Unchanged::Unknown),
        Err(invalid) => Err(Unchanged::Invalid(invalid)),
    }
}

fn random_key() -> Option<String> {
    let mut bytes = [0; 64];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}
