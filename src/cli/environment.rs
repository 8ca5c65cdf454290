//! The input of the process: environment variables, streams, folders, clock, command-line options.
//!
//! `main` creates it from the real process, tests from values. Nothing else in the command reads the
//! process's environment. In the library, `session_bus` reads the bus's address, and crates read the
//! system's proxies and certificates.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Once, OnceLock};

use jiff::tz::TimeZone;

use crate::config::{self, ConfigFile, Profile, Setting, Sources};
use crate::entra::browser::Browser;
use crate::error::{Error, Kind, Result};
use crate::files::{Folder, SettingsFile};
use crate::input;
use crate::text::secret_form;
use crate::time::{Clock, SystemClock, Timestamp};

use super::args::Global;
use super::env_vars as var;
use super::io::local_time::LocalTimes;
use super::io::messages::Messages;
use super::prompt::input::Input;
use super::sign_in::login_options::LoginOptions;

/// The authority host of sessions with the embedded emulator, and the name of its folder.
pub(super) const EMULATOR: &str = "emulator";

/// Settings from the command line.
pub(super) type Flags = BTreeMap<Setting, String>;

/// The input of one run of the command.
pub struct Environment {
    /// The environment variables. A value that is not UTF-8 has replacement characters.
    pub variables: BTreeMap<String, String>,
    /// The variables with values that are not UTF-8, unchanged: they can be paths.
    pub raw_variables: BTreeMap<String, OsString>,
    /// The platform's folders for this program; `None` if the user has no home.
    pub folders: Option<Folders>,
    /// Standard input.
    pub stdin: Input,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// The columns and lines of that terminal, if known.
    pub stderr_size: Option<(usize, usize)>,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// The columns of that terminal, if known.
    pub stdout_columns: Option<usize>,
    /// Reads the user's time zone.
    pub time_zone: fn() -> TimeZone,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The browser to use instead of the machine's, for tests.
    pub browser: Option<Arc<dyn Browser>>,
    /// Takes the listeners that a service manager passed to this process.
    pub listeners: fn() -> io::Result<Vec<TcpListener>>,
    /// The file of this program, if known.
    pub program: Option<PathBuf>,
    /// The id of the process that started this one, if known.
    pub parent: Option<u32>,
    /// The command line, with the name of the program.
    pub(super) arguments: Vec<OsString>,
    /// The options that every command has.
    pub(super) global: Global,
    /// Standard error.
    pub(super) messages: Messages,
    /// The settings from the command line, once a command has read them.
    pub(super) flags: OnceLock<Flags>,
    /// The options of `login`, for its hints.
    pub(super) login_options: OnceLock<LoginOptions>,
    /// The place of answers that were saved before an interruption, for a message.
    pub(super) saved_answers: OnceLock<String>,
    /// Done once the warning about the configuration file was shown.
    is_config_warning_shown: Once,
}

/// The platform's folders for this program.
#[derive(Debug, Clone)]
pub struct Folders {
    /// The folder of `config.toml`.
    pub config: PathBuf,
    /// The folder of the index, the locks and all other state.
    pub state: PathBuf,
}

impl Environment {
    /// Creates an environment with these variables and streams: no folders, no terminal, the
    /// system's clock.
    pub fn new(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        stdin: Input,
        stderr: impl Write + Send + 'static,
    ) -> Environment {
        let mut env = Environment {
            variables: BTreeMap::new(),
            raw_variables: BTreeMap::new(),
            folders: None,
            stdin,
            stderr_is_terminal: false,
            stderr_size: None,
            stdout_is_terminal: false,
            stdout_columns: None,
            time_zone: || TimeZone::UTC,
            clock: Arc::new(SystemClock),
            browser: None,
            listeners: || Ok(Vec::new()),
            program: None,
            parent: None,
            arguments: Vec::new(),
            global: Global::default(),
            messages: Messages::new(stderr),
            flags: OnceLock::new(),
            login_options: OnceLock::new(),
            saved_answers: OnceLock::new(),
            is_config_warning_shown: Once::new(),
        };
        for (name, value) in variables {
            // A setting that is not UTF-8 is refused by the code that reads it, and not ignored.
            if let Ok(name) = name.into_string() {
                let text = value.to_string_lossy().into_owned();
                if value.to_str().is_none() {
                    env.raw_variables.insert(name.clone(), value);
                }
                env.variables.insert(name, text);
            }
        }
        env
    }

    /// Returns an environment variable; an empty one counts as unset.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let text = self.variables.get(name)?.as_str();
        (!text.trim().is_empty()).then_some(text)
    }

    /// Returns an environment variable that is a path, which need not be UTF-8.
    pub(super) fn path_variable(&self, name: &str) -> Option<PathBuf> {
        match self.raw_variables.get(name) {
            Some(path) => Some(PathBuf::from(path)),
            // cmd's `set` and `docker --env-file` keep quotes.
            None => self.variable(name).map(input::bare).map(PathBuf::from),
        }
    }

    /// Returns a path variable for a path that messages show or that is created.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the variable holds a secret.
    pub(super) fn checked_path(&self, name: &str) -> Result<Option<PathBuf>> {
        let path = self.path_variable(name);
        let unknown = path.as_ref().filter(|path| !begins_in_a_folder(path));
        match unknown.and_then(|path| secret_form(path.to_str()?)) {
            Some(form) => Err(Error::usage(
                format!("{name} is set to {form} instead of a path"),
                format!("Set {name} to a path, or unset it."),
            )),
            None => Ok(path),
        }
    }

    /// Whether a user reads the messages and types the input.
    pub(super) fn is_interactive(&self) -> bool {
        self.stdin.is_terminal && self.stderr_is_terminal
    }

    /// Returns the columns and lines of standard error if it is a terminal that can rewrite a line.
    pub(super) fn terminal_size(&self) -> Option<(usize, usize)> {
        let can_rewrite = self.stderr_is_terminal && !self.is_dumb();
        self.stderr_size.filter(|_| can_rewrite)
    }

    /// Whether the terminal has no cursor control (terminfo(5), `dumb`).
    pub(super) fn is_dumb(&self) -> bool {
        let term = self.variables.get(var::TERM);
        term.is_some_and(|term| term == "dumb")
    }

    /// Whether the locale's encoding is UTF-8.
    pub(super) fn is_utf8(&self) -> bool {
        let locale = var::LOCALE.iter().find_map(|name| self.variable(name));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }

    /// Returns the times of messages and text, as the user's clock shows them.
    pub(super) fn local_times(&self, now: Timestamp) -> LocalTimes {
        LocalTimes::new((self.time_zone)(), now)
    }

    /// Takes the listeners that a service manager passed to this process.
    pub(super) fn inherited_listeners(&self) -> Result<Vec<TcpListener>> {
        (self.listeners)().map_err(|cause| {
            Error::usage(
                "a socket in LISTEN_FDS is not a listener on loopback",
                "Pass stream sockets that listen on 127.0.0.1 and [::1], as the units of `acspass \
                 serve --install` do.",
            )
            .caused_by(cause)
        })
    }

    /// Adds the place of saved answers to the error of an interruption.
    pub(super) fn with_saved_answers_hint(&self, error: Error) -> Error {
        match (error.kind(), self.saved_answers.get()) {
            (Kind::Interrupted, Some(place)) => error.with_hint(format!(
                "Run the command again. Your answers are saved in {place}."
            )),
            _ => error,
        }
    }

    /// Returns the selected profile and its name. The emulator needs no home, and so no file.
    pub(super) fn profile(&self) -> Result<(String, Profile)> {
        if self.global.emulator && self.config_folder().is_err() {
            return Ok((config::DEFAULT_PROFILE.to_owned(), Profile::default()));
        }
        let file = self.config_file()?;
        config::choose_profile(self.global.profile.as_deref(), &self.variables, &file)
    }

    /// Returns the sources of settings without flags and emulator.
    pub(super) fn sources<'a>(&'a self, profile: &'a Profile) -> Sources<'a> {
        Sources::new(&self.variables, profile)
    }

    /// Reads the configuration file.
    pub(super) fn config_file(&self) -> Result<ConfigFile> {
        self.config_file_by(ConfigFile::read)
    }

    /// Reads the configuration file by one of the functions of [`ConfigFile`]. Prints the warning about
    /// the file once, however often it is read.
    pub(super) fn config_file_by(
        &self,
        read: fn(SettingsFile) -> Result<ConfigFile>,
    ) -> Result<ConfigFile> {
        let path = self.config_path()?;
        let file = read(SettingsFile::new(path).with_trusted_uids(self.trusted_uids()))?;
        if let Some(warning) = file.warning() {
            self.is_config_warning_shown
                .call_once(|| self.messages.warn(&warning));
        }
        Ok(file)
    }

    /// Returns the path of the configuration file, which need not exist.
    pub(super) fn config_path(&self) -> Result<PathBuf> {
        Ok(self.config_folder()?.join("config.toml"))
    }

    /// Returns the folder of `config.toml`.
    pub(super) fn config_folder(&self) -> Result<PathBuf> {
        self.folder(var::ACSPASS_CONFIG_DIR, |folders| &folders.config)
    }

    /// Returns the folder of the index, the locks and all other state.
    pub(super) fn state_folder(&self) -> Result<Folder> {
        let path = self.folder(var::ACSPASS_STATE_DIR, |folders| &folders.state)?;
        Ok(Folder::new(path).with_trusted_uids(self.trusted_uids()))
    }

    /// Returns the folder of the sessions. The emulator has another one.
    pub(super) fn sessions_folder(&self) -> Result<Folder> {
        let state = self.state_folder()?;
        Ok(match self.global.emulator {
            true => state.subfolder(EMULATOR),
            false => state,
        })
    }

    /// Returns the folder of the token service.
    pub(super) fn serve_folder(&self) -> Result<Folder> {
        Ok(self.sessions_folder()?.subfolder("serve"))
    }

    /// Returns the folder of the token services that `exec --server` runs.
    pub(super) fn private_serve_folder(&self) -> Result<Folder> {
        Ok(self.sessions_folder()?.subfolder("exec"))
    }

    fn folder(&self, variable: &str, of: impl Fn(&Folders) -> &PathBuf) -> Result<PathBuf> {
        if let Some(path) = self.checked_path(variable)? {
            return Ok(path);
        }
        let folders = self.folders.as_ref().ok_or_else(|| {
            Error::usage(
                "this user has no home folder",
                format!("Set HOME, or set {variable} to a folder."),
            )
        })?;
        Ok(of(folders).clone())
    }

    /// Returns the users for which this process acts if it is root: the user that called `sudo`, and
    /// the owner of a `HOME` that was kept.
    fn trusted_uids(&self) -> Vec<u32> {
        #[cfg(unix)]
        if rustix::process::geteuid().is_root() {
            use std::os::unix::fs::MetadataExt;

            let caller = self.variable(var::SUDO_UID).and_then(|id| id.parse().ok());
            let home = self.path_variable(var::HOME);
            let home = home.filter(|home| home.is_absolute());
            let owner = home.and_then(|home| Some(std::fs::metadata(home).ok()?.uid()));
            return caller.into_iter().chain(owner).collect();
        }
        Vec::new()
    }
}

/// Whether a path begins with a drive, or with a folder that exists below the root. The rest of it
/// can look like a key, as the names of temporary folders do; a key does not begin like this.
pub(super) fn begins_in_a_folder(path: &Path) -> bool {
    let mut parts = path.components();
    match (parts.next(), parts.next()) {
        (Some(Component::Prefix(_)), _) => true,
        (Some(Component::RootDir), Some(Component::Normal(first))) => {
            Path::new("/").join(first).is_dir()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_folder_is_a_path_and_a_key_that_begins_with_a_slash_is_not() {
        let folder = std::env::temp_dir().join("acspass-config-dir-D83I5Ld0rB9p/state");
        assert!(begins_in_a_folder(&folder), "{}", folder.display());
        for key in [
            "/AbC1dEf2GhI3jKl4MnO5pQr6StU7vWx8YzA9bCd0EfG=",
            "AbC1/dEf2",
            "/",
            "",
        ] {
            assert!(!begins_in_a_folder(Path::new(key)), "{key}");
        }
    }
}
