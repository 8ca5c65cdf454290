//! The folder of the service of this process.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, Write};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::hardening::Confined;
use crate::secret::ServiceSecret;
use crate::store::folder;

use super::running::{LOCK, LONGEST, Running, SOCKET, Served, read};
use super::secret::{SECRET_FILE, new_secret};

/// Length of the lock file in bytes, unless its text is longer.
const USUAL: usize = 2 * 1024;
/// The pause between two attempts to lock the folder, and the number of attempts: 5 s in all, for a
/// busy machine.
const PAUSE: Duration = Duration::from_millis(5);
const ATTEMPTS: u32 = 1000;

/// A folder that this process owns until the value is dropped.
pub(in crate::serve) struct InstanceDir {
    folder: Folder,
    lock: File,
    /// Locked while the service runs, so that a client recognises the secret of a killed service.
    secret: Option<File>,
    running: Running,
    #[cfg(unix)]
    listener: Option<UnixListener>,
}

impl InstanceDir {
    /// Locks the folder, and creates it if it is missing.
    ///
    /// # Errors
    /// [`Kind::Usage`] if another service has the folder; [`Kind::Store`] if it cannot be written.
    pub(in crate::serve) fn acquire(folder: &Folder) -> Result<InstanceDir> {
        let failed = |cause| folder::failure("create the folder", &folder.path(), cause);
        folder.create_private().map_err(failed)?;
        let failed = |cause| folder::failure("lock", &folder.path_of(LOCK), cause);
        let lock = folder.open_or_create(LOCK).map_err(failed)?;
        match try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(read(&lock, folder))),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        Ok(InstanceDir {
            running: Running {
                pid: std::process::id(),
                url: String::new(),
                secret_file: folder.path_of(SECRET_FILE),
                socket: None,
                serves: None,
                confined: None,
            },
            folder: folder.clone(),
            lock,
            secret: None,
            #[cfg(unix)]
            listener: None,
        })
    }

    /// Writes the secret of this run, opens the socket, and describes the service in the lock file.
    pub(in crate::serve) fn publish(
        &mut self,
        port: u16,
        serves: Option<Served>,
    ) -> Result<ServiceSecret> {
        let secret = new_secret()?;
        self.folder
            .replace_by_private(SECRET_FILE, secret.expose().as_bytes())
            .map_err(|cause| folder::failure("write", &self.running.secret_file, cause))?;
        // On Windows a locked file cannot be read.
        if cfg!(unix) {
            self.secret = locked(&self.folder);
        }
        self.running.url = format!("http://127.0.0.1:{port}");
        self.running.serves = serves;
        #[cfg(unix)]
        self.open_socket();
        self.write_lock_file();
        Ok(secret)
    }

    pub(in crate::serve) fn note_confinement(&mut self, confined: Confined) {
        self.running.confined = Some(confined);
        self.write_lock_file();
    }

    pub(in crate::serve) fn running(&self) -> &Running {
        &self.running
    }

    /// Replaces the socket of an earlier run. Without a socket (for example because its path is
    /// longer than 100 bytes), the service has its port only.
    #[cfg(unix)]
    fn open_socket(&mut self) {
        let path = self.folder.path_of(SOCKET);
        let open = || {
            self.folder.remove(SOCKET)?;
            let listener = UnixListener::bind(&path)?;
            self.folder.make_socket_private(SOCKET)?;
            listener.set_nonblocking(true)?;
            io::Result::Ok(listener)
        };
        match open() {
            Ok(listener) => {
                self.running.socket = Some(path);
                self.listener = Some(listener);
            }
            Err(cause) => {
                let path = path.display();
                tracing::warn!("there is no Unix socket, only the port: `{path}`: {cause}");
            }
        }
    }

    #[cfg(unix)]
    pub(in crate::serve) fn take_listener(&mut self) -> Option<UnixListener> {
        self.listener.take()
    }

    /// Writes the lock file in place. The new text is padded to at least the length of the old one,
    /// so that a concurrent reader finds neither an empty file nor the end of the old text. The lock
    /// holds without this text too.
    fn write_lock_file(&mut self) {
        let text = serde_json::to_vec(&self.running).map_err(io::Error::from);
        let written = text.and_then(|mut text| {
            let old = usize::try_from(self.lock.metadata()?.len()).unwrap_or_default();
            text.resize(text.len().max(old.min(LONGEST)).max(USUAL), b' ');
            self.lock.rewind()?;
            self.lock.write_all(&text)
        });
        if let Err(cause) = written {
            tracing::warn!("other programs will not find the service: {cause}");
        }
    }
}

impl Drop for InstanceDir {
    fn drop(&mut self) {
        let socket = self.running.socket.is_some().then_some(SOCKET);
        for name in socket.into_iter().chain([SECRET_FILE]) {
            if let Err(cause) = self.folder.remove(name) {
                let path = self.folder.path_of(name);
                tracing::warn!("`{}` could not be removed: {cause}", path.display());
            }
        }
        // The file stays: without it two services could lock two files of one name.
        if let Err(cause) = self.lock.set_len(0) {
            tracing::debug!("the lock file could not be emptied: {cause}");
        }
    }
}

/// Opens and locks the secret file. Without the lock, clients still have the proof.
fn locked(folder: &Folder) -> Option<File> {
    let locked = folder.open(SECRET_FILE).and_then(|file| {
        file.try_lock()?;
        Ok(file)
    });
    locked
        .inspect_err(|cause| tracing::debug!("the secret file could not be locked: {cause}"))
        .ok()
}

/// Locks the folder. Processes that look for a service hold a shared lock for a moment; this waits
/// for them. A service holds an exclusive lock, with which a shared one is refused as well.
fn try_lock(lock: &File) -> std::result::Result<(), TryLockError> {
    for _ in 0..ATTEMPTS {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {}
            outcome => return outcome,
        }
        lock.try_lock_shared()?;
        lock.unlock().map_err(TryLockError::Error)?;
        std::thread::sleep(PAUSE);
    }
    lock.try_lock()
}

fn taken(owner: Option<Running>) -> Error {
    let message = match owner {
        Some(running) => format!(
            "another `acspass serve` (process {}) runs already, at {}",
            running.pid, running.url
        ),
        None => "another `acspass serve` runs already".to_owned(),
    };
    Error::new(
        Kind::Usage,
        message,
        "use that one, or stop it first; ACSPASS_STATE_DIR names another folder for a second one",
    )
}
