//! The claims of a user's access token, in both versions.

use serde::Deserialize;

use super::rejection::Rejection;
use crate::acs::teams_token::{AUDIENCES, TEAMS_SCOPES};
use crate::exchange_service::settings::TokenRules;

/// The difference of clocks that is tolerated, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// The service that a token must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange_service) enum Purpose {
    /// This service: the token shows that the caller may use it.
    ThisService,
    /// ACS: the token is exchanged.
    Acs,
}

/// The version of a token. Each has its own issuer, its own claim for the application, and its own form
/// of the audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Version {
    #[serde(rename = "1.0")]
    V1,
    #[serde(rename = "2.0")]
    V2,
}

/// The claims that are used. Types are strict, so that a claim of another type is not taken for an
/// absent one.
#[derive(Deserialize)]
pub(super) struct Claims {
    ver: Version,
    oid: String,
    tid: String,
    azp: Option<String>,
    appid: Option<String>,
    scp: Option<String>,
    exp: i64,
    nbf: i64,
}

/// A user's valid token.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::exchange_service) struct UserToken {
    /// The tenant's id, in lower case.
    pub(in crate::exchange_service) tenant: String,
    /// The user's object id in the tenant, in lower case.
    pub(in crate::exchange_service) user: String,
    /// The id of the application that signed the user in, in lower case.
    pub(in crate::exchange_service) client: String,
    expires: i64,
    not_before: i64,
}

impl UserToken {
    /// Checks the claims whose signature, issuer and audience are valid.
    pub(super) fn new(
        claims: Claims,
        purpose: Purpose,
        rules: &TokenRules,
    ) -> Result<UserToken, Rejection> {
        let tenant = claims.tid.to_ascii_lowercase();
        if !rules.tenants.contains(&tenant) {
            return Err(Rejection::Tenant);
        }
        let user = uuid::Uuid::try_parse(&claims.oid).map_err(|_| Rejection::Malformed)?;
        let client = match claims.ver {
            Version::V1 => claims.appid,
            Version::V2 => claims.azp,
        };
        let client = client.ok_or(Rejection::Malformed)?.to_ascii_lowercase();
        if !rules.clients.contains(&client) {
            return Err(Rejection::Client);
        }
        // A token of an application, without a user, has roles in place of scopes.
        let scopes = claims.scp.unwrap_or_default();
        let has_scope = scopes.split_whitespace().any(|scope| match purpose {
            Purpose::ThisService => scope == rules.scope,
            Purpose::Acs => TEAMS_SCOPES.contains(&scope),
        });
        if !has_scope {
            return Err(Rejection::Scope);
        }
        Ok(UserToken {
            tenant,
            user: user.hyphenated().to_string(),
            client,
            expires: claims.exp,
            not_before: claims.nbf,
        })
    }

    /// Checks that the token is valid now.
    pub(super) fn check_time(&self, now: i64) -> Result<(), Rejection> {
        if self.end() <= now {
            return Err(Rejection::Expired);
        }
        if self.not_before.saturating_sub(LEEWAY_SECONDS) > now {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }

    /// Returns the time from which it is never valid again.
    pub(super) fn end(&self) -> i64 {
        self.expires.saturating_add(LEEWAY_SECONDS)
    }

    /// Returns whether both tokens belong to the same user.
    pub(in crate::exchange_service) fn is_same_user(&self, other: &UserToken) -> bool {
        (&self.tenant, &self.user) == (&other.tenant, &other.user)
    }
}

/// Returns the audiences of a purpose. A token of version 2 has the API's client id as its audience: it
/// is accepted with another one only if the purpose has no client id.
pub(super) fn audiences(purpose: Purpose, version: Version, rules: &TokenRules) -> Vec<String> {
    let mut all: Vec<String> = match purpose {
        Purpose::ThisService => rules.audiences.clone(),
        Purpose::Acs => AUDIENCES
            .iter()
            .flat_map(|audience| [(*audience).to_owned(), format!("{audience}/")])
            .collect(),
    };
    let is_client_id = |audience: &String| uuid::Uuid::try_parse(audience).is_ok();
    if version == Version::V2 && all.iter().any(is_client_id) {
        all.retain(is_client_id);
    }
    all
}
