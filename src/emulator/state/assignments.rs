//! The principals that may exchange a token without the resource's key.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::emulator::directory::{CLIENT_ID, CONTOSO};
use crate::emulator::users::everyone;

/// The kind of exchange that an assignment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExchangeKind {
    Entra,
    TeamsExtension,
}

/// An assignment, in the service's JSON shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Assignment {
    pub(crate) object_id: String,
    pub(crate) tenant_id: String,
    pub(crate) principal_type: String,
    pub(crate) client_ids: Vec<String>,
}

/// An assignment's kind, tenant and object id. The tenant of an Entra assignment is empty, because
/// its object id alone identifies it.
pub(crate) type Key = (ExchangeKind, String, String);

/// All assignments.
#[derive(Debug)]
pub(crate) struct Assignments(pub(crate) BTreeMap<Key, Assignment>);

impl Default for Assignments {
    /// Assigns each member of the first tenant with the one app.
    fn default() -> Assignments {
        let tenant = CONTOSO.id.to_owned();
        let assignment = |object_id: &str, principal: &str| Assignment {
            object_id: object_id.to_owned(),
            tenant_id: tenant.clone(),
            principal_type: principal.to_owned(),
            client_ids: vec![CLIENT_ID.to_owned()],
        };
        let members = everyone().filter(|user| *user.home.directory == CONTOSO);
        let users = members.map(|user| {
            let oid = user.home.oid;
            let key = (ExchangeKind::TeamsExtension, tenant.clone(), oid.to_owned());
            (key, assignment(oid, "user"))
        });
        let all_of_tenant = (
            (ExchangeKind::Entra, String::new(), tenant.clone()),
            assignment(&tenant, "tenant"),
        );
        Assignments(users.chain([all_of_tenant]).collect())
    }
}

impl Assignments {
    /// Returns whether a user of this tenant may exchange a token that was issued to this app. A
    /// group covers no user, because no group of the emulator has members.
    pub(crate) fn admits(&self, kind: ExchangeKind, tenant: &str, user: &str, app: &str) -> bool {
        self.0.iter().any(|((of, ..), assignment)| {
            let principal = match assignment.principal_type.as_str() {
                "user" | "resourceAccount" => user,
                "tenant" => tenant,
                _ => return false,
            };
            *of == kind
                && assignment.object_id == principal
                && assignment.tenant_id == tenant
                && assignment.client_ids.iter().any(|client| client == app)
        })
    }
}
