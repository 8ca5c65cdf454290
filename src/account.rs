//! Who signed in, and where: the names that a session goes by.
//!
//! Plain values, nothing secret. What is kept for a session is the store's business, and how a
//! user becomes an account is Entra's.

use serde::{Deserialize, Serialize};

/// The application in a tenant of an authority, to which a session belongs and beyond which its
/// refresh token never goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tenancy {
    /// The authority's host, with its port where it is not the default one.
    pub authority_host: String,
    /// The tenant as it was configured: a GUID, a domain or `organizations`.
    pub tenant: String,
    /// The application (client) id.
    pub client_id: String,
}

/// What names a session: whose it is, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// Where the account signed in.
    pub tenancy: Tenancy,
    /// The account, `<uid>.<utid>`.
    pub home_account_id: String,
}

impl SessionKey {
    /// The name of the session's item in a store. Not a secret.
    pub fn item(&self) -> String {
        let Tenancy {
            authority_host,
            tenant,
            client_id,
        } = &self.tenancy;
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
    /// The name people know the account by, usually an e-mail address.
    pub username: String,
    /// The tenant that the user signed in to (`tid`).
    pub tenant_id: String,
    /// The user's object id in that tenant (`oid`): what an exchange takes as `userId`.
    pub object_id: String,
}
