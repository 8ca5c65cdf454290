//! The changes of a running emulator that the control API offers as well.

use std::time::Duration;

use crate::emulator::changes::{KeyName, ResourceChange, Unchanged, UserChange};
use crate::emulator::clock::Change;
use crate::emulator::forge::ForgedToken;
use crate::emulator::running::Emulator;
use crate::emulator::snapshot::{Conflict, Snapshot};
use crate::error::{Error, Result};
use crate::time::Timestamp;

impl Emulator {
    /// Returns the emulator's time. Its clock is that of [`Options::clock`](super::Options::clock) until it is changed.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// Stops the clock.
    pub fn freeze_clock(&self) {
        self.context.clock.change(Change {
            frozen: Some(true),
            ..Change::default()
        });
    }

    /// Moves the clock, which runs on or stays frozen.
    pub fn advance_clock(&self, duration: Duration) {
        let seconds = i64::try_from(duration.as_secs());
        self.context.clock.change(Change {
            advance_seconds: Some(seconds.unwrap_or(i64::MAX)),
            ..Change::default()
        });
    }

    /// Sets the clock, also backwards. It runs on or stays frozen.
    pub fn set_clock(&self, now: Timestamp) {
        self.context.clock.change(Change {
            now: Some(now),
            ..Change::default()
        });
    }

    /// Sets the clock back to [`Options::clock`](super::Options::clock).
    pub fn reset_clock(&self) {
        self.context.clock.reset();
    }

    /// Revokes every refresh token issued so far, as a changed password does.
    pub fn revoke_sessions(&self) {
        self.context.state().sessions.revoke(None);
    }

    /// Revokes the refresh tokens of the user with this name. Returns false if there is none.
    pub fn revoke_sessions_of(&self, username: &str) -> bool {
        self.context.revoke_sessions_of(username)
    }

    /// Returns to the state at the start: data, identities, assignments, consents, clock, keys, faults
    /// and journal. Refresh tokens so far are revoked.
    pub fn reset(&self) {
        self.context.reset();
    }

    /// Returns the durable state as JSON. It has the access keys and client secrets, which are
    /// worthless outside the emulator.
    pub fn snapshot(&self) -> String {
        serde_json::to_string(&self.context.snapshot()).unwrap_or_default()
    }

    /// Replaces the durable state by a snapshot, completely or not at all.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the text is not a snapshot of this version, or has another number of
    /// resources than this emulator.
    pub fn restore(&self, snapshot: &str) -> Result<()> {
        let snapshot = Snapshot::parse(snapshot)?;
        self.context
            .restore(snapshot)
            .map_err(|Conflict { path, message }| {
                Error::usage(
                    format!("invalid snapshot at `{path}`: {message}"),
                    "Start the emulator with the seed that the snapshot was made with.",
                )
            })
    }

    /// Changes the user with this name, for requests that begin later.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if there is no such user or condition.
    pub fn change_user(&self, username: &str, change: UserChange) -> Result<()> {
        let changed = self.context.change_user(username, change);
        changed
            .map(|_| ())
            .map_err(|reason| unchanged("user", reason))
    }

    /// Changes the resource with this name, for requests that begin later.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if there is no such resource, or the change is not valid.
    pub fn change_resource(&self, name: &str, change: ResourceChange) -> Result<()> {
        let changed = self.context.change_resource(name, change);
        changed
            .map(|_| ())
            .map_err(|reason| unchanged("resource", reason))
    }

    /// Replaces an access key of the resource with this name by a random one. The old one is refused
    /// at once.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if there is no such resource.
    pub fn regenerate_key(&self, resource: &str, key: KeyName) -> Result<()> {
        let changed = self.context.regenerate_key(resource, key);
        changed
            .map(|_| ())
            .map_err(|reason| unchanged("resource", reason))
    }

    /// Forges a token with any claims or with a fault. It has the claims `emulator` and
    /// `emulatorForged`, which cannot be removed.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the user, the identity or a scope is not known.
    pub fn forge_token(&self, wanted: ForgedToken) -> Result<String> {
        let base = self.https_url().unwrap_or_else(|| self.http_url());
        self.context.forge(&base, wanted).map_err(|_| {
            Error::usage(
                "the user, the identity or a scope of the token is not known",
                "Use the name of a user, and scopes of one API.",
            )
        })
    }

    /// Signs Entra's tokens with the next published key. The key before it stays published, and its
    /// tokens valid, until the next rotation, or is removed now. Returns the ids of the published
    /// keys, the current one first. Communication tokens do not change.
    pub fn rotate_keys(&self, retire_old: bool) -> Vec<String> {
        self.context.signer.rotate(retire_old);
        self.context.signer.key_ids()
    }
}

fn unchanged(kind: &str, reason: Unchanged) -> Error {
    match reason {
        Unchanged::Invalid(invalid) => invalid.into_error(None),
        Unchanged::Unknown => Error::usage(
            format!("the emulator has no {kind} of this name"),
            "`GET /_emulator/v1/info` lists all names.",
        ),
    }
}
