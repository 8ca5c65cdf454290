//! Completed sign-ins and the authorization codes for them.

use std::collections::HashMap;
use std::time::Duration;

use crate::emulator::directory::{Member, Tenant, User};
use crate::emulator::scopes::Scopes;
use crate::emulator::verify::Challenge;
use crate::time::Timestamp;

/// How long a code is remembered, to distinguish an expired or reused code from an unknown one.
const CODE_MEMORY: Duration = Duration::from_secs(3600);

/// The content of a `claims` parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Requested {
    /// The client's capabilities (`xms_cc`), for instance `cp1`.
    pub(crate) capabilities: Vec<String>,
    /// Whether the parameter answers the emulator's claims challenge.
    pub(crate) answers_challenge: bool,
}

/// A completed sign-in.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) user: &'static User,
    /// The user's membership in the tenant of the request.
    pub(crate) member: Member,
    pub(crate) scopes: Scopes,
    pub(crate) claims: Requested,
    /// The user entered a second factor.
    pub(crate) has_mfa: bool,
}

/// An authorization code's data.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) sign_in: SignIn,
    pub(crate) tenant: Tenant,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) nonce: Option<String>,
    pub(crate) issued: Timestamp,
    /// The family of the refresh tokens, if the code was redeemed.
    pub(crate) redeemed: Option<String>,
}

/// The authorization codes.
#[derive(Debug, Default)]
pub(crate) struct Codes(HashMap<String, Code>);

impl Codes {
    /// Adds a code and removes old ones.
    pub(crate) fn add(&mut self, code: String, data: Code) {
        let now = data.issued;
        self.0.retain(|_, old| now.since(old.issued) < CODE_MEMORY);
        self.0.insert(code, data);
    }

    pub(crate) fn find(&self, code: &str) -> Option<Code> {
        self.0.get(code).cloned()
    }

    pub(crate) fn mark_redeemed(&mut self, code: &str, family: &str) {
        if let Some(data) = self.0.get_mut(code) {
            data.redeemed = Some(family.to_owned());
        }
    }
}
