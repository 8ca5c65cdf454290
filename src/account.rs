//! Accounts, applications and session keys.
//!
//! Values without secrets. `store` defines what is stored for a session, and `entra` makes an account
//! of a user.

use serde::{Deserialize, Serialize};

/// The application in a tenant of an authority. A session belongs to one, and its refresh tokens are
/// sent to no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntraApplication {
    /// The authority's host, with its port if that is not the default one.
    pub authority_host: String,
    /// The configured tenant in lower case: a GUID, a domain, `organizations` or `common`.
    pub tenant: String,
    /// The application (client) id.
    pub client_id: String,
}

impl EntraApplication {
    /// Creates the value. `authority_host` has a port if it is not the default one.
    pub fn new(
        authority_host: impl Into<String>,
        tenant: impl Into<String>,
        client_id: impl Into<String>,
    ) -> Self {
        EntraApplication {
            authority_host: authority_host.into(),
            tenant: tenant.into(),
            client_id: client_id.into(),
        }
    }
}

/// The key of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The application that the account signed in to.
    pub application: EntraApplication,
    /// The account, `<uid>.<utid>`.
    pub home_account_id: String,
}

impl SessionKey {
    /// The name of the session's item in a store. Not a secret.
    pub fn item_name(&self) -> String {
        let EntraApplication {
            authority_host,
            tenant,
            client_id,
        } = &self.application;
        format!(
            "session {} at {authority_host} {tenant} {client_id}",
            self.home_account_id
        )
    }
}

/// One signed-in Teams user, as the validated id_token named them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// `<uid>.<utid>` from `client_info`; without it, oid and tid.
    pub home_account_id: String,
    /// The username, usually an e-mail address.
    pub username: String,
    /// The tenant that the user signed in to (`tid`).
    pub tenant_id: String,
    /// The user's object id in that tenant (`oid`): what an exchange takes as `userId`.
    pub object_id: String,
}

/// How closely a typed name fits an account, the closest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameMatch {
    /// The username or the home account id begins with it.
    Prefix,
    /// It is the username. Two accounts may have the same one, in different tenants.
    Username,
    /// It is the home account id, which no two accounts share.
    HomeAccountId,
}

impl Account {
    /// Compares a typed name with the username and the home account id, in any case. Returns `None`
    /// if it fits neither, or is empty.
    pub fn match_name(&self, name: &str) -> Option<NameMatch> {
        let name = name.trim().to_lowercase();
        let username = self.username.to_lowercase();
        let id = self.home_account_id.to_lowercase();
        match name.as_str() {
            "" => None,
            name if name == id => Some(NameMatch::HomeAccountId),
            name if name == username => Some(NameMatch::Username),
            name if username.starts_with(name) || id.starts_with(name) => Some(NameMatch::Prefix),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_fits_by_id_then_username_then_prefix() {
        let account = Account {
            home_account_id: "1f-UID.utid".to_owned(),
            username: "Çelik@contoso.example".to_owned(),
            tenant_id: "utid".to_owned(),
            object_id: "1f-UID".to_owned(),
        };
        for (name, fit) in [
            ("1f-uid.UTID", Some(NameMatch::HomeAccountId)),
            ("çELIK@contoso.example", Some(NameMatch::Username)),
            (" çelik@contoso.example\n", Some(NameMatch::Username)),
            ("çel", Some(NameMatch::Prefix)),
            ("1F", Some(NameMatch::Prefix)),
            ("elik", None),
            ("çelik@contoso.example.org", None),
            ("utid", None),
            ("", None),
            (" ", None),
        ] {
            assert_eq!(account.match_name(name), fit, "{name}");
        }
        assert!(
            NameMatch::Prefix < NameMatch::Username
                && NameMatch::Username < NameMatch::HomeAccountId
        );
    }
}
