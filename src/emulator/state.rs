//! Everything about the emulated world that changes while it runs, behind one lock.
//!
//! In come codes, families and sightings as they happen, out go look-ups, the journal and every
//! secret ever seen. Nothing here decides whether a request is right.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::Options;
use super::acs::access::assignments::Assignments;
use super::acs::identities::table::IdentityTable;
use super::acs::limits::Meter;
use super::directory::{Member, Tenant, User};
use super::entra::Requested;
use super::entra::device::Devices;
use super::faults::Faults;
use super::scopes::Scopes;
use super::verify::Challenge;
use crate::time::Timestamp;

/// Shorter texts are left out of the secrets: they would be found everywhere.
const SHORTEST_SECRET: usize = 8;
/// Codes are remembered this long, so that a late or second use is told from an invented one.
const CODE_MEMORY: Duration = Duration::from_secs(3600);

/// The journal keeps this many requests, and counts the rest.
const JOURNAL: usize = 4096;

/// A request that the emulator answered, as its journal keeps it. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The verb.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// What was asked for. Of Entra: `metadata`, `keys`, `instance_discovery`, `authorize`,
    /// `logout`, `authorization_code`, `refresh_token`, `client_credentials`,
    /// `device_authorization`, `device_code` (a poll), `device_page`,
    /// `token` (any other grant) or `managed_identity`. Of the
    /// resource: `create_identity`, `get_identity`, `delete_identity`, `issue_token`,
    /// `revoke_tokens`, `exchange`, `entra_exchange`, `teams_extension_exchange`, and
    /// `get_assignment`, `put_assignment`, `delete_assignment`, `list_assignments` or
    /// `update_assignments`. Of the emulator itself: `page`, `whoami`. `fault` where one
    /// answered instead; empty for what does not exist.
    pub operation: String,
    /// The answer's status; 0 where the connection was dropped or left hanging on purpose.
    pub status: u16,
    /// The real reason of a refusal, where the answer does not tell it.
    pub reason: Option<String>,
    /// What is wrong with the request although it was accepted.
    pub remark: Option<String>,
}

/// An authorization code and what it is good for.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) user: &'static User,
    /// Who they are in the directory that was asked.
    pub(super) member: Member,
    pub(super) tenant: Tenant,
    pub(super) redirect_uri: String,
    pub(super) challenge: Option<Challenge>,
    pub(super) nonce: Option<String>,
    pub(super) scopes: Scopes,
    /// What the authorize request asked for by claims.
    pub(super) claims: Requested,
    /// A second proof was given.
    pub(super) proved: bool,
    pub(super) issued: Timestamp,
    /// The family of the refresh tokens that it has been redeemed for.
    pub(super) redeemed: Option<String>,
}

/// The state; see the module.
pub(super) struct State(Mutex<Inner>);

/// What the lock guards.
pub(super) struct Inner {
    /// Access-token life.
    pub(super) token_life: Duration,
    /// Each refresh token works once; a second use revokes its family.
    pub(super) strict_refresh: bool,
    /// Scopes that nobody is granted, by short name.
    pub(super) withheld: BTreeSet<String>,
    /// Claims that every id_token gets instead of the right ones; `None` leaves one out.
    pub(super) id_token_claims: BTreeMap<String, Option<Value>>,
    pub(super) faults: Faults,
    /// Entra tokens of capable clients that were issued before are taken back.
    pub(super) access_revoked: Option<Timestamp>,
    /// Who has accepted the app's permissions, by name.
    pub(super) consented: BTreeSet<&'static str>,
    pub(super) codes: HashMap<String, Grant>,
    pub(super) sessions: Sessions,
    /// Sign-ins that wait for a person at another device.
    pub(super) devices: Devices,
    /// How long a device code lives.
    pub(super) device_code_life: Duration,
    /// How long a client is told to wait between its polls.
    pub(super) device_interval: Duration,
    /// The resource's identities.
    pub(super) ledger: IdentityTable,
    /// Who may exchange a token without the resource's key.
    pub(super) assignments: Assignments,
    /// How much was asked of the resource lately.
    pub(super) meter: Meter,
    journal: VecDeque<LoggedRequest>,
    counts: BTreeMap<String, usize>,
    /// `None` where nobody asked to have them kept.
    secrets: Option<BTreeSet<String>>,
}

/// Which refresh tokens still live. A token of an earlier run of the emulator lives until
/// someone revokes it or everything.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// Everything was revoked at least once: only families in `living` count.
    purged: bool,
    living: BTreeSet<String>,
    dead: BTreeSet<String>,
    used: BTreeSet<String>,
}

impl Sessions {
    pub(super) fn open(&mut self, family: &str) {
        self.living.insert(family.to_owned());
    }

    pub(super) fn is_revoked(&self, family: &str) -> bool {
        self.purged && !self.living.contains(family)
    }

    pub(super) fn is_dead(&self, family: &str) -> bool {
        self.dead.contains(family)
    }

    pub(super) fn kill(&mut self, family: &str) {
        self.dead.insert(family.to_owned());
    }

    /// Notes a use; true where it was the first.
    pub(super) fn use_once(&mut self, token_id: &str) -> bool {
        self.used.insert(token_id.to_owned())
    }

    pub(super) fn revoke_all(&mut self) {
        self.purged = true;
        self.living.clear();
    }
}

impl State {
    pub(super) fn new(options: &Options) -> State {
        State(Mutex::new(Inner {
            token_life: options.token_life,
            strict_refresh: options.strict_refresh,
            withheld: BTreeSet::new(),
            id_token_claims: BTreeMap::new(),
            faults: Faults::default(),
            access_revoked: None,
            consented: BTreeSet::new(),
            codes: HashMap::new(),
            sessions: Sessions::default(),
            devices: Devices::default(),
            device_code_life: options.device_code_life,
            device_interval: options.device_interval,
            ledger: IdentityTable::default(),
            assignments: Assignments::ready_made(),
            meter: Meter::default(),
            journal: VecDeque::new(),
            counts: BTreeMap::new(),
            secrets: options.keep_secrets.then(BTreeSet::new),
        }))
    }

    /// Takes the lock. A panic elsewhere leaves the world as it was then, which is good enough.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Remembers a secret that was issued or received, if anybody wants to know.
    pub(super) fn keep_secret(&mut self, secret: &str) {
        if let Some(secrets) = &mut self.secrets
            && secret.len() >= SHORTEST_SECRET
        {
            secrets.insert(secret.to_owned());
        }
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        self.secrets.iter().flatten().cloned().collect()
    }

    pub(super) fn note(&mut self, entry: LoggedRequest) {
        match self.counts.get_mut(&entry.operation) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(entry.operation.clone(), 1);
            }
        }
        if self.journal.len() == JOURNAL {
            self.journal.pop_front();
        }
        self.journal.push_back(entry);
    }

    pub(super) fn journal(&self) -> Vec<LoggedRequest> {
        self.journal.iter().cloned().collect()
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.counts.get(operation).copied().unwrap_or_default()
    }

    /// Adds a code, and forgets those that nobody can mean any more.
    pub(super) fn add_code(&mut self, code: String, grant: Grant) {
        let now = grant.issued;
        self.codes
            .retain(|_, old| now.since(old.issued) < CODE_MEMORY);
        self.keep_secret(&code);
        self.codes.insert(code, grant);
    }
}
