//! Whom the resource's owner lets in without an access key.
//!
//! In come assignments by object id, out come they again and whether a user is covered by one.
//! Groups can be assigned, but as nobody is in any here, that covers nobody.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::super::super::directory::{CLIENT_ID, CONTOSO, everyone};
use super::super::super::server::{Context, Reply, Request};
use super::super::super::verify::is_guid;
use super::super::{Refusal, identities};

/// Which exchange an assignment is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::emulator) enum Family {
    Entra,
    TeamsExtension,
}

impl Family {
    fn principals(self) -> &'static [&'static str] {
        match self {
            Family::Entra => &["user", "group", "tenant"],
            Family::TeamsExtension => &["user", "resourceAccount"],
        }
    }
}

/// One assignment, as the service shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Assignment {
    object_id: String,
    tenant_id: String,
    principal_type: String,
    client_ids: Vec<String>,
}

/// What a request says of one; the path says the rest.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    principal_type: Option<String>,
    tenant_id: Option<String>,
    client_ids: Option<Vec<String>>,
}

/// An Entra assignment is found by object id alone, a Teams extension one by tenant as well; the
/// tenant is empty for the former.
type Key = (Family, String, String);

/// All assignments.
#[derive(Debug)]
pub(in crate::emulator) struct Assignments(BTreeMap<Key, Assignment>);

impl Assignments {
    /// Everyone at home in the first directory is let in with the one app.
    pub(in crate::emulator) fn ready_made() -> Assignments {
        let assignment = |object_id: &str, principal: &str| Assignment {
            object_id: object_id.to_owned(),
            tenant_id: CONTOSO.id.to_owned(),
            principal_type: principal.to_owned(),
            client_ids: vec![CLIENT_ID.to_owned()],
        };
        let mut all = BTreeMap::new();
        all.insert(
            (Family::Entra, String::new(), CONTOSO.id.to_owned()),
            assignment(CONTOSO.id, "tenant"),
        );
        for user in everyone().filter(|user| *user.home().directory == CONTOSO) {
            let oid = user.home().oid;
            all.insert(
                (
                    Family::TeamsExtension,
                    CONTOSO.id.to_owned(),
                    oid.to_owned(),
                ),
                assignment(oid, "user"),
            );
        }
        Assignments(all)
    }

    /// Whether a user of this directory may exchange a token that this app got.
    pub(super) fn admits(&self, family: Family, tenant: &str, user: &str, app: &str) -> bool {
        self.0.iter().any(|((of, ..), assignment)| {
            let principal = match assignment.principal_type.as_str() {
                "user" | "resourceAccount" => user,
                "tenant" => tenant,
                _ => return false,
            };
            *of == family
                && assignment.object_id == principal
                && assignment.tenant_id == tenant
                && assignment.client_ids.iter().any(|client| client == app)
        })
    }
}

pub(in crate::emulator::acs) fn get(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let key = key_in(&request.path)?;
    match shared.state.lock().assignments.0.get(&key) {
        Some(assignment) => Ok(Reply::json("", StatusCode::OK, &json!(assignment))),
        None => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "There is no such assignment.",
        )),
    }
}

pub(in crate::emulator::acs) fn put(shared: &Context, request: &Request) -> Result<Reply, Refusal> {
    let key = key_in(&request.path)?;
    let assignment = valid(&key, identities::read(request)?)?;
    let shown = json!(assignment);
    let old = shared.state.lock().assignments.0.insert(key, assignment);
    let status = match old {
        Some(_) => StatusCode::OK,
        None => StatusCode::CREATED,
    };
    Ok(Reply::json("", status, &shown))
}

pub(in crate::emulator::acs) fn delete(
    shared: &Context,
    request: &Request,
) -> Result<Reply, Refusal> {
    let key = key_in(&request.path)?;
    shared.state.lock().assignments.0.remove(&key);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// All Entra assignments, on one page.
pub(in crate::emulator::acs) fn list(shared: &Context, _: &Request) -> Result<Reply, Refusal> {
    let state = shared.state.lock();
    let value: Vec<&Assignment> = state
        .assignments
        .0
        .iter()
        .filter(|((family, ..), _)| *family == Family::Entra)
        .map(|(_, assignment)| assignment)
        .collect();
    Ok(Reply::json("", StatusCode::OK, &json!({"value": value})))
}

/// A merge patch (RFC 7396) over all Entra assignments: done as a whole or not at all.
pub(in crate::emulator::acs) fn update(
    shared: &Context,
    request: &Request,
) -> Result<Reply, Refusal> {
    if !request.is_of_type("application/merge-patch+json") {
        return Err(Refusal::media_type());
    }
    let wrong = || Refusal::model("The request body is not a map of assignments.");
    let patch: BTreeMap<String, Option<Map<String, Value>>> =
        serde_json::from_slice(&request.body).map_err(|_| wrong())?;
    let mut state = shared.state.lock();
    let mut changes = Vec::new();
    for (object_id, changed) in patch {
        let key = key(Family::Entra, "", &object_id)?;
        let Some(changed) = changed else {
            changes.push((key, None));
            continue;
        };
        let mut members = match state.assignments.0.get(&key).map(|old| json!(old)) {
            Some(Value::Object(old)) => old,
            _ => Map::new(),
        };
        for (name, value) in changed {
            match value {
                Value::Null => members.remove(&name),
                value => members.insert(name, value),
            };
        }
        let wanted = serde_json::from_value(Value::Object(members)).map_err(|_| wrong())?;
        let assignment = valid(&key, wanted)?;
        changes.push((key, Some(assignment)));
    }
    let mut shown = Map::new();
    for (key, change) in changes {
        match change {
            Some(assignment) => {
                shown.insert(key.2.clone(), json!(assignment));
                state.assignments.0.insert(key, assignment);
            }
            None => {
                state.assignments.0.remove(&key);
            }
        }
    }
    Ok(Reply::json("", StatusCode::OK, &Value::Object(shown)))
}

fn key_in(path: &str) -> Result<Key, Refusal> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        [
            "access",
            "teamsExtension",
            "tenants",
            tenant,
            "assignments",
            object,
        ] => {
            if !is_guid(tenant) {
                return Err(Refusal::invalid("tenantId", "The tenantId is not a GUID."));
            }
            key(Family::TeamsExtension, tenant, object)
        }
        [.., object] => key(Family::Entra, "", object),
        [] => Err(Refusal::not_found()),
    }
}

fn key(family: Family, tenant: &str, object: &str) -> Result<Key, Refusal> {
    if !is_guid(object) {
        return Err(Refusal::invalid("objectId", "The objectId is not a GUID."));
    }
    Ok((
        family,
        tenant.to_ascii_lowercase(),
        object.to_ascii_lowercase(),
    ))
}

fn valid((family, tenant, object): &Key, wanted: Wanted) -> Result<Assignment, Refusal> {
    let principal_type = wanted
        .principal_type
        // The service takes the type in any case and answers with its own.
        .and_then(|request| {
            let mut known = family.principals().iter();
            known.find(|known| known.eq_ignore_ascii_case(&request))
        })
        .ok_or_else(|| {
            let known = family.principals().join(", ");
            Refusal::invalid("principalType", format!("It must be one of {known}."))
        })?;
    let tenant_id = match family {
        Family::TeamsExtension => tenant.clone(),
        Family::Entra => wanted
            .tenant_id
            .filter(|tenant| is_guid(tenant))
            .ok_or_else(|| Refusal::invalid("tenantId", "The tenantId must be a GUID."))?
            .to_ascii_lowercase(),
    };
    // The specification's examples of the extension leave the clients out; then nobody gets in.
    let client_ids = match (family, wanted.client_ids) {
        (_, Some(clients)) if clients.iter().all(|client| is_guid(client)) => clients,
        (Family::TeamsExtension, None) => Vec::new(),
        _ => {
            return Err(Refusal::invalid(
                "clientIds",
                "The clientIds must be GUIDs.",
            ));
        }
    };
    Ok(Assignment {
        object_id: object.clone(),
        tenant_id,
        principal_type: (*principal_type).to_owned(),
        client_ids: client_ids
            .iter()
            .map(|client| client.to_ascii_lowercase())
            .collect(),
    })
}
