//! The checks and defaults of single values of a seed.

use std::sync::Arc;

use ring::digest;
use uuid::Uuid;

use crate::emulator::seed::invalid::Invalid;
use crate::emulator::verify::{ensure, is_guid};
use crate::emulator::world::model::World;
use crate::emulator::world::tenant::Tenant;

/// Returns the tenant of this domain or id, for the key `tenant` below `path`.
pub(super) fn tenant_at(world: &World, name: &str, path: &str) -> Result<Arc<Tenant>, Invalid> {
    let tenant = world.tenant(&name.to_ascii_lowercase());
    let message = || format!("`{name}` is no tenant of the seed");
    let tenant = tenant.ok_or_else(|| Invalid::new(format!("{path}.tenant"), message()))?;
    Ok(Arc::clone(tenant))
}

/// Returns the GUID in lower case, or one that is derived from `parts`, so that it is the same in
/// each run. Writes it into the seed.
pub(super) fn id(
    given: &mut Option<String>,
    path: &str,
    parts: &[&str],
) -> Result<String, Invalid> {
    let derived = || {
        let digest = digest::digest(&digest::SHA256, parts.join("\n").as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_ref()[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    };
    let id = given.get_or_insert_with(|| derived().to_string());
    let message = format!("`{id}` is not a GUID");
    ensure(is_guid(id), Invalid::new(path, message))?;
    *id = Uuid::try_parse(id).unwrap_or_default().to_string();
    Ok(id.clone())
}

pub(super) fn at_least_one<T>(list: &[T], path: &str) -> Result<(), Invalid> {
    let none = Invalid::new(path, "at least one is needed");
    ensure(!list.is_empty(), none)
}

/// Returns whether a text is a DNS name with at least two labels.
pub(super) fn is_domain(name: &str) -> bool {
    name.contains('.') && name.len() <= 253 && name.split('.').all(is_label)
}

/// Returns whether a text is a DNS label.
pub(super) fn is_label(label: &str) -> bool {
    matches!(label.len(), 1..=63)
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
