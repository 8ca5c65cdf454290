//! `store migrate`: moves all sessions to another store, and selects it.

use std::sync::Arc;

use serde_json::json;

use crate::cli::args::Store as Args;
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::hints;
use crate::cli::io::output::Output;
use crate::cli::profile::store_description;
use crate::cli::runtime::block_on;
use crate::cli::stores::open_store;
use crate::config::{self, ConfigFile, Origin, Setting, Sources, StoreChoice};
use crate::error::{Error, Result};
use crate::json;
use crate::session::{Migrated, migrate};
use crate::store::{Migration, SessionStore, UnfinishedMigration, without_other_store};
use crate::text::shown;

use super::logout::counted;

pub(crate) fn run(args: &Args, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let Args::Migrate { to } = args;
    let context = Context::new(env, &Flags::new())?;
    let to = destination(to)?;
    let configured = context.session_store.as_ref();
    if !configured.is_persistent() {
        return Err(Error::usage(
            "the configured store is `memory`, which has no saved sessions",
            "Run `acspass config set store STORE` with the store that has the sessions, then run the \
             command again.",
        ));
    }
    let folder = env.sessions_folder()?;
    let is_switched = context.config.store == to;
    let from = match is_switched {
        false => context.config.store,
        // The setting changes before the last sessions are deleted from the old store.
        true => match UnfinishedMigration::read(&folder)?.filter(|it| it.to == to.as_str()) {
            Some(unfinished) => config::parse_store(&unfinished.from)?,
            None => {
                let name = to.as_str();
                env.messages.print(&format!(
                    "The store `{name}` is the configured one already."
                ));
                return print(to, to, &Migrated::default(), &[], output);
            }
        },
    };
    let (old, new) = (open_store(env, from)?, open_store(env, to)?);
    new.probe().map_err(|error| unusable(error, from, to))?;
    let migration = Migration::begin(&old, &new, &folder)?;
    let mut changed = Vec::new();
    let switch = || {
        changed = select(from, to, env)?;
        Ok(())
    };
    let report = |what: &str, failure: &Error| {
        env.messages
            .warn_always(&format!("could not move {}: {failure}", shown(what)));
    };
    let switch = (!is_switched).then_some(switch);
    let migrated = block_on(migrate(migration, switch, report))?;
    describe(&old, &new, &migrated, &changed, env);
    print(from, to, &migrated, &changed, output)
}

/// Changes the hint of a new store that fails: the sessions can move to a third one.
fn unusable(error: Error, from: StoreChoice, to: StoreChoice) -> Error {
    let mut choices = vec![StoreChoice::Keyring, StoreChoice::File];
    #[cfg(target_os = "linux")]
    choices.insert(1, StoreChoice::Keyutils);
    choices.retain(|choice| ![from, to].contains(choice));
    let command = |choice: StoreChoice| format!("`acspass store migrate {}`", choice.as_str());
    let step = match without_other_store(error.hint()) {
        "" => format!(
            "Run {} in a login session that has this store.",
            command(to)
        ),
        step => step.to_owned(),
    };
    let others: Vec<String> = choices.into_iter().map(command).collect();
    let hint = match others.is_empty() {
        true => step,
        false => format!(
            "{step} Or run {} to use another store.",
            others.join(" or ")
        ),
    };
    let message = format!(
        "{error}; the sessions stay in the store `{}`",
        from.as_str()
    );
    error.with_message(message).with_hint(hint)
}

fn destination(name: &str) -> Result<StoreChoice> {
    match config::parse_store(name)? {
        StoreChoice::Memory => Err(Error::usage(
            "the store `memory` loses all sessions when a command ends",
            "Run `acspass store migrate STORE` with keyring, keyutils or file.",
        )),
        to => Ok(to),
    }
}

/// Selects the new store in each profile that uses the old one, by one write of the file. Returns their
/// names: none if a variable selects the store.
fn select(from: StoreChoice, to: StoreChoice, env: &Environment) -> Result<Vec<String>> {
    let (_, profile) = env.profile()?;
    let configured = env.sources(&profile).find(Setting::Store);
    if let Some(Origin::Environment(_)) = configured.map(|found| found.origin) {
        return Ok(Vec::new());
    }
    let mut file = env.config_file_by(ConfigFile::read_to_repair)?;
    let none = std::collections::BTreeMap::new();
    let uses_old = |name: &&str| {
        let profile = file.profile(name).unwrap_or_default();
        config::chosen_store(&Sources::new(&none, &profile)).is_ok_and(|store| store == from)
    };
    let names = file.all_names().into_iter().filter(uses_old);
    let names: Vec<String> = names.map(str::to_owned).collect();
    file.set_in_profiles(&names, Setting::Store, to.as_str())?;
    Ok(names)
}

fn describe(
    old: &SessionStore,
    new: &SessionStore,
    migrated: &Migrated,
    changed: &[String],
    env: &Environment,
) {
    let sessions = counted(migrated.accounts.len(), "session", "sessions");
    let strings = match migrated.connection_strings {
        0 => String::new(),
        count => format!(
            " and {}",
            counted(count, "connection string", "connection strings")
        ),
    };
    env.messages.print(&format!(
        "Moved {sessions}{strings} from {} to {}.",
        store_description(old),
        store_description(new)
    ));
    let name = new.store_name();
    if !changed.is_empty() {
        let names = shown(&changed.join(", "));
        let profiles = if changed.len() == 1 {
            "profile"
        } else {
            "profiles"
        };
        env.messages
            .print(&format!("Set store to {name} in the {profiles} {names}."));
    }
    let (_, profile) = env.profile().unwrap_or_default();
    let selected = config::chosen_store(&env.sources(&profile));
    if selected.is_ok_and(|selected| selected.as_str() != name) {
        let step = format!("Run `acspass config set store {name}` to use the new store.");
        env.messages.print_always(&hints::for_user(&step, env));
    }
    if !migrated.accounts.is_empty() {
        env.messages
            .print("Restart a running `acspass serve`: it uses the previous store.");
    }
}

fn print(
    from: StoreChoice,
    to: StoreChoice,
    migrated: &Migrated,
    changed: &[String],
    output: &mut Output,
) -> Result<u8> {
    let accounts = migrated.accounts.iter().map(json::account);
    let json = json!({
        "from": from.as_str(),
        "to": to.as_str(),
        "accounts": accounts.collect::<Vec<_>>(),
        "connectionStrings": migrated.connection_strings,
        "profiles": changed,
    });
    output.print_result("", &json)
}
