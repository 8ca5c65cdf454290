//! The state of a running emulator.

pub(crate) mod consents;
pub(crate) mod requests;
pub(crate) mod resource;
mod revocations;
pub(crate) mod sign_ins;
pub(crate) mod stored;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::emulator::faults::table::{FaultTable, random_seed};
use crate::emulator::journal::Journal;
use crate::emulator::options::Options;
use crate::emulator::world::World;
use crate::time::Timestamp;
use consents::Consents;
use resource::ResourceState;
use sign_ins::{Code, Devices, Sessions};

/// The length of the shortest secret in the list. Shorter texts occur by chance.
const MIN_SECRET_LENGTH: usize = 8;

/// The state.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) token_life: Duration,
    /// Scopes that no user is granted, by short name.
    pub(crate) withheld: BTreeSet<String>,
    /// Claims that replace those of each id_token; `None` removes one.
    pub(crate) id_token_claims: BTreeMap<String, Option<Value>>,
    /// The stored faults.
    pub(crate) faults: FaultTable,
    /// The resources reject earlier Entra tokens of clients with Continuous Access Evaluation.
    pub(crate) access_revoked: Option<Timestamp>,
    pub(crate) consents: Consents,
    /// The authorization codes.
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) sessions: Sessions,
    pub(crate) devices: Devices,
    /// The state of each resource, in the order of [`World::resources`].
    pub(crate) resources: Vec<ResourceState>,
    pub(crate) journal: Journal,
    /// The file with the certificate of the emulator's authority, as the front page shows it.
    pub(crate) ca_file: Option<String>,
    /// The file with the system's certificates and the authority's, for the front page.
    pub(crate) bundle: Option<PathBuf>,
    /// `None` if secrets are not kept.
    pub(crate) secrets: Option<BTreeSet<String>>,
}

impl State {
    /// Returns the state at the start.
    pub(crate) fn new(world: &World, options: &Options) -> State {
        let resources = world.resources.iter();
        State {
            token_life: options.token_life,
            resources: resources
                .map(|resource| ResourceState::new(resource))
                .collect(),
            faults: FaultTable::new(options.fault_seed.unwrap_or_else(random_seed)),
            secrets: options.keep_secrets.then(BTreeSet::new),
            ..State::default()
        }
    }

    /// Returns to the state at the start, and ends the sessions of users. The list of secrets
    /// remains, as do the files of the emulator.
    pub(crate) fn restart(&mut self, world: &World, options: &Options) {
        let (ca_file, secrets) = (self.ca_file.take(), self.secrets.take());
        let mut journal = std::mem::take(&mut self.journal);
        journal.clear();
        // The same random numbers follow as after the start.
        let faults = FaultTable::new(self.faults.seed);
        *self = State {
            faults,
            ca_file,
            secrets,
            journal,
            ..State::new(world, options)
        };
        self.sessions.revoke(None);
    }

    /// Remembers a secret that was issued or received, if secrets are kept.
    pub(crate) fn keep_secret(&mut self, secret: &str) {
        if let Some(secrets) = &mut self.secrets
            && secret.len() >= MIN_SECRET_LENGTH
        {
            secrets.insert(secret.to_owned());
        }
    }
}
