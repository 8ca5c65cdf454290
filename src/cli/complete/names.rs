//! Accounts and profiles, from the index and `config.toml`.

use super::candidates::Names;
use crate::cli::environment::{EMULATOR, Environment};
use crate::cli::io::messages::Messages;
use crate::cli::stores::configured_store;
use crate::config::{Config, ConfigFile};
use crate::error::Result;
use crate::store::IndexEntry;

/// The files of the user.
pub(super) struct UserFiles(Environment);

impl UserFiles {
    /// Selects the profile and the folder of the sessions, as the command line does.
    pub(super) fn new(mut env: Environment, profile: Option<&str>, emulator: bool) -> UserFiles {
        env.global.profile = profile.map(str::to_owned);
        env.global.emulator = emulator;
        // A message would appear in the line that the user edits.
        env.messages = Messages::new(std::io::sink());
        UserFiles(env)
    }

    /// Returns the sessions of the profile, as the index lists them.
    fn sessions(&self) -> Result<Vec<IndexEntry>> {
        let env = &self.0;
        let (name, profile) = env.profile()?;
        let config = Config::resolve(name, &env.sources(&profile))?;
        let mut entries = configured_store(env, config.store)?.peek();
        match env.global.emulator {
            // The context files sessions with the emulator under this host.
            true => entries.retain(|entry| entry.application.authority_host == EMULATOR),
            false => {
                let application = config.application()?;
                entries.retain(|entry| entry.application == application);
            }
        }
        entries.sort_by_key(|entry| !entry.active);
        Ok(entries)
    }
}

impl Names for UserFiles {
    fn accounts(&self) -> Vec<String> {
        let entries = self.sessions().unwrap_or_default();
        let mut names: Vec<String> = Vec::new();
        for name in entries.into_iter().map(|entry| entry.account.username) {
            if is_safe(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn profiles(&self) -> Vec<String> {
        let file = self.0.config_file_by(ConfigFile::read_to_repair);
        let names = file.map(|file| file.all_names().into_iter().map(str::to_owned).collect());
        let mut names: Vec<String> = names.unwrap_or_default();
        names.retain(|name| is_safe(name));
        names
    }
}

/// Returns whether a shell takes the name as one word, without quotes. Other names are not offered:
/// they come from a service or an editor, and a shell could run a part of them.
pub(super) fn is_safe(name: &str) -> bool {
    // Guests have `#EXT#` in their names. A word that begins with `#` is a comment.
    let is_inner = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@' | '#');
    name.starts_with(|c: char| c.is_alphanumeric() || c == '_') && name.chars().all(is_inner)
}
