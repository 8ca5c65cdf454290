//! Snapshots: the durable state of an emulator as JSON, to be stored and restored as a whole.
//!
//! A snapshot has the data of the services, the identities with the validity of their tokens, the
//! assignments, consents and sessions, the clock, the keys and the life of tokens. Authorization
//! codes, device codes, faults and the journal are no part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emulator::clock::StoredClock;
use crate::emulator::context::Context;
use crate::emulator::key_ring::Published;
use crate::emulator::seed::Seed;
use crate::emulator::seed::model::SeedFile;
use crate::emulator::state::consents::Consents;
use crate::emulator::state::resource::{Assignments, ResourceState};
use crate::emulator::state::sign_ins::Sessions;
use crate::emulator::state::stored::StoredIdentities;
use crate::emulator::world;
use crate::emulator::world::resource::{Assignment, ExchangeKind};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The version of the form. A file of version 1, whose consents name no API, is read too. A snapshot of
/// any other version is refused.
pub(crate) const VERSION: u64 = 2;
const VERSION_WITHOUT_APIS: u64 = 1;
/// The size in bytes of the largest snapshot.
pub const MAX_SNAPSHOT_BYTES: usize = 256 * 1024 * 1024;

/// The state of an emulator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    /// The data of the services, in the form of a seed.
    pub(crate) world: SeedFile,
    clock: StoredClock,
    keys: Published,
    token_life_seconds: u64,
    /// Scopes that no user is granted.
    withheld_scopes: BTreeSet<String>,
    /// Claims that replace those of each id_token.
    id_token_claims: BTreeMap<String, Option<Value>>,
    /// Seconds of Unix time.
    access_revoked: Option<i64>,
    consents: Consents,
    sessions: Sessions,
    resources: Vec<StoredResource>,
}

/// The state of a resource.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredResource {
    identities: StoredIdentities,
    assignments: Vec<StoredAssignment>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StoredAssignment {
    exchange: ExchangeKind,
    object_id: String,
    tenant_id: String,
    principal_type: String,
    client_ids: Vec<String>,
}

impl StoredResource {
    fn new(state: &ResourceState) -> StoredResource {
        let assignments = state.assignments.0.values().cloned();
        let assignments = assignments.map(|one| StoredAssignment {
            exchange: one.kind,
            object_id: one.object_id,
            tenant_id: one.tenant_id,
            principal_type: one.principal_type,
            client_ids: one.client_ids,
        });
        StoredResource {
            identities: StoredIdentities::new(&state.identities),
            assignments: assignments.collect(),
        }
    }

    fn restored(self, path: &str) -> std::result::Result<ResourceState, Conflict> {
        let identities = self.identities.restored();
        let identities = identities.map_err(|(inner, message)| {
            Conflict::new(format!("{path}.identities.{inner}"), message)
        })?;
        let assignments = self.assignments.into_iter().map(|one| Assignment {
            kind: one.exchange,
            object_id: one.object_id,
            tenant_id: one.tenant_id,
            principal_type: one.principal_type,
            client_ids: one.client_ids,
        });
        Ok(ResourceState {
            identities,
            assignments: Assignments::new(&assignments.collect::<Vec<_>>()),
            ..ResourceState::default()
        })
    }
}

/// A value of a snapshot that contradicts another one or the running emulator.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) path: String,
    pub(crate) message: String,
}

impl Conflict {
    fn new(path: impl Into<String>, message: impl Into<String>) -> Conflict {
        let (path, message) = (path.into(), message.into());
        Conflict { path, message }
    }
}

impl Snapshot {
    /// Reads the text of a snapshot.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it has another version or another form.
    pub(crate) fn parse(text: &str) -> Result<Snapshot> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let wrong = |message: String| {
            Error::usage(
                message,
                "Use a file that `--export-on-exit` wrote, or start without it.",
            )
        };
        let versioned: Option<Versioned> = serde_json::from_str(text).ok();
        let version = versioned.map(|versioned| versioned.version);
        match version {
            Some(VERSION | VERSION_WITHOUT_APIS) => {}
            Some(other) => {
                let message = format!("the snapshot has the version {other}, and not {VERSION}");
                return Err(wrong(message));
            }
            None => {
                return Err(wrong(
                    "the snapshot is not a JSON object with a version".to_owned(),
                ));
            }
        }
        Snapshot::read(text).map_err(|path| wrong(format!("invalid snapshot at `{path}`")))
    }

    /// Reads a snapshot of a version that this program knows; the error is the path of a wrong value.
    /// The message of a parser may contain a value, which may be a key.
    pub(crate) fn read(text: &str) -> std::result::Result<Snapshot, String> {
        let mut json = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut json).map_err(|error| error.path().to_string())
    }
}

impl Seed {
    /// Returns the data of a snapshot, for an emulator that continues from it.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the text is not a snapshot of this version.
    pub fn of_snapshot(snapshot: &str) -> Result<Seed> {
        let file = Snapshot::parse(snapshot)?.world;
        Ok(Seed { file })
    }
}

impl Context {
    /// Returns the present state.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let resources = state.resources.iter();
        Snapshot {
            version: VERSION,
            world: self.world().seed.clone(),
            clock: self.clock.stored(),
            keys: self.signer.state(),
            token_life_seconds: state.token_life.as_secs(),
            withheld_scopes: state.withheld.clone(),
            id_token_claims: state.id_token_claims.clone(),
            access_revoked: state.access_revoked.map(Timestamp::unix_seconds),
            consents: state.consents.clone(),
            sessions: state.sessions.clone(),
            resources: resources.map(StoredResource::new).collect(),
        }
    }

    /// Replaces the present state, completely or not at all.
    ///
    /// # Errors
    /// Returns the first value that contradicts another one or the listeners of this emulator.
    pub(crate) fn restore(&self, snapshot: Snapshot) -> std::result::Result<(), Conflict> {
        let world = world::build(snapshot.world);
        let world = world
            .map_err(|invalid| Conflict::new(format!("world.{}", invalid.path), invalid.message))?;
        let count = self.ports().len();
        if world.resources.len() != count || snapshot.resources.len() != count {
            let message = format!("this emulator has {count} resources, as its seed");
            return Err(Conflict::new("resources", message));
        }
        let resources = snapshot.resources.into_iter().enumerate();
        let resources =
            resources.map(|(index, resource)| resource.restored(&format!("resources[{index}]")));
        let resources = resources.collect::<std::result::Result<Vec<_>, _>>()?;
        if !self.signer.is_state(snapshot.keys) {
            return Err(Conflict::new("keys", "there is no such key"));
        }
        let mut state = self.state();
        state.token_life = Duration::from_secs(snapshot.token_life_seconds);
        state.withheld = snapshot.withheld_scopes;
        state.id_token_claims = snapshot.id_token_claims;
        state.access_revoked = snapshot.access_revoked.map(Timestamp::from_unix_seconds);
        state.consents = snapshot.consents;
        state.sessions = snapshot.sessions;
        state.resources = resources;
        state.codes.clear();
        state.devices = Default::default();
        self.signer.set_state(snapshot.keys);
        self.clock.restore(snapshot.clock);
        self.replace_world(Arc::new(world));
        Ok(())
    }

    /// Returns to the state at the start. The sessions of users end.
    pub(crate) fn reset(&self) {
        let mut state = self.state();
        state.restart(&self.initial, &self.options);
        self.signer.set_state(Published::default());
        self.clock.reset();
        self.replace_world(Arc::clone(&self.initial));
    }
}
