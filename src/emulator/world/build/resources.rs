//! The resources of a seed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use super::values::{at_least_one, id, is_label};
use crate::emulator::rate_limits::RateLimits;
use crate::emulator::seed::invalid::Invalid;
use crate::emulator::seed::model::{Secret, SeedAssignment, SeedFile, SeedLimits, SeedResource};
use crate::emulator::seed::read::published as published_seed;
use crate::emulator::verify::{ensure, is_guid};
use crate::emulator::world::model::World;
use crate::emulator::world::resource::{
    AccessKey, AccessKeys, Assignment, ExchangeKind, Manager, Resource,
};

/// Adds the resources of a seed.
pub(super) fn resources(world: &mut World, file: &mut SeedFile) -> Result<(), Invalid> {
    let published = || published_seed().resources.clone().unwrap_or_default();
    let listed = file.resources.get_or_insert_with(published);
    let mut seen = BTreeSet::new();
    for (index, resource) in listed.iter_mut().enumerate() {
        let path = format!("resources[{index}]");
        resource.name.make_ascii_lowercase();
        let wrong = "a resource name has letters, digits and `-` only";
        let name_path = format!("{path}.name");
        ensure(is_label(&resource.name), Invalid::new(&name_path, wrong))?;
        let built = build(world, resource, &path)?;
        for (value, path) in [(&built.name, name_path), (&built.id, format!("{path}.id"))] {
            let twice = format!("`{value}` occurs twice");
            ensure(seen.insert(value.clone()), Invalid::new(path, twice))?;
        }
        world.resources.push(Arc::new(built));
    }
    at_least_one(&world.resources, "resources")
}

fn build(world: &World, resource: &mut SeedResource, path: &str) -> Result<Resource, Invalid> {
    let name = resource.name.clone();
    let id = id(
        &mut resource.id,
        &format!("{path}.id"),
        &["resource", &name],
    )?;
    let keys = &mut resource.keys;
    let key = |given: &mut Option<Secret>, which: &str| {
        let derived = || {
            let text = format!("worthless emulator key\n{name}\n{which}");
            let digest = digest::digest(&digest::SHA512, text.as_bytes());
            Secret(STANDARD.encode(digest))
        };
        let text = &given.get_or_insert_with(derived).0;
        let wrong = || Invalid::new(format!("{path}.keys.{which}"), "the key is not Base64");
        AccessKey::parse(text).ok_or_else(wrong)
    };
    let primary = key(&mut keys.primary, "primary")?;
    let secondary = key(&mut keys.secondary, "secondary")?;
    let managers = match &resource.managers {
        Some(names) => {
            let names = names.iter().enumerate();
            let managers = names.map(|(place, name)| {
                let message = || format!("`{name}` is no user or application of the seed");
                let path = || format!("{path}.managers[{place}]");
                manager(world, name).ok_or_else(|| Invalid::new(path(), message()))
            });
            managers.collect::<Result<_, _>>()?
        }
        None => {
            let service = world.services().next().map(|app| app.client_id.as_str());
            let names = [Some(world.users[0].username.as_str()), service];
            let names = names.into_iter().flatten();
            names.filter_map(|name| manager(world, name)).collect()
        }
    };
    if let Some(versions) = &resource.api_versions {
        let none = "an empty list would refuse every request";
        let is_some = !versions.is_empty();
        ensure(is_some, Invalid::new(format!("{path}.apiVersions"), none))?;
    }
    let assignments = match &resource.assignments {
        Some(listed) => {
            let listed = listed.iter().enumerate();
            let built = listed.map(|(place, one)| {
                let path = format!("{path}.assignments[{place}]");
                assignment(world, one, &path)
            });
            built.collect::<Result<_, _>>()?
        }
        None => default_assignments(world),
    };
    Ok(Resource {
        name,
        id,
        keys: AccessKeys { primary, secondary },
        managers,
        has_no_local_auth: resource.disable_local_auth,
        revocation_delay: Duration::from_secs(resource.revocation_delay_seconds),
        limits: resource.limits.as_ref().map(limits),
        versions: resource.api_versions.clone(),
        assignments,
        http_port: resource.http_port,
        https_port: resource.https_port,
    })
}

/// Returns the principal with this user name, client id or application's name.
fn manager(world: &World, name: &str) -> Option<Manager> {
    if let Some(user) = world.user_named(name) {
        return Some(Manager {
            object_id: user.home.oid.clone(),
            tenant_id: Some(user.home.tenant.id.clone()),
        });
    }
    let mut applications = world.applications.iter();
    let is_it = |id: &str, app_name: &str| id.eq_ignore_ascii_case(name) || app_name == name;
    let app = applications.find(|app| is_it(&app.client_id, &app.name))?;
    Some(Manager {
        object_id: app.object_id.clone(),
        tenant_id: app.tenant.as_ref().map(|tenant| tenant.id.clone()),
    })
}

fn limits(seed: &SeedLimits) -> RateLimits {
    let documented = RateLimits::default();
    RateLimits {
        window: seed
            .window_seconds
            .map_or(documented.window, Duration::from_secs),
        create: seed.create.unwrap_or(documented.create),
        create_with_token: seed
            .create_with_token
            .unwrap_or(documented.create_with_token),
        issue: seed.issue.unwrap_or(documented.issue),
        revoke: seed.revoke.unwrap_or(documented.revoke),
        delete: seed.delete.unwrap_or(documented.delete),
        exchange: seed.exchange.unwrap_or(documented.exchange),
    }
}

/// Assigns each member of the first tenant with the first application.
fn default_assignments(world: &World) -> Vec<Assignment> {
    let tenant = &world.tenants[0];
    let assignment = |kind, object_id: &str, principal: &str| Assignment {
        kind,
        object_id: object_id.to_owned(),
        tenant_id: tenant.id.clone(),
        principal_type: principal.to_owned(),
        client_ids: vec![world.main_application().client_id.clone()],
    };
    let members = world
        .users
        .iter()
        .filter(|user| user.home.tenant == *tenant);
    let users =
        members.map(|user| assignment(ExchangeKind::TeamsExtension, &user.home.oid, "user"));
    let all_of_tenant = assignment(ExchangeKind::Entra, &tenant.id, "tenant");
    users.chain([all_of_tenant]).collect()
}

fn assignment(world: &World, seed: &SeedAssignment, path: &str) -> Result<Assignment, Invalid> {
    let types: &[&str] = match seed.exchange {
        ExchangeKind::Entra => &["user", "group", "tenant"],
        ExchangeKind::TeamsExtension => &["user", "resourceAccount"],
    };
    let is_type = types.contains(&seed.principal_type.as_str());
    let message = format!("`{}` is none of {}", seed.principal_type, types.join(", "));
    ensure(
        is_type,
        Invalid::new(format!("{path}.principalType"), message),
    )?;
    let tenant = seed.tenant.as_ref();
    let tenant = tenant
        .map(|name| super::values::tenant_at(world, name, path))
        .transpose()?;
    let name = seed.principal.as_str();
    let found = match seed.principal_type.as_str() {
        "tenant" => {
            let found = world.tenant(&name.to_ascii_lowercase());
            found.map(|tenant| (tenant.id.clone(), tenant.id.clone()))
        }
        "group" => {
            let found = world.groups.iter().find(|group| group.name == name);
            found.map(|group| (group.object_id.clone(), group.tenant.id.clone()))
        }
        _ => world.user_named(name).and_then(|user| {
            let account = match &tenant {
                Some(tenant) => user.account_in(tenant)?,
                None => &user.home,
            };
            Some((account.oid.clone(), account.tenant.id.clone()))
        }),
    };
    let by_id = || {
        let tenant = tenant.as_ref().unwrap_or(&world.tenants[0]);
        is_guid(name).then(|| (name.to_ascii_lowercase(), tenant.id.clone()))
    };
    let (object_id, tenant_id) = found.or_else(by_id).ok_or_else(|| {
        let message = format!(
            "`{name}` is no {} of the seed and no GUID",
            seed.principal_type
        );
        Invalid::new(format!("{path}.principal"), message)
    })?;
    let mut client_ids = Vec::new();
    for (place, client) in seed.clients.iter().flatten().enumerate() {
        let mut applications = world.applications.iter();
        let app = applications.find(|app| app.name == *client);
        let client_id = app.map(|app| app.client_id.clone());
        let client_id = client_id.or_else(|| is_guid(client).then(|| client.to_ascii_lowercase()));
        let message = || format!("`{client}` is no application of the seed and no GUID");
        let path = || format!("{path}.clients[{place}]");
        client_ids.push(client_id.ok_or_else(|| Invalid::new(path(), message()))?);
    }
    if seed.clients.is_none() {
        client_ids.push(world.main_application().client_id.clone());
    }
    Ok(Assignment {
        kind: seed.exchange,
        object_id,
        tenant_id,
        principal_type: seed.principal_type.clone(),
        client_ids,
    })
}
