//! The two unit files in the user's folder for units.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::error::{Error, Result};

pub(super) const SERVICE: &str = "acspass.service";
/// First wherever both are stopped: while it listens, it would start the service again.
pub(super) const SOCKET: &str = "acspass.socket";

/// The paths of the units.
pub(super) struct UnitFiles {
    folder: PathBuf,
    pub(super) service: PathBuf,
    pub(super) socket: PathBuf,
}

impl UnitFiles {
    /// Returns the paths (systemd.unit(5)). A relative `XDG_CONFIG_HOME` is ignored.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the user has no home folder.
    pub(super) fn of(env: &Environment) -> Result<UnitFiles> {
        let config = env.path_variable(var::XDG_CONFIG_HOME);
        let home = || Some(env.path_variable(var::HOME)?.join(".config"));
        let config = config.filter(|path| path.is_absolute()).or_else(home);
        let config = config.ok_or_else(|| {
            Error::usage(
                "this user has no home folder for a systemd unit",
                "set HOME",
            )
        })?;
        let folder = config.join("systemd/user");
        Ok(UnitFiles {
            service: folder.join(SERVICE),
            socket: folder.join(SOCKET),
            folder,
        })
    }

    /// Whether one of the units exists.
    pub(super) fn exist(&self) -> bool {
        self.service.exists() || self.socket.exists()
    }

    /// Writes both units.
    pub(super) fn write(&self, [service, socket]: &[String; 2]) -> Result<()> {
        let failed = |cause| failure("write", &self.folder, cause);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        for (path, text) in [(&self.service, service), (&self.socket, socket)] {
            replace(&self.folder, path, text).map_err(|cause| failure("write", path, cause))?;
        }
        Ok(())
    }

    /// Removes both units, and their links in case `systemctl disable` did not run.
    pub(super) fn remove(&self) -> Result<()> {
        let links = [
            self.folder.join("default.target.wants").join(SERVICE),
            self.folder.join("sockets.target.wants").join(SOCKET),
        ];
        for path in links.iter().chain([&self.service, &self.socket]) {
            match fs::remove_file(path) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                    return Err(failure("remove", path, cause));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Replaces a file atomically. All users can read it, as is usual for units.
fn replace(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut draft = tempfile::Builder::new();
    let mut draft = draft.prefix(".acspass-").tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let mode = fs::Permissions::from_mode(0o644);
        draft.as_file().set_permissions(mode)?;
    }
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}

fn failure(what: &str, path: &Path, cause: io::Error) -> Error {
    Error::usage(
        format!("cannot {what} `{}`", path.display()),
        "check the folder's permissions and free space",
    )
    .caused_by(cause)
}
