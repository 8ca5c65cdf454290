//! `profile`: lists profiles, selects the default one, and deletes one.

mod accounts;
mod list;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::account::EntraApplication;
use crate::cli::args::Profile as Args;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::profile::{NO_STORED_SECRET, after_deletion, delete_connection_string};
use crate::cli::stores::configured_store;
use crate::config::{self, Config, ConfigFile, Origin, Profile, Setting, Sources, StoreChoice};
use crate::error::Result;
use crate::text::{quoted, shell_word, shown};

use crate::cli::commands::config::{use_profile, warn_of_other_problems};

pub(crate) fn run(args: &Args, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    match args {
        Args::List => return list::run(env, output),
        Args::Use { name } => {
            use_profile(name, env.config_file_by(ConfigFile::read_to_repair)?, env)?
        }
        Args::Delete { name } => delete(name, env)?,
    }
    output.print_result("", &json!({}))
}

/// Deletes a profile and its stored connection string. Sessions stay, because another profile can use
/// them: the message says how to sign out.
fn delete(name: &str, env: &Environment) -> Result<()> {
    let mut file = env.config_file_by(ConfigFile::read_to_repair)?;
    let Some(profile) = file.profile(name) else {
        // A profile of another form, such as an inline table, exists.
        if file.names().contains(&name) {
            file.check()?;
        }
        if name != config::DEFAULT_PROFILE {
            let hint = format!(
                "Run `acspass profile list`. {}",
                config::existing_profiles(&file)
            );
            return Err(config::unknown_profile(name, &file).with_hint(hint));
        }
        env.messages.print("The profile default has no settings.");
        return Ok(());
    };
    let is_default = file.default_profile() == Some(name);
    let sessions = Sessions::of(&profile, env);
    crate::serve::forget_profile(env.serve_folder()?, name)?;
    let mut deleted = format!("Deleted profile {}", shown(name));
    if profile.value(Setting::ConnectionString).as_deref() == Some(config::STORED) {
        match delete_connection_string(name, &profile, env)? {
            true => {
                deleted.push_str(" and its connection string.");
                file.remove_profile(name).map_err(after_deletion)?;
            }
            false => {
                deleted = format!("{deleted}. {NO_STORED_SECRET}");
                file.remove_profile(name)?;
            }
        }
    } else {
        deleted.push('.');
        file.remove_profile(name)?;
    }
    env.messages.print(&deleted);
    if is_default {
        let name = config::DEFAULT_PROFILE;
        env.messages
            .print(&format!("The default profile is {name} now."));
    }
    let (selected, source) = config::selected_profile(None, &env.variables, &file);
    if let (true, Origin::Environment(variable)) = (selected == name, source) {
        let name = quoted(name);
        env.messages.warn(&format!(
            "{variable} still selects the profile {name} in this shell"
        ));
    }
    if let Some(sessions) = sessions {
        env.messages.print(&sessions.advice());
    }
    warn_of_other_problems(&file, env);
    Ok(())
}

/// The signed-in accounts of a profile.
struct Sessions {
    usernames: Vec<String>,
    application: EntraApplication,
    authority_host: Option<String>,
    store: StoreChoice,
}

impl Sessions {
    /// Reads the accounts from the index; `None` if there are none, or if the profile is not valid.
    fn of(profile: &Profile, env: &Environment) -> Option<Sessions> {
        let none = BTreeMap::new();
        let config = Config::resolve(String::new(), &Sources::new(&none, profile)).ok()?;
        let application = config.application().ok()?;
        let store = configured_store(env, config.store).ok()?;
        let page = store.list(&application, usize::MAX).ok()?;
        let entries = page.entries.into_iter();
        let usernames: Vec<String> = entries.map(|entry| entry.account.username).collect();
        (!usernames.is_empty()).then(|| Sessions {
            usernames,
            application,
            authority_host: profile.value(Setting::AuthorityHost),
            store: config.store,
        })
    }

    /// Returns the accounts that stay signed in, and the command that signs them out.
    fn advice(&self) -> String {
        let (stay, user) = match &self.usernames[..] {
            [only] => (format!("{only} stays signed in"), shell_word(only, "USER")),
            all => (format!("{} stay signed in", all.join(", ")), "USER".into()),
        };
        if cfg!(windows) {
            let command = "`acspass logout --all`";
            return format!("{stay}. To sign out all accounts of all profiles, run {command}.");
        }
        let store = match self.store {
            StoreChoice::Keyring => None,
            StoreChoice::Keyutils => Some("keyutils"),
            StoreChoice::File => Some("file"),
            StoreChoice::Memory => Some("memory"),
        };
        let variables = [
            ("AZURE_AUTHORITY_HOST", self.authority_host.as_deref()),
            ("ACSPASS_TENANT_ID", Some(self.application.tenant.as_str())),
            (
                "ACSPASS_CLIENT_ID",
                Some(self.application.client_id.as_str()),
            ),
            ("ACSPASS_STORE", store),
        ];
        let variables = variables.into_iter().filter_map(|(name, value)| {
            let value = shell_word(value?, "VALUE");
            Some(format!("{name}={value} "))
        });
        let variables: String = variables.collect();
        format!("{stay}. To sign out, run `{variables}acspass logout --account {user}`.")
    }
}
