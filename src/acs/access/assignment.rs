//! Assignments, and what a change did to one.

use std::fmt;

use crate::error::{Error, Result};
use crate::input::guid;
use crate::text::after_noun;
use crate::wire::acs::AssignmentEntry;

/// The exchange that an assignment permits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessFamily {
    /// `exchange = entra`: users, groups and tenants.
    Entra,
    /// `exchange = teams-extension`: users and resource accounts of one tenant.
    TeamsExtension {
        /// The tenant, a GUID.
        tenant_id: String,
    },
}

impl AccessFamily {
    /// Returns the value of `exchange` with these assignments, for the commands of a hint.
    pub(super) fn exchange(&self) -> &'static str {
        match self {
            AccessFamily::Entra => "entra",
            AccessFamily::TeamsExtension { .. } => "teams-extension",
        }
    }
}

/// The type of a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrincipalType {
    /// A user.
    User,
    /// A group, for all of its members.
    Group,
    /// A tenant, for all of its users.
    Tenant,
    /// A resource account of Teams.
    ResourceAccount,
    /// A type that this version does not know.
    Other(String),
}

impl PrincipalType {
    /// Returns the name in the REST API.
    pub fn as_str(&self) -> &str {
        match self {
            PrincipalType::User => "user",
            PrincipalType::Group => "group",
            PrincipalType::Tenant => "tenant",
            PrincipalType::ResourceAccount => "resourceAccount",
            PrincipalType::Other(name) => name,
        }
    }

    /// Returns the type with this name in the REST API, in any case.
    pub fn named(name: &str) -> PrincipalType {
        use PrincipalType::{Group, Other, ResourceAccount, Tenant, User};
        let known = [User, Group, Tenant, ResourceAccount];
        let mut known = known.into_iter();
        let found = known.find(|known| known.as_str().eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| Other(name.to_owned()))
    }
}

impl fmt::Display for PrincipalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PrincipalType::ResourceAccount => "resource account",
            other => other.as_str(),
        })
    }
}

/// An assignment of a principal to a resource: it may exchange the tokens of these applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The principal: the object id of a user or a group, or the id of a tenant.
    pub object_id: String,
    /// The principal's tenant.
    pub tenant_id: String,
    /// The type of the principal.
    pub principal_type: PrincipalType,
    /// The client ids of the applications.
    pub client_ids: Vec<String>,
}

impl Assignment {
    /// Adds the applications that the assignment lacks. Returns whether there was one.
    pub(super) fn add_clients(&mut self, client_ids: &[String]) -> bool {
        let count = self.client_ids.len();
        for id in client_ids {
            if !contains(&self.client_ids, id) {
                self.client_ids.push(id.clone());
            }
        }
        self.client_ids.len() > count
    }

    /// Removes these applications. Returns whether there was one.
    pub(super) fn remove_clients(&mut self, client_ids: &[String]) -> bool {
        let count = self.client_ids.len();
        self.client_ids.retain(|id| !contains(client_ids, id));
        self.client_ids.len() < count
    }
}

fn contains(ids: &[String], id: &str) -> bool {
    ids.iter().any(|other| other.eq_ignore_ascii_case(id))
}

impl From<AssignmentEntry> for Assignment {
    fn from(entry: AssignmentEntry) -> Assignment {
        Assignment {
            object_id: entry.object_id,
            tenant_id: entry.tenant_id,
            principal_type: PrincipalType::named(&entry.principal_type),
            client_ids: entry.client_ids,
        }
    }
}

/// The result of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The assignment after the grant.
    pub assignment: Assignment,
    /// The change.
    pub change: GrantChange,
}

/// What a grant changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantChange {
    /// The principal had no assignment.
    Created,
    /// The assignment has further applications now.
    Updated,
    /// The assignment had all applications already.
    Unchanged,
}

impl GrantChange {
    /// Returns the word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            GrantChange::Created => "created",
            GrantChange::Updated => "updated",
            GrantChange::Unchanged => "unchanged",
        }
    }
}

/// What a revocation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeChange {
    /// The assignment is deleted.
    Deleted,
    /// The assignment is left with its other applications.
    Updated,
    /// The principal had no such assignment.
    Absent,
}

impl RevokeChange {
    /// Returns the word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            RevokeChange::Deleted => "deleted",
            RevokeChange::Updated => "updated",
            RevokeChange::Absent => "absent",
        }
    }
}

/// Checks the object id of a principal, and returns it in lower case.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if it is not a GUID.
pub fn check_object_id(text: &str) -> Result<String> {
    guid(text).ok_or_else(|| {
        Error::usage(
            format!("invalid object id {}: not a GUID", after_noun(text)),
            "Copy the Object ID from the portal, under Microsoft Entra ID, Users or Groups.",
        )
    })
}
