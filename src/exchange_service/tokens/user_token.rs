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

/// The claims that are used. Types are strict, so that a claim of another type is not taken for an
/// absent one.
#[derive(Deserialize)]
pub(super) struct Claims {
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
        let client = claims.azp.or(claims.appid).ok_or(Rejection::Malformed)?;
        let client = client.to_ascii_lowercase();
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
        if self.expires.saturating_add(LEEWAY_SECONDS) <= now {
            return Err(Rejection::Expired);
        }
        if self.not_before.saturating_sub(LEEWAY_SECONDS) > now {
            return Err(Rejection::NotYetValid);
        }
        Ok(())
    }

    /// Returns whether it will never be valid again.
    pub(super) fn is_over(&self, now: i64) -> bool {
        self.check_time(now) == Err(Rejection::Expired)
    }

    /// Returns whether both tokens belong to the same user.
    pub(in crate::exchange_service) fn is_same_user(&self, other: &UserToken) -> bool {
        (&self.tenant, &self.user) == (&other.tenant, &other.user)
    }
}

/// Returns the audiences of a purpose.
pub(super) fn audiences(purpose: Purpose, rules: &TokenRules) -> Vec<String> {
    match purpose {
        Purpose::ThisService => rules.audiences.clone(),
        Purpose::Acs => AUDIENCES
            .iter()
            .flat_map(|audience| [(*audience).to_owned(), format!("{audience}/")])
            .collect(),
    }
}
