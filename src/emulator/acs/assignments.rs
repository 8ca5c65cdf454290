//! The operations on assignments.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::AcsError;
use super::json_body;
use crate::emulator::http::{Reply, Request};
use crate::emulator::state::assignments::{Assignment, ExchangeKind, Key};
use crate::emulator::verify::is_guid;

/// The body of an assignment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    principal_type: Option<String>,
    tenant_id: Option<String>,
    client_ids: Option<Vec<String>>,
}

pub(crate) fn get(request: &Request) -> Result<Reply, AcsError> {
    let key = key_in(&request.path)?;
    let state = request.state();
    let found = state
        .assignments
        .0
        .get(&key)
        .ok_or(AcsError::NO_ASSIGNMENT)?;
    Ok(Reply::json(200, &json!(found)))
}

pub(crate) fn put(request: &Request) -> Result<Reply, AcsError> {
    let key = key_in(&request.path)?;
    let assignment = valid(&key, json_body::read_or_default(request)?)?;
    let shown = json!(assignment);
    let old = request.state().assignments.0.insert(key, assignment);
    Ok(Reply::json(if old.is_some() { 200 } else { 201 }, &shown))
}

pub(crate) fn delete(request: &Request) -> Result<Reply, AcsError> {
    let key = key_in(&request.path)?;
    request.state().assignments.0.remove(&key);
    Ok(Reply::empty(204))
}

/// Lists all Entra assignments, on one page.
pub(crate) fn list(request: &Request) -> Result<Reply, AcsError> {
    let state = request.state();
    let all = state.assignments.0.iter();
    let of_entra = all.filter(|((kind, ..), _)| *kind == ExchangeKind::Entra);
    let value: Vec<&Assignment> = of_entra.map(|(_, assignment)| assignment).collect();
    Ok(Reply::json(200, &json!({"value": value})))
}

/// Applies a merge patch (RFC 7396) to the Entra assignments, completely or not at all.
pub(crate) fn update(request: &Request) -> Result<Reply, AcsError> {
    const PROBLEM: &str = "The request body is not a map of assignments.";
    let patch: BTreeMap<String, Option<Map<String, Value>>> =
        json_body::read(request, "application/merge-patch+json", PROBLEM)?;
    let mut state = request.state();
    let mut changes = Vec::new();
    for (object_id, changed) in patch {
        let key = key(ExchangeKind::Entra, "", &object_id)?;
        let Some(changed) = changed else {
            changes.push((key, None));
            continue;
        };
        let old = state.assignments.0.get(&key).map(|old| json!(old));
        let mut members = match old {
            Some(Value::Object(old)) => old,
            _ => Map::new(),
        };
        members.extend(changed);
        members.retain(|_, value| !value.is_null());
        let wanted = serde_json::from_value(Value::Object(members));
        let wanted = wanted.map_err(|_| AcsError::model(PROBLEM))?;
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
    Ok(Reply::json(200, &Value::Object(shown)))
}

fn key_in(path: &str) -> Result<Key, AcsError> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        [_, "teamsExtension", _, tenant, _, object] => {
            if !is_guid(tenant) {
                let message = "The tenantId is not a GUID.";
                return Err(AcsError::invalid("tenantId", message));
            }
            key(ExchangeKind::TeamsExtension, tenant, object)
        }
        [.., object] => key(ExchangeKind::Entra, "", object),
        [] => Err(AcsError::not_found()),
    }
}

fn key(kind: ExchangeKind, tenant: &str, object: &str) -> Result<Key, AcsError> {
    match is_guid(object) {
        true => Ok((
            kind,
            tenant.to_ascii_lowercase(),
            object.to_ascii_lowercase(),
        )),
        false => Err(AcsError::invalid("objectId", "The objectId is not a GUID.")),
    }
}

/// Checks an assignment's body.
fn valid((kind, tenant, object): &Key, wanted: Wanted) -> Result<Assignment, AcsError> {
    let known: &[&str] = match kind {
        ExchangeKind::Entra => &["user", "group", "tenant"],
        ExchangeKind::TeamsExtension => &["user", "resourceAccount"],
    };
    // The service accepts the type in any case and responds with its own spelling.
    let given = wanted.principal_type.unwrap_or_default();
    let mut matching = known
        .iter()
        .filter(|known| known.eq_ignore_ascii_case(&given));
    let principal_type = matching.next().ok_or_else(|| {
        let message = format!("It must be one of {}.", known.join(", "));
        AcsError::invalid("principalType", message)
    })?;
    let tenant_id = match kind {
        ExchangeKind::TeamsExtension => tenant.clone(),
        ExchangeKind::Entra => wanted
            .tenant_id
            .filter(|tenant| is_guid(tenant))
            .ok_or_else(|| AcsError::invalid("tenantId", "The tenantId must be a GUID."))?,
    };
    // The specification's examples of the extension have no clients; no app can then exchange.
    let client_ids = match (kind, wanted.client_ids) {
        (ExchangeKind::TeamsExtension, None) => Some(Vec::new()),
        (_, clients) => clients.filter(|clients| clients.iter().all(|client| is_guid(client))),
    };
    let client_ids =
        client_ids.ok_or_else(|| AcsError::invalid("clientIds", "The clientIds must be GUIDs."))?;
    Ok(Assignment {
        object_id: object.clone(),
        tenant_id: tenant_id.to_ascii_lowercase(),
        principal_type: (*principal_type).to_owned(),
        client_ids: client_ids
            .iter()
            .map(|id| id.to_ascii_lowercase())
            .collect(),
    })
}
