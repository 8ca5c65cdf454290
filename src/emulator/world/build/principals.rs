//! The users of a seed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::values::{at_least_one, id, tenant_at};
use crate::emulator::faults::catalogue::NamedFault;
use crate::emulator::seed::invalid::Invalid;
use crate::emulator::seed::model::{ErrorAt, SeedFile, SeedUser, Simulated};
use crate::emulator::seed::read::published as published_seed;
use crate::emulator::verify::ensure;
use crate::emulator::world::model::World;
use crate::emulator::world::requirement::{CONDITIONS, SignInRequirement};
use crate::emulator::world::user::{Member, User};

/// Adds the users of a seed.
pub(super) fn users(world: &mut World, file: &mut SeedFile) -> Result<(), Invalid> {
    let known = |name: &str| world.tenant(&name.to_ascii_lowercase()).is_some();
    let published = || {
        let all = published_seed().users.iter().flatten();
        let fitting = all.filter(|user| {
            let guests = user.guest_of.iter().map(|guest| &*guest.tenant);
            known(domain(user)) && guests.into_iter().all(known)
        });
        fitting.cloned().collect()
    };
    let listed = file.users.get_or_insert_with(published);
    let mut seen = BTreeSet::new();
    for (index, user) in listed.iter_mut().enumerate() {
        let path = format!("users[{index}]");
        let built = build(world, user, &path)?;
        let twice = format!("`{}` occurs twice", built.username);
        let name = built.username.to_ascii_lowercase();
        ensure(
            seen.insert(name),
            Invalid::new(format!("{path}.username"), twice),
        )?;
        for member in built.accounts() {
            let twice = format!("`{}` occurs twice", member.oid);
            let is_new = seen.insert(member.oid.clone());
            ensure(is_new, Invalid::new(format!("{path}.objectId"), twice))?;
        }
        world.users.push(Arc::new(built));
    }
    at_least_one(&world.users, "users")
}

/// Returns the domain or id of the user's home tenant.
fn domain(user: &SeedUser) -> &str {
    let of_name = user.username.rsplit_once('@').map(|(_, domain)| domain);
    user.tenant.as_deref().or(of_name).unwrap_or_default()
}

fn build(world: &World, user: &mut SeedUser, path: &str) -> Result<User, Invalid> {
    let name = &user.username;
    let is_text = |c: char| !c.is_whitespace() && !c.is_control();
    let is_name = matches!(name.len(), 3..=256)
        && name.chars().all(is_text)
        && name.split_once('@').is_some_and(|(left, right)| {
            !left.is_empty() && !right.is_empty() && !right.contains('@')
        });
    let wrong = "a user name has the form `ada@contoso.example`";
    ensure(is_name, Invalid::new(format!("{path}.username"), wrong))?;
    let tenant = tenant_at(world, domain(user), path)?;
    let object_path = format!("{path}.objectId");
    let oid = id(&mut user.object_id, &object_path, &["user", &user.username])?;
    let home = Member { tenant, oid };
    let mut guests = Vec::new();
    for (index, guest) in user.guest_of.iter_mut().enumerate() {
        let path = format!("{path}.guestOf[{index}]");
        let tenant = tenant_at(world, &guest.tenant, &path)?;
        let is_new = tenant != home.tenant && guests.iter().all(|m: &Member| m.tenant != tenant);
        let twice = format!("the user already has an account in `{}`", tenant.domain);
        ensure(is_new, Invalid::new(format!("{path}.tenant"), twice))?;
        let parts = ["guest", tenant.domain.as_str(), user.username.as_str()];
        let oid = id(&mut guest.object_id, &format!("{path}.objectId"), &parts)?;
        guests.push(Member { tenant, oid });
    }
    let simulated = user.simulate.as_ref();
    let simulated = simulated
        .map(|simulated| requirement(simulated, path))
        .transpose()?;
    check_faults(&user.faults, path)?;
    let is_persona = simulated.is_some() || !user.faults.is_empty();
    let (requirement, note) = simulated.unwrap_or_default();
    Ok(User {
        username: user.username.clone(),
        name: user.name.clone().unwrap_or_else(|| user.username.clone()),
        home,
        guests,
        has_teams_licence: user.teams_licence,
        requirement,
        faults: user.faults.clone(),
        note: user.note.clone().unwrap_or(note),
        is_persona,
    })
}

/// Checks that the catalogue has these faults.
fn check_faults(names: &[String], path: &str) -> Result<(), Invalid> {
    let unknown = names
        .iter()
        .position(|name| NamedFault::named(name).is_none());
    let Some(place) = unknown else {
        return Ok(());
    };
    let message = format!(
        "`{}` is no fault; `acspass emulator fault --list` shows the faults",
        names[place]
    );
    Err(Invalid::new(format!("{path}.faults[{place}]"), message))
}

/// Returns the requirement of a simulated condition and its description.
fn requirement(simulated: &Simulated, path: &str) -> Result<(SignInRequirement, String), Invalid> {
    match simulated {
        Simulated::Named(name) => {
            let condition = CONDITIONS.get(name).ok_or_else(|| {
                let names: Vec<&str> = CONDITIONS.keys().map(String::as_str).collect();
                let message = format!("`{name}` is none of {}", names.join(", "));
                Invalid::new(format!("{path}.simulate"), message)
            })?;
            Ok((condition.requirement.clone(), condition.note.clone()))
        }
        Simulated::Error(simulated) => {
            let error = simulated.error.clone();
            let number = error.number;
            let (requirement, place) = match simulated.at {
                ErrorAt::SignIn => {
                    let page = SignInRequirement::Page {
                        title: None,
                        why: error,
                        ends_sessions: false,
                    };
                    (page, "The sign-in is refused")
                }
                ErrorAt::Refresh => (SignInRequirement::Renewal(error), "Each refresh is refused"),
                ErrorAt::Challenge => (
                    SignInRequirement::Challenge(error),
                    "Each refresh is refused with claims",
                ),
            };
            Ok((requirement, format!("{place} (AADSTS{number})")))
        }
    }
}
