//! The operations on assignments.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::AcsError;
use super::request::{json_or, json_or_default};
use crate::emulator::http::{Reply, Request};
use crate::emulator::state::resource::Key;
use crate::emulator::verify::{ensure, is_guid};
use crate::emulator::world::resource::{Assignment, ExchangeKind};

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
    let found = request.with_resource(|of| of.assignments.0.get(&key).cloned());
    let found = found.ok_or(AcsError::NO_ASSIGNMENT)?;
    Ok(Reply::json(200, &json!(found)))
}

pub(crate) fn put(request: &Request) -> Result<Reply, AcsError> {
    let key = key_in(&request.path)?;
    let assignment = valid(&key, json_or_default(request)?)?;
    let shown = json!(assignment);
    let old = request.with_resource(|of| of.assignments.0.insert(key, assignment));
    Ok(Reply::json(if old.is_some() { 200 } else { 201 }, &shown))
}

pub(crate) fn delete(request: &Request) -> Result<Reply, AcsError> {
    let key = key_in(&request.path)?;
    request.with_resource(|of| of.assignments.0.remove(&key));
    Ok(Reply::new(204, ()))
}

/// Lists all Entra assignments, on one page.
pub(crate) fn list(request: &Request) -> Result<Reply, AcsError> {
    let value = request.with_resource(|of| {
        let all = of.assignments.0.values();
        let of_entra = all.filter(|assignment| assignment.kind == ExchangeKind::Entra);
        json!(of_entra.collect::<Vec<_>>())
    });
    Ok(Reply::json(200, &json!({"value": value})))
}

/// Applies a merge patch (RFC 7396) to the Entra assignments, completely or not at all.
pub(crate) fn update(request: &Request) -> Result<Reply, AcsError> {
    const PROBLEM: &str = "The request body is not a map of assignments.";
    let patch: BTreeMap<String, Option<Map<String, Value>>> =
        json_or(request, "application/merge-patch+json", PROBLEM)?;
    let mut state = request.state();
    let present = &mut state.resources[request.at.resource].assignments;
    let mut assignments = present.0.clone();
    let mut shown = Map::new();
    for (object_id, changed) in patch {
        let key = key(ExchangeKind::Entra, "", &object_id)?;
        let Some(changed) = changed else {
            assignments.remove(&key);
            continue;
        };
        let mut members = match json!(present.0.get(&key)) {
            Value::Object(old) => old,
            _ => Map::new(),
        };
        members.extend(changed);
        members.retain(|_, value| !value.is_null());
        let wanted = serde_json::from_value(Value::Object(members));
        let wanted = wanted.map_err(|_| AcsError::model(PROBLEM))?;
        let assignment = valid(&key, wanted)?;
        shown.insert(key.2.clone(), json!(assignment));
        assignments.insert(key, assignment);
    }
    present.0 = assignments;
    Ok(Reply::json(200, &Value::Object(shown)))
}

fn key_in(path: &str) -> Result<Key, AcsError> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let object = segments.last().copied().unwrap_or_default();
    let [_, "teamsExtension", _, tenant, ..] = segments[..] else {
        return key(ExchangeKind::Entra, "", object);
    };
    let malformed = AcsError::invalid("tenantId", "The tenantId is not a GUID.");
    ensure(is_guid(tenant), malformed)?;
    key(ExchangeKind::TeamsExtension, tenant, object)
}

fn key(kind: ExchangeKind, tenant: &str, object: &str) -> Result<Key, AcsError> {
    let malformed = AcsError::invalid("objectId", "The objectId is not a GUID.");
    ensure(is_guid(object), malformed)?;
    let (tenant, object) = (tenant.to_ascii_lowercase(), object.to_ascii_lowercase());
    Ok((kind, tenant, object))
}

/// Checks an assignment's body.
fn valid((kind, tenant, object): &Key, wanted: Wanted) -> Result<Assignment, AcsError> {
    let known: &[&str] = match kind {
        ExchangeKind::Entra => &["user", "group", "tenant"],
        ExchangeKind::TeamsExtension => &["user", "resourceAccount"],
    };
    // The service accepts the type in any case and responds with its own spelling.
    let given = wanted.principal_type.unwrap_or_default();
    let mut known_types = known.iter();
    let principal_type = known_types.find(|known| known.eq_ignore_ascii_case(&given));
    let principal_type = principal_type.ok_or_else(|| {
        let message = format!("It must be one of {}.", known.join(", "));
        AcsError::invalid("principalType", message)
    })?;
    // The specification's examples of the extension have no clients; no app can then exchange.
    let (tenant_id, client_ids) = match kind {
        ExchangeKind::TeamsExtension => {
            (tenant.clone(), Some(wanted.client_ids.unwrap_or_default()))
        }
        ExchangeKind::Entra => (wanted.tenant_id.unwrap_or_default(), wanted.client_ids),
    };
    let wrong_tenant = AcsError::invalid("tenantId", "The tenantId must be a GUID.");
    ensure(is_guid(&tenant_id), wrong_tenant)?;
    let mut client_ids = client_ids
        .filter(|clients| clients.iter().all(|client| is_guid(client)))
        .ok_or_else(|| AcsError::invalid("clientIds", "The clientIds must be GUIDs."))?;
    for id in &mut client_ids {
        id.make_ascii_lowercase();
    }
    Ok(Assignment {
        kind: *kind,
        object_id: object.clone(),
        tenant_id: tenant_id.to_ascii_lowercase(),
        principal_type: (*principal_type).to_owned(),
        client_ids,
    })
}
