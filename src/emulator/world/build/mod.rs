//! Builds the data of a seed: fills in what is absent and checks the rest.

mod principals;
mod resources;
mod values;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::api::{Api, MICROSOFT_APIS};
use super::application::{Application, RedirectUri};
use super::model::{Group, World};
use super::tenant::Tenant;
use crate::emulator::seed::invalid::Invalid;
use crate::emulator::seed::model::{SeedApi, SeedApplication, SeedFile};
use crate::emulator::seed::read::published as published_seed;
use crate::emulator::verify::{ensure, is_guid};
use values::{at_least_one, id, is_domain, tenant_at};

/// Builds the data of a seed.
///
/// # Errors
/// Returns the first fault of the seed, with the path of its key.
pub(crate) fn build(mut file: SeedFile) -> Result<World, Invalid> {
    let tenants = tenants(&mut file)?;
    let mut world = World {
        tenants,
        applications: Vec::new(),
        users: Vec::new(),
        groups: Vec::new(),
        apis: MICROSOFT_APIS.clone(),
        resources: Vec::new(),
        seed: SeedFile::default(),
    };
    applications(&mut world, &mut file)?;
    principals::users(&mut world, &mut file)?;
    groups(&mut world, &mut file)?;
    resources::resources(&mut world, &mut file)?;
    world.seed = file;
    Ok(world)
}

fn tenants(file: &mut SeedFile) -> Result<Vec<Arc<Tenant>>, Invalid> {
    let published = || published_seed().tenants.clone().unwrap_or_default();
    let listed = file.tenants.get_or_insert_with(published);
    let mut seen = BTreeSet::new();
    let mut tenants = Vec::new();
    for (index, tenant) in listed.iter_mut().enumerate() {
        let path = format!("tenants[{index}]");
        tenant.domain.make_ascii_lowercase();
        let domain = tenant.domain.clone();
        let is_reserved = ["common", "organizations", "consumers"].contains(&domain.as_str());
        let is_valid = is_domain(&domain) && !is_reserved;
        let wrong = format!("`{domain}` is no domain such as `contoso.example`");
        ensure(is_valid, Invalid::new(format!("{path}.domain"), wrong))?;
        let id = id(&mut tenant.id, &format!("{path}.id"), &["tenant", &domain])?;
        for (value, key) in [(&domain, "domain"), (&id, "id")] {
            let twice = format!("`{value}` occurs twice");
            let is_new = seen.insert(value.clone());
            ensure(is_new, Invalid::new(format!("{path}.{key}"), twice))?;
        }
        tenants.push(Arc::new(Tenant { id, domain }));
    }
    at_least_one(&tenants, "tenants")?;
    Ok(tenants)
}

fn applications(world: &mut World, file: &mut SeedFile) -> Result<(), Invalid> {
    let known = |name: &str| world.tenant(&name.to_ascii_lowercase()).is_some();
    let published = || {
        let all = published_seed().applications.iter().flatten();
        let fitting = all.filter(|app| app.tenant.as_deref().is_none_or(known));
        fitting.cloned().collect()
    };
    let listed = file.applications.get_or_insert_with(published);
    let mut seen = BTreeSet::new();
    for (index, app) in listed.iter_mut().enumerate() {
        let path = format!("applications[{index}]");
        let tenant = app
            .tenant
            .as_ref()
            .map(|name| tenant_at(world, name, &path));
        let tenant = tenant.transpose()?;
        let client_path = format!("{path}.clientId");
        let client_id = id(
            &mut app.client_id,
            &client_path,
            &["application", &app.name],
        )?;
        let twice = format!("`{client_id}` occurs twice");
        ensure(
            seen.insert(client_id.clone()),
            Invalid::new(client_path, twice),
        )?;
        let object_path = format!("{path}.objectId");
        let object_id = id(&mut app.object_id, &object_path, &["principal", &client_id])?;
        let mut redirect_uris = Vec::new();
        for (key, platform, uris) in app.platforms.named() {
            for (place, uri) in uris.iter().enumerate() {
                let path = format!("{path}.platforms.{key}[{place}]");
                check_redirect(uri).map_err(|message| Invalid::new(&path, message))?;
                let is_new = redirect_uris.iter().all(|r: &RedirectUri| r.uri != *uri);
                ensure(is_new, Invalid::new(path, format!("`{uri}` occurs twice")))?;
                let uri = uri.clone();
                redirect_uris.push(RedirectUri { platform, uri });
            }
        }
        for (place, secret) in app.secrets.iter().enumerate() {
            let path = format!("{path}.secrets[{place}]");
            ensure(
                !secret.0.is_empty(),
                Invalid::new(path, "the secret is empty"),
            )?;
        }
        let mut identifiers = Vec::new();
        if let Some(api) = &mut app.api {
            if api.identifier_uris.is_empty() {
                api.identifier_uris.push(format!("api://{client_id}"));
            }
            check_identifiers(world, &path, api)?;
            world.apis.extend(exposed(&client_id, &path, api)?);
            identifiers.clone_from(&api.identifier_uris);
        }
        world.applications.push(Arc::new(Application {
            client_id,
            name: app.name.clone(),
            tenant,
            object_id,
            redirect_uris,
            secrets: app.secrets.iter().map(|secret| secret.0.clone()).collect(),
            has_certificate: app.certificate,
            federations: app.federated_credentials.clone(),
            identifiers,
            allows_public_flows: app.allow_public_client_flows,
        }));
    }
    check_pre_authorized(listed)?;
    at_least_one(&world.applications, "applications")
}

/// Checks that each API pre-authorizes applications of the seed, or a client id.
fn check_pre_authorized(listed: &[SeedApplication]) -> Result<(), Invalid> {
    for (index, app) in listed.iter().enumerate() {
        let named = app.api.iter().flat_map(|api| &api.pre_authorized);
        for (place, name) in named.enumerate() {
            let is_known = is_guid(name) || listed.iter().any(|other| other.name == *name);
            let path = format!("applications[{index}].api.preAuthorized[{place}]");
            let message = format!("`{name}` is neither a client id nor the name of an application");
            ensure(is_known, Invalid::new(path, message))?;
        }
    }
    Ok(())
}

/// Checks that no other API has an identifier of this one.
fn check_identifiers(world: &World, path: &str, api: &SeedApi) -> Result<(), Invalid> {
    for (place, uri) in api.identifier_uris.iter().enumerate() {
        let is_taken = api.identifier_uris[..place].contains(uri) || world.api_named(uri).is_some();
        let path = format!("{path}.api.identifierUris[{place}]");
        let twice = format!("`{uri}` is already the identifier of an API");
        ensure(!is_taken, Invalid::new(path, twice))?;
    }
    Ok(())
}

/// Returns an application's API once for each of its identifiers.
fn exposed(client_id: &str, path: &str, api: &SeedApi) -> Result<Vec<Arc<Api>>, Invalid> {
    let is_word = |scope: &String| {
        !scope.is_empty()
            && scope
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    if let Some(place) = api.scopes.iter().position(|scope| !is_word(scope)) {
        let path = format!("{path}.api.scopes[{place}]");
        let message = "a scope has letters, digits, `.`, `_` and `-` only";
        return Err(Invalid::new(path, message));
    }
    let is_uri = |uri: &String| {
        let (scheme, rest) = uri.split_once("://").unwrap_or_default();
        matches!(scheme, "api" | "https") && !rest.is_empty() && !uri.contains([' ', '?', '#'])
    };
    if let Some(place) = api.identifier_uris.iter().position(|uri| !is_uri(uri)) {
        let path = format!("{path}.api.identifierUris[{place}]");
        let message = "an Application ID URI begins with `api://` or `https://`";
        return Err(Invalid::new(path, message));
    }
    let version = api.token_version.unwrap_or(1);
    let message = format!("`{version}` is no version of access tokens: 1 or 2");
    let version_path = format!("{path}.api.tokenVersion");
    ensure(
        matches!(version, 1 | 2),
        Invalid::new(version_path, message),
    )?;
    let has_v2_tokens = version == 2;
    let identifiers = api.identifier_uris.iter().map(String::as_str);
    let apis = identifiers.chain([client_id]).map(|identifier| {
        Arc::new(Api {
            prefix: format!("{identifier}/"),
            // Tokens of version 2 name the application by its id.
            audience: if has_v2_tokens { client_id } else { identifier }.to_owned(),
            scopes: api.scopes.clone(),
            has_v2_tokens,
            application: client_id.to_owned(),
            pre_authorized: api.pre_authorized.clone(),
        })
    });
    Ok(apis.collect())
}

/// Checks a redirect URI by Entra's rules.
fn check_redirect(uri: &str) -> Result<(), String> {
    let (scheme, rest) = uri.split_once("://").unwrap_or_default();
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    let is_local = matches!(host, "localhost" | "127.0.0.1");
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+.-".contains(&b);
    let message = if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
        "a redirect URI is an absolute URI such as `http://localhost`"
    } else if scheme == "http" && !is_local {
        "http is accepted for localhost and 127.0.0.1 only"
    } else if uri.len() > 256 {
        "a redirect URI has at most 256 characters"
    } else if uri.contains(['#', '*', '\\', '@']) || uri.contains(char::is_whitespace) {
        "a redirect URI has no fragment, wildcard, user name or space"
    } else if uri.contains(['!', '$', '\'', '(', ')', ',', ';']) {
        "a redirect URI has none of the characters ! $ ' ( ) , ;"
    } else {
        return Ok(());
    };
    Err(message.to_owned())
}

fn groups(world: &mut World, file: &mut SeedFile) -> Result<(), Invalid> {
    let listed = file.groups.get_or_insert_default();
    for (index, group) in listed.iter_mut().enumerate() {
        let path = format!("groups[{index}]");
        let tenant = tenant_at(world, &group.tenant, &path)?;
        let object_path = format!("{path}.objectId");
        let parts = ["group", tenant.domain.as_str(), group.name.as_str()];
        let object_id = id(&mut group.object_id, &object_path, &parts)?;
        let mut members = Vec::new();
        for (place, name) in group.members.iter().enumerate() {
            let user = world.user_named(name);
            let member = user.and_then(|user| user.account_in(&tenant));
            let message = format!("`{name}` is no user or guest of `{}`", tenant.domain);
            let path = format!("{path}.members[{place}]");
            let member = member.ok_or_else(|| Invalid::new(path, message))?;
            members.push(member.oid.clone());
        }
        world.groups.push(Group {
            name: group.name.clone(),
            tenant,
            object_id,
            members,
        });
    }
    Ok(())
}
