//! The state of a running emulator, behind one lock.

pub(crate) mod assignments;
pub(crate) mod codes;
pub(crate) mod devices;
pub(crate) mod identities;
pub(crate) mod limits;
mod requests;
mod sessions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::emulator::faults::Faults;
use crate::emulator::options::Options;
use crate::time::Timestamp;
use assignments::Assignments;
use codes::Codes;
use devices::Devices;
use identities::IdentityTable;
pub use limits::RateLimits;
use limits::RequestRates;
use requests::Journal;
pub use requests::LoggedRequest;
use sessions::Sessions;

/// The length of the shortest secret in the list. Shorter texts occur by chance.
const SHORTEST_SECRET: usize = 8;

/// The state.
pub(crate) struct State(Mutex<Inner>);

/// The state's content.
#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) token_life: Duration,
    /// Scopes that no user is granted, by short name.
    pub(crate) withheld: BTreeSet<String>,
    /// Claims that replace those of each id_token; `None` removes one.
    pub(crate) id_token_claims: BTreeMap<String, Option<Value>>,
    pub(crate) faults: Faults,
    /// The resource rejects earlier Entra tokens of clients with Continuous Access Evaluation.
    pub(crate) access_revoked: Option<Timestamp>,
    /// The names of the users with a consent to the app.
    pub(crate) consented: BTreeSet<&'static str>,
    pub(crate) codes: Codes,
    pub(crate) sessions: Sessions,
    pub(crate) devices: Devices,
    pub(crate) identities: IdentityTable,
    pub(crate) assignments: Assignments,
    pub(crate) rates: RequestRates,
    pub(crate) journal: Journal,
    /// `None` if secrets are not kept.
    secrets: Option<BTreeSet<String>>,
}

impl State {
    pub(crate) fn new(options: &Options) -> State {
        State(Mutex::new(Inner {
            token_life: options.token_life,
            secrets: options.keep_secrets.then(BTreeSet::new),
            ..Inner::default()
        }))
    }

    /// Takes the lock. After a panic of another thread the state is used as it is.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Remembers a secret that was issued or received, if secrets are kept.
    pub(crate) fn keep_secret(&mut self, secret: &str) {
        if let Some(secrets) = &mut self.secrets
            && secret.len() >= SHORTEST_SECRET
        {
            secrets.insert(secret.to_owned());
        }
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        self.secrets.iter().flatten().cloned().collect()
    }
}
