//! Pending sign-ins on other devices (RFC 8628).

use std::time::Duration;

use super::codes::{Requested, SignIn};
use crate::emulator::directory::{Member, Tenant, User};
use crate::emulator::scopes::Scopes;
use crate::time::Timestamp;

/// The increase of the interval for a client that polls too fast (RFC 8628, section 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The number of wrong codes after which no code is accepted for a while (RFC 8628, section 5.1).
const MOST_GUESSES: u32 = 10;
const GUESSING_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The sign-ins.
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
    pub(crate) tenant: Tenant,
    pub(crate) scopes: Scopes,
    pub(crate) claims: Requested,
    pub(crate) issued: Timestamp,
    pub(crate) life: Duration,
    pub(crate) interval: Duration,
    pub(crate) last_poll: Option<Timestamp>,
    pub(crate) outcome: Outcome,
}

/// The user's decision.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome {
    Pending,
    Approved {
        user: &'static User,
        member: Member,
        has_mfa: bool,
    },
    Declined,
}

/// The reason for a poll without tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotReady {
    Unknown,
    Expired,
    Declined,
    TooFast,
    Pending,
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

    /// Returns the sign-in of an approved code and removes the code.
    pub(crate) fn poll(
        &mut self,
        device_code: &str,
        tenant: Tenant,
        now: Timestamp,
    ) -> Result<SignIn, NotReady> {
        let mut devices = self.pending.iter_mut().enumerate();
        let (index, device) = devices
            .find(|(_, device)| device.device_code == device_code && device.tenant == tenant)
            .ok_or(NotReady::Unknown)?;
        if device.is_expired(now) {
            return Err(NotReady::Expired);
        }
        let last = device.last_poll.replace(now);
        match device.outcome {
            Outcome::Approved {
                user,
                member,
                has_mfa,
            } => {
                let Device { scopes, claims, .. } = self.pending.swap_remove(index);
                Ok(SignIn {
                    user,
                    member,
                    scopes,
                    claims,
                    has_mfa,
                })
            }
            Outcome::Declined => Err(NotReady::Declined),
            Outcome::Pending if last.is_some_and(|last| now.since(last) < device.interval) => {
                device.interval += SLOW_DOWN;
                Err(NotReady::TooFast)
            }
            Outcome::Pending => Err(NotReady::Pending),
        }
    }

    /// Returns the user codes that can be entered now.
    pub(crate) fn user_codes(&self, now: Timestamp) -> Vec<String> {
        let open = self
            .pending
            .iter()
            .filter(|device| device.can_be_entered(now));
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
        if self.wrong >= MOST_GUESSES && self.last_wrong.is_some_and(is_recent) {
            return Err("Too many wrong codes. Wait a few minutes.");
        }
        let letters = typed.chars().filter(char::is_ascii_alphanumeric);
        let typed: String = letters.map(|c| c.to_ascii_uppercase()).collect();
        let found = self.pending.iter_mut();
        let mut found =
            found.filter(|device| device.user_code == typed && device.can_be_entered(now));
        match found.next() {
            Some(device) => {
                self.wrong = 0;
                Ok(device)
            }
            None => {
                self.wrong = match self.last_wrong.replace(now) {
                    Some(last) if is_recent(last) => self.wrong + 1,
                    _ => 1,
                };
                Err("That code did not work. Check it and try again.")
            }
        }
    }
}
