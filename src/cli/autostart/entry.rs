//! The entry that starts the service at login: its system, its place and its text.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::runtime::block_on;
use crate::cli::service::plan::Plan;
use crate::cli::systemd::manager::Systemctl;
use crate::error::{Error, Result};

use super::{desktop, launchd, task};

/// The name of the XDG autostart file.
const DESKTOP_FILE: &str = "acspass.desktop";

/// A system that starts programs at login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// A desktop that reads XDG autostart files.
    Desktop,
    Launchd,
    TaskScheduler,
}

impl System {
    /// Returns the system of this kind of machine, whether or not systemd runs.
    fn of_platform() -> System {
        if cfg!(target_os = "macos") {
            System::Launchd
        } else if cfg!(windows) {
            System::TaskScheduler
        } else {
            System::Desktop
        }
    }

    /// Returns the system for an installation; `None` if that is systemd, or if a machine with neither
    /// systemd nor a desktop has none.
    pub(crate) fn for_install(env: &Environment) -> Option<System> {
        let system = System::of_platform();
        if system != System::Desktop {
            return Some(system);
        }
        let has_desktop = var::DESKTOP.iter().any(|name| env.variable(name).is_some());
        let has_systemd = || block_on(Systemctl(env).probe()).is_ok();
        (has_desktop && !has_systemd()).then_some(system)
    }
}

/// An entry, and the file that it is read from.
pub(crate) struct Entry {
    pub(super) system: System,
    pub(crate) file: PathBuf,
}

impl Entry {
    /// Returns the place of the entry.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the user has no home folder.
    pub(super) fn of(system: System, env: &Environment) -> Result<Entry> {
        let home = || {
            env.path_variable(var::HOME).ok_or_else(|| {
                Error::usage("this user has no home folder", "Set the variable HOME.")
            })
        };
        let file = match system {
            System::Desktop => {
                let config = env.path_variable(var::XDG_CONFIG_HOME);
                let config = config.filter(|path| path.is_absolute());
                let config = match config {
                    Some(config) => config,
                    None => home()?.join(".config"),
                };
                config.join("autostart").join(DESKTOP_FILE)
            }
            System::Launchd => {
                let name = format!("{}.plist", launchd::LABEL);
                home()?.join("Library/LaunchAgents").join(name)
            }
            // The scheduler has a copy of its own. The file shows that there is one.
            System::TaskScheduler => env.state_folder()?.path().join("acspass-task.xml"),
        };
        Ok(Entry { system, file })
    }

    /// Returns the entry of this machine, if it is installed.
    pub(crate) fn installed(env: &Environment) -> Option<Entry> {
        let entry = Entry::of(System::of_platform(), env).ok()?;
        entry.file.exists().then_some(entry)
    }

    /// Returns the entry's name in messages.
    pub(crate) fn name(&self) -> &'static str {
        match self.system {
            System::Desktop => "Autostart",
            System::Launchd => "launchd",
            System::TaskScheduler => "Task",
        }
    }

    /// Returns the content of the file.
    pub(super) fn content(&self, plan: &Plan, env: &Environment) -> Result<Vec<u8>> {
        match self.system {
            System::Desktop => desktop::text(plan).map(String::into_bytes),
            System::Launchd => launchd::text(plan).map(String::into_bytes),
            System::TaskScheduler => {
                let user = env.variable(var::USERNAME).ok_or_else(|| {
                    Error::usage("the user's name is unknown", "Set the variable USERNAME.")
                })?;
                let user = match env.variable(var::USERDOMAIN) {
                    Some(domain) => format!("{domain}\\{user}"),
                    None => user.to_owned(),
                };
                task::text(plan, &user).map(|text| task::bytes(&text))
            }
        }
    }

    /// Writes the file, all at once.
    pub(super) fn write(&self, content: &[u8]) -> Result<()> {
        let failed = |cause| failure("write", &self.file, cause);
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        let draft = tempfile::Builder::new()
            .prefix(".acspass-")
            .tempfile_in(folder);
        let mut draft = draft.map_err(failed)?;
        draft.write_all(content).map_err(failed)?;
        draft.as_file().sync_all().map_err(failed)?;
        let saved = draft.persist(&self.file);
        saved.map(drop).map_err(|error| failed(error.error))
    }

    /// Removes the file.
    pub(super) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.file) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(failure("remove", &self.file, cause))
            }
            _ => Ok(()),
        }
    }
}

fn failure(what: &str, path: &Path, cause: io::Error) -> Error {
    Error::usage(
        format!("cannot {what} `{}`", path.display()),
        "Check the folder's permissions and free space.",
    )
    .caused_by(cause)
}
