//! The operations on assignments.

use std::collections::HashSet;
use std::time::Duration;

use super::assignment::{
    AccessFamily, Assignment, GrantChange, Granted, PrincipalType, RevokeChange, check_object_id,
};
use crate::acs::client::{IdentityClient, to_json};
use crate::acs::operation::Operation;
use crate::acs::path::AssignmentPath;
use crate::acs::request::Call;
use crate::error::{Error, Kind, Result};
use crate::http::Response;
use crate::input::guid;
use crate::text::after_noun;
use crate::wire;
use crate::wire::acs::{AssignmentEntry, AssignmentPage, PutAssignment, ServiceError};

/// The code of a response for a principal without an assignment.
const NO_ASSIGNMENT: &str = "NotFound";
/// The most pages of a list.
const MAX_PAGES: usize = 1000;
/// The most writes of one change.
const MAX_WRITES: usize = 3;
/// The pauses before the reads of a change. Each read after the first one checks the write before it: by
/// then another change that had read the assignment before that write has usually written it.
const PAUSES: [Duration; MAX_WRITES + 1] = [
    Duration::ZERO,
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(600),
];

/// Reads and changes the assignments of one resource, as its owner.
pub struct AccessClient {
    client: IdentityClient,
    family: AccessFamily,
}

impl AccessClient {
    /// Creates a client for assignments of this family. `client` has the credential of the
    /// resource's owner.
    pub fn new(client: IdentityClient, family: AccessFamily) -> Self {
        let family = match family {
            AccessFamily::Entra => AccessFamily::Entra,
            AccessFamily::TeamsExtension { tenant_id } => AccessFamily::TeamsExtension {
                tenant_id: guid(&tenant_id).unwrap_or(tenant_id),
            },
        };
        AccessClient { client, family }
    }

    /// Lists all Entra assignments.
    ///
    /// # Errors
    /// [`Kind::Usage`] for the Teams extension, whose assignments the service
    /// does not list; else as [`AccessClient::find`].
    pub async fn list(&self) -> Result<Vec<Assignment>> {
        if self.family != AccessFamily::Entra {
            return Err(Error::usage(
                "the service does not list the assignments of the Teams extension",
                "Name the users, as in `acspass access list --exchange teams-extension OBJECT-ID`.",
            ));
        }
        let transport = &self.client.transport;
        let mut assignments = Vec::new();
        let mut target: Option<String> = None;
        let mut seen = HashSet::new();
        for _ in 0..MAX_PAGES {
            let operation = Operation::ListAssignments(target.as_deref());
            let response = self.client.call(operation, None).await?;
            let page: AssignmentPage = transport.read(&response)?;
            assignments.extend(page.value.into_iter().map(Assignment::from));
            let Some(next) = page.next_link else {
                return Ok(assignments);
            };
            // The next request is signed too, so it goes to the same resource only.
            let next = transport.endpoint.target_of(&next);
            let other_host = || transport.unusable("a list that continues at another host");
            let next = next.ok_or_else(other_host)?;
            if !seen.insert(next.clone()) {
                return Err(transport.unusable("a list that continues at a page it has had"));
            }
            target = Some(next);
        }
        Err(transport.unusable("a list of assignments without an end"))
    }

    /// Returns the assignment of a principal.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the id is not a GUID;
    /// [`Kind::Refused`] if the service refuses;
    /// [`Kind::Unreachable`] if it does not respond.
    pub async fn find(&self, object_id: &str) -> Result<Option<Assignment>> {
        let object_id = self.check_ids(object_id)?;
        let Some(response) = self.look_up(&object_id).await? else {
            return Ok(None);
        };
        let entry: AssignmentEntry = self.client.transport.read(&response)?;
        Ok(Some(Assignment {
            object_id,
            ..entry.into()
        }))
    }

    /// Returns the response with the assignment of a principal. Only the service's own code says that
    /// there is none: another 404 is of a proxy, or of a service without the operation.
    async fn look_up(&self, object_id: &str) -> Result<Option<Response>> {
        let operation = Operation::FindAssignment(self.path(object_id));
        let response = self.client.send(Call::of(operation, None)).await?;
        let code = || wire::read::<ServiceError>(&response.body).map(|error| error.code);
        if response.status.as_u16() == 404 && code().is_some_and(|code| code == NO_ASSIGNMENT) {
            return Ok(None);
        }
        self.client.transport.check(operation, response).map(Some)
    }

    /// Permits a principal to exchange the tokens of these applications, in addition to those that
    /// its assignment already has. The service has no conditional write, so the assignment is read
    /// again 150 ms after the change, and changed again if another change has replaced it. A change
    /// can still be lost if another one takes longer from its read to its write.
    ///
    /// # Errors
    /// [`Kind::Usage`] if an id is not a GUID, the family does not have the type,
    /// or the principal has an assignment with another type or tenant;
    /// [`Kind::Refused`] if other changes replace each one; else as
    /// [`AccessClient::find`].
    pub async fn grant(&self, wanted: &Assignment) -> Result<Granted> {
        self.check(wanted)?;
        let mut change = GrantChange::Unchanged;
        for (writes, pause) in PAUSES.into_iter().enumerate() {
            tokio::time::sleep(pause).await;
            let (assignment, this_change) = match self.find(&wanted.object_id).await? {
                None => (wanted.clone(), GrantChange::Created),
                Some(mut present) => {
                    self.check_same_principal(&present, wanted)?;
                    if !present.add_clients(&wanted.client_ids) {
                        return Ok(Granted {
                            assignment: present,
                            change,
                        });
                    }
                    (present, GrantChange::Updated)
                }
            };
            if writes == MAX_WRITES {
                break;
            }
            self.put(&assignment).await?;
            if change == GrantChange::Unchanged {
                change = this_change;
            }
        }
        Err(replaced(&wanted.object_id))
    }

    /// Ends the permission of a principal for these applications, or for all of them if none is
    /// named. Tokens that were issued before stay valid until they expire. The assignment is read
    /// again after the change, as [`AccessClient::grant`] does.
    ///
    /// # Errors
    /// As [`AccessClient::grant`], without the usage errors of the type and the tenant.
    pub async fn revoke(&self, object_id: &str, client_ids: &[String]) -> Result<RevokeChange> {
        let object_id = self.check_ids(object_id)?;
        match client_ids.is_empty() {
            true => self.revoke_all(&object_id).await,
            false => self.revoke_clients(&object_id, client_ids).await,
        }
    }

    async fn revoke_all(&self, object_id: &str) -> Result<RevokeChange> {
        let mut change = RevokeChange::Absent;
        for (writes, pause) in PAUSES.into_iter().enumerate() {
            tokio::time::sleep(pause).await;
            match self.look_up(object_id).await? {
                Some(_) => change = RevokeChange::Deleted,
                None if writes > 0 => return Ok(change),
                // A deletion is sent in any case: only its success proves that there is no access.
                None => return self.delete(object_id).await.map(|()| change),
            }
            if writes == MAX_WRITES {
                break;
            }
            self.delete(object_id).await?;
        }
        Err(replaced(object_id))
    }

    async fn revoke_clients(&self, object_id: &str, client_ids: &[String]) -> Result<RevokeChange> {
        let mut change = RevokeChange::Absent;
        for (writes, pause) in PAUSES.into_iter().enumerate() {
            tokio::time::sleep(pause).await;
            let Some(mut present) = self.find(object_id).await? else {
                return Ok(change);
            };
            if !present.remove_clients(client_ids) {
                return Ok(change);
            }
            if writes == MAX_WRITES {
                break;
            }
            if present.client_ids.is_empty() {
                self.delete(object_id).await?;
                change = RevokeChange::Deleted;
            } else {
                self.put(&present).await?;
                change = RevokeChange::Updated;
            }
        }
        Err(replaced(object_id))
    }

    async fn delete(&self, object_id: &str) -> Result<()> {
        let operation = Operation::DeleteAssignment(self.path(object_id));
        self.client.call(operation, None).await.map(drop)
    }

    async fn put(&self, assignment: &Assignment) -> Result<()> {
        let body = to_json(&PutAssignment {
            principal_type: assignment.principal_type.as_str(),
            tenant_id: match self.family {
                AccessFamily::Entra => Some(&assignment.tenant_id),
                AccessFamily::TeamsExtension { .. } => None,
            },
            client_ids: &assignment.client_ids,
        })?;
        let operation = Operation::PutAssignment(self.path(&assignment.object_id));
        self.client.call(operation, Some(body)).await.map(drop)
    }

    /// Checks the ids of a path. Returns the object id in lower case.
    fn check_ids(&self, object_id: &str) -> Result<String> {
        if let AccessFamily::TeamsExtension { tenant_id } = &self.family {
            check_tenant_id(tenant_id)?;
        }
        check_object_id(object_id)
    }

    fn path<'a>(&'a self, object_id: &'a str) -> AssignmentPath<'a> {
        AssignmentPath {
            tenant: match &self.family {
                AccessFamily::Entra => None,
                AccessFamily::TeamsExtension { tenant_id } => Some(tenant_id),
            },
            object_id,
        }
    }

    /// Checks an assignment before any request.
    fn check(&self, wanted: &Assignment) -> Result<()> {
        use PrincipalType::{Group, ResourceAccount, Tenant, User};
        self.check_ids(&wanted.object_id)?;
        check_tenant_id(&wanted.tenant_id)?;
        for id in &wanted.client_ids {
            check_object_id(id)?;
        }
        let is_own = wanted.object_id.eq_ignore_ascii_case(&wanted.tenant_id);
        if wanted.principal_type == Tenant && !is_own {
            return Err(Error::usage(
                format!("{} is not the tenant's own id", wanted.object_id),
                "Use the id of the tenant as the object id of a tenant.",
            ));
        }
        let (is_known, types) = match &self.family {
            AccessFamily::Entra => (
                matches!(wanted.principal_type, User | Group | Tenant),
                "`user`, `group` or `tenant`",
            ),
            AccessFamily::TeamsExtension { tenant_id } => {
                if !tenant_id.eq_ignore_ascii_case(&wanted.tenant_id) {
                    return Err(Error::internal("an assignment of another tenant"));
                }
                let is_known = matches!(wanted.principal_type, User | ResourceAccount);
                (is_known, "`user` or `resource-account`")
            }
        };
        if !is_known {
            return Err(Error::usage(
                format!(
                    "this exchange has no assignments of the type {}",
                    wanted.principal_type
                ),
                format!("Use the type {types}."),
            ));
        }
        match wanted.client_ids.is_empty() {
            false => Ok(()),
            true => Err(Error::usage(
                "an assignment without an application permits nothing",
                "Add `--client-id ID` with the id of the application.",
            )),
        }
    }

    /// Checks that a present assignment is for the same principal. An object id is of one type, in one
    /// tenant, so another one in the assignment or in the request is wrong.
    fn check_same_principal(&self, present: &Assignment, wanted: &Assignment) -> Result<()> {
        let id = &wanted.object_id;
        let (what, present, wanted) = if present.principal_type != wanted.principal_type {
            let (present, wanted) = (&present.principal_type, &wanted.principal_type);
            (
                "as a principal of the type",
                present.to_string(),
                wanted.to_string(),
            )
        } else if !present.tenant_id.eq_ignore_ascii_case(&wanted.tenant_id) {
            let (present, wanted) = (present.tenant_id.clone(), wanted.tenant_id.clone());
            ("as a principal of the tenant", present, wanted)
        } else {
            return Ok(());
        };
        Err(Error::usage(
            format!("{id} is already assigned {what} {present}, and not {wanted}"),
            format!(
                "Correct the command. To replace the assignment, run \
                 `acspass access revoke --exchange {} {id}` first.",
                self.family.exchange()
            ),
        ))
    }
}

/// Returns the error for an assignment that other changes replace again and again.
fn replaced(object_id: &str) -> Error {
    Error::new(
        Kind::Refused,
        format!("the assignment of {object_id} does not have the change that was written to it"),
        "Another program may change it at the same time. Run the command again.",
    )
}

fn check_tenant_id(text: &str) -> Result<()> {
    match guid(text) {
        Some(_) => Ok(()),
        None => Err(Error::usage(
            format!("invalid tenant id {}: not a GUID", after_noun(text)),
            "Copy the Tenant ID from the portal, under Microsoft Entra ID, Overview.",
        )),
    }
}
