//! Completed sign-ins, those on other devices (RFC 8628), and the sessions of refresh tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::journal::notes::Flow;
use crate::emulator::scopes::Scopes;
use crate::emulator::verify::Challenge;
use crate::emulator::world::application::{Application, Platform};
use crate::emulator::world::tenant::TenantPath;
use crate::emulator::world::user::{Member, User};
use crate::time::Timestamp;

/// The policy that the emulator's challenges name.
const POLICY: &str = "ac5ba55e-ca90-4000-8000-000000000001";
/// The increase of the interval for a client that polls too fast (RFC 8628, section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The number of wrong codes after which no code is accepted for a while (RFC 8628, section 5.1).
const MAX_GUESSES: u32 = 10;
const GUESSING_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The content of a `claims` parameter. All other claims are accepted and ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Requested {
    /// The client's capabilities (`xms_cc`), for instance `cp1`.
    pub(crate) capabilities: Vec<String>,
    /// Whether the parameter answers the emulator's claims challenge.
    pub(crate) answers_challenge: bool,
}

impl Requested {
    /// Reads the parameter, if it is present.
    pub(crate) fn parse(text: Option<&str>) -> Result<Requested, EntraError> {
        let Some(text) = text else {
            return Ok(Requested::default());
        };
        let claims: Option<Value> = serde_json::from_str(text).ok();
        let claims = claims.filter(Value::is_object);
        let claims = claims.ok_or(aadsts::INVALID_CLAIMS)?;
        let values = |name: &str| -> Vec<String> {
            let list = claims["access_token"][name]["values"].as_array();
            let words = list.into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        };
        Ok(Requested {
            capabilities: values("xms_cc"),
            answers_challenge: values("capolids").iter().any(|id| id == POLICY),
        })
    }
}

/// A completed sign-in.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) application: Arc<Application>,
    pub(crate) user: Arc<User>,
    /// The user's membership in the tenant of the request.
    pub(crate) member: Member,
    pub(crate) scopes: Scopes,
    pub(crate) claims: Requested,
    /// The user entered a second factor.
    pub(crate) has_mfa: bool,
    pub(crate) flow: Flow,
}

/// An authorization code's data.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) sign_in: SignIn,
    pub(crate) tenant: TenantPath,
    pub(crate) redirect_uri: String,
    /// The platform of the redirect URI.
    pub(crate) platform: Platform,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    pub(crate) issued: Timestamp,
    /// The family of the refresh tokens, if the code was redeemed.
    pub(crate) redeemed: Option<String>,
}

/// The sign-ins on other devices.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    pending: Vec<Device>,
    wrong: u32,
    last_wrong: Option<Timestamp>,
}

/// A sign-in on another device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
    pub(crate) application: Arc<Application>,
    pub(crate) tenant: TenantPath,
    pub(crate) scopes: Scopes,
    pub(crate) claims: Requested,
    pub(crate) issued: Timestamp,
    pub(crate) life: Duration,
    pub(crate) interval: Duration,
    pub(crate) last_poll: Option<Timestamp>,
    pub(crate) outcome: Outcome,
    pub(crate) flow: Flow,
}

/// The user's decision.
#[derive(Debug)]
pub(crate) enum Outcome {
    Pending,
    Approved(SignIn),
    Declined,
}

impl Device {
    fn is_expired(&self, now: Timestamp) -> bool {
        now.since(self.issued) >= self.life
    }

    fn can_be_entered(&self, now: Timestamp) -> bool {
        !self.is_expired(now) && matches!(self.outcome, Outcome::Pending)
    }
}

impl Devices {
    /// Adds a sign-in. Removes old ones after four times their life, so that a late poll still gets
    /// the right reason.
    pub(crate) fn add(&mut self, device: Device) {
        let now = device.issued;
        self.pending
            .retain(|old| now.since(old.issued) < old.life * 4);
        self.pending.push(device);
    }

    /// Returns the user of an approved code.
    pub(crate) fn user_of(&self, device_code: &str) -> Option<Arc<User>> {
        let mut devices = self.pending.iter();
        match &devices
            .find(|device| device.device_code == device_code)?
            .outcome
        {
            Outcome::Approved(sign_in) => Some(Arc::clone(&sign_in.user)),
            Outcome::Pending | Outcome::Declined => None,
        }
    }

    /// Returns the sign-in of an approved code and removes the code.
    pub(crate) fn poll(
        &mut self,
        device_code: &str,
        client_id: &str,
        tenant: &TenantPath,
        now: Timestamp,
    ) -> Result<SignIn, EntraError> {
        let mut devices = self.pending.iter();
        let index = devices
            .position(|device| {
                device.device_code == device_code
                    && device.application.client_id == client_id
                    && device.tenant == *tenant
            })
            .ok_or(aadsts::UNKNOWN_DEVICE_CODE)?;
        let device = &mut self.pending[index];
        if device.is_expired(now) {
            return Err(aadsts::EXPIRED_DEVICE_CODE);
        }
        let last = device.last_poll.replace(now);
        match &device.outcome {
            Outcome::Approved(sign_in) => {
                let sign_in = sign_in.clone();
                self.pending.swap_remove(index);
                Ok(sign_in)
            }
            Outcome::Declined => Err(aadsts::DEVICE_DECLINED),
            Outcome::Pending if last.is_some_and(|last| now.since(last) < device.interval) => {
                device.interval += SLOW_DOWN;
                Err(aadsts::SLOW_DOWN)
            }
            // Without Retry-After: MSAL for Python would keep this response.
            Outcome::Pending => Err(aadsts::AUTHORIZATION_PENDING),
        }
    }

    /// Returns the flow of a device code.
    pub(crate) fn flow(&self, device_code: &str) -> Option<Flow> {
        let mut devices = self.pending.iter();
        let device = devices.find(|device| device.device_code == device_code)?;
        Some(device.flow)
    }

    /// Returns the user codes that can be entered now.
    pub(crate) fn user_codes(&self, now: Timestamp) -> Vec<String> {
        let pending = self.pending.iter();
        let open = pending.filter(|device| device.can_be_entered(now));
        open.map(|device| device.user_code.clone()).collect()
    }

    /// Returns the pending sign-in of this user code, in any case and with any separators.
    ///
    /// # Errors
    /// Returns the message for the user.
    pub(crate) fn entered(
        &mut self,
        typed: &str,
        now: Timestamp,
    ) -> Result<&mut Device, &'static str> {
        let is_recent = |last: Timestamp| now.since(last) < GUESSING_PAUSE;
        let guessed_recently = self.last_wrong.is_some_and(is_recent);
        if self.wrong >= MAX_GUESSES && guessed_recently {
            return Err("Too many wrong codes. Wait a few minutes.");
        }
        let letters = typed.chars().filter(char::is_ascii_alphanumeric);
        let typed: String = letters.map(|c| c.to_ascii_uppercase()).collect();
        let is_entered =
            |device: &&mut Device| device.user_code == typed && device.can_be_entered(now);
        let Some(device) = self.pending.iter_mut().find(is_entered) else {
            self.wrong = if guessed_recently { self.wrong + 1 } else { 1 };
            self.last_wrong = Some(now);
            return Err("That code did not work. Check it and try again.");
        };
        self.wrong = 0;
        Ok(device)
    }
}

/// The token families that were opened, revoked or used. A token of an earlier run of the emulator
/// is valid until its family, its user's sessions or every session is revoked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sessions {
    /// All sessions were revoked at least once, so only the families in `open` are valid.
    all_revoked: bool,
    /// The home object ids of users with revoked sessions: only their families in `open` are valid.
    revoked_users: BTreeSet<String>,
    /// The families that were opened since, and the home object id of each one's user.
    open: BTreeMap<String, String>,
    /// The families of which a token was used twice.
    pub(crate) reused: BTreeSet<String>,
    /// The ids of the tokens that were used.
    pub(crate) used_tokens: BTreeSet<String>,
    /// The ids of refresh tokens that a fault ended.
    pub(crate) retired: BTreeSet<String>,
}

impl Sessions {
    pub(crate) fn open(&mut self, family: String, user: &str) {
        self.open.insert(family, user.to_owned());
    }

    /// Revokes every session so far, or those of the user with this home object id.
    pub(crate) fn revoke(&mut self, user: Option<&str>) {
        match user {
            None => {
                self.all_revoked = true;
                self.revoked_users.clear();
                self.open.clear();
            }
            Some(user) => {
                self.revoked_users.insert(user.to_owned());
                self.open.retain(|_, of| of != user);
            }
        }
    }

    pub(crate) fn is_revoked(&self, family: &str, user: &str) -> bool {
        (self.all_revoked || self.revoked_users.contains(user)) && !self.open.contains_key(family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::aadsts::CHALLENGE;

    #[test]
    fn the_challenge_and_a_merged_challenge_are_recognised() {
        let read = |text: &str| Requested::parse(Some(text));
        assert!(read(CHALLENGE).expect("claims").answers_challenge);
        let merged = CHALLENGE.replacen(
            r#"{"capolids""#,
            r#"{"xms_cc":{"values":["cp1"]},"capolids""#,
            1,
        );
        let merged = read(&merged).expect("claims");
        assert!(merged.answers_challenge);
        assert_eq!(merged.capabilities, ["cp1"]);
        assert_eq!(read("{}"), Ok(Requested::default()));
        for bad in ["[]", "{", "7"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
