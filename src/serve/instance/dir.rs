//! The folder of a service: the process that owns it, and what other processes read about it.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::account::EntraApplication;
use crate::error::{Error, Kind, Result};
use crate::exchange::CommunicationTokenSource;
use crate::files::Folder;
use crate::hardening::Confined;
use crate::secret::ServiceSecret;
use crate::session::{Sessions, TokenKind, TokenRequest};
use crate::store::state_folder;

use super::secret::{SECRET_FILE, new_secret};

pub(super) const LOCK: &str = "lock";
pub(in crate::serve) const SOCKET: &str = "socket";
/// Length of the lock file in bytes, unless its text is longer.
const MIN_LOCK_FILE_BYTES: usize = 2 * 1024;
/// Longest text of the lock file that is read, in bytes.
const MAX_LOCK_FILE_BYTES: usize = 64 * 1024;
/// The pause between two attempts to lock the folder, and the number of attempts: 5 s in all, for a
/// busy machine.
const PAUSE: Duration = Duration::from_millis(5);
const ATTEMPTS: u32 = 1000;

/// A running service, as its lock file describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// The process id.
    pub pid: u32,
    /// `http://127.0.0.1:PORT`; empty until the service has its port.
    pub url: String,
    /// The file that holds the secret. A reader uses the file of its folder, except in version 0.1.
    #[serde(serialize_with = "lossy")]
    pub secret_file: PathBuf,
    /// The Unix socket, if there is one. A reader uses the socket of its folder.
    #[serde(serialize_with = "lossy")]
    pub socket: Option<PathBuf>,
    /// The sign-in and the token source that the service serves.
    #[serde(default)]
    pub serves: Option<Served>,
    /// How far the process is confined, once the service has reported it.
    #[serde(default)]
    pub confined: Option<Confined>,
}

impl Running {
    /// Returns the command that stops the service, for a hint.
    pub fn stop_command(&self) -> String {
        match cfg!(windows) {
            true => format!("taskkill /F /PID {}", self.pid),
            false => format!("kill {}", self.pid),
        }
    }
}

/// The scope of a service. An app can use the service only if all of it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// The application that its accounts signed in to.
    #[serde(rename = "tenancy")]
    pub application: EntraApplication,
    /// What issues its tokens.
    pub source: CommunicationTokenSource,
}

impl Served {
    /// Returns the scope of this session and request; `None` if the token is an Entra token.
    pub fn by(session: &Sessions, token_request: &TokenRequest) -> Option<Served> {
        match &token_request.kind {
            TokenKind::Communication(source) => Some(Served {
                application: session.application().clone(),
                source: source.clone(),
            }),
            TokenKind::Entra(_) => None,
        }
    }
}

/// A folder that this process owns until the value is dropped.
pub(in crate::serve) struct InstanceDir {
    folder: Folder,
    lock: File,
    /// Locked while the service runs, so that a client recognises the secret of a killed service.
    #[cfg(unix)]
    secret: Option<File>,
    pub(in crate::serve) running: Running,
    #[cfg(unix)]
    pub(in crate::serve) listener: Option<UnixListener>,
}

impl InstanceDir {
    /// Locks the folder, and creates it if it is missing.
    ///
    /// # Errors
    /// [`Kind::Usage`] if another service has the folder; [`Kind::Store`] if it cannot be written.
    pub(in crate::serve) fn acquire(folder: &Folder) -> Result<InstanceDir> {
        let failed = |cause| state_folder::error_at("create the folder", &folder.path(), cause);
        folder.create_private().map_err(failed)?;
        let failed = |cause| state_folder::error_at("lock", &folder.file_path(LOCK), cause);
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
                secret_file: absolute(folder, SECRET_FILE),
                socket: None,
                serves: None,
                confined: None,
            },
            folder: folder.clone(),
            lock,
            #[cfg(unix)]
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
            .map_err(|cause| state_folder::error_at("write", &self.running.secret_file, cause))?;
        #[cfg(unix)]
        {
            // On Windows a locked file cannot be read.
            self.secret = locked(&self.folder);
            self.listener = open_socket(&self.folder);
            let path = absolute(&self.folder, SOCKET);
            self.running.socket = self.listener.is_some().then_some(path);
        }
        self.running.url = format!("http://127.0.0.1:{port}");
        self.running.serves = serves;
        self.write_lock_file();
        Ok(secret)
    }

    pub(in crate::serve) fn note_confinement(&mut self, confined: Confined) {
        self.running.confined = Some(confined);
        self.write_lock_file();
    }

    /// Writes the lock file in place. The new text is padded to at least the length of the old one,
    /// so that a concurrent reader finds neither an empty file nor the end of the old text. The lock
    /// holds without this text too.
    fn write_lock_file(&mut self) {
        let text = serde_json::to_vec(&self.running).map_err(io::Error::from);
        let written = text.and_then(|mut text| {
            let old = usize::try_from(self.lock.metadata()?.len()).unwrap_or_default();
            text.resize(
                text.len()
                    .max(old.min(MAX_LOCK_FILE_BYTES))
                    .max(MIN_LOCK_FILE_BYTES),
                b' ',
            );
            self.lock.rewind()?;
            self.lock.write_all(&text)
        });
        if let Err(cause) = written {
            tracing::warn!(
                "the lock file was not written, so other programs cannot find the service: {cause}"
            );
        }
    }
}

impl Drop for InstanceDir {
    fn drop(&mut self) {
        let socket = self.running.socket.is_some().then_some(SOCKET);
        for failure in remove_files(&self.folder, socket.into_iter().chain([SECRET_FILE])) {
            tracing::warn!("{failure}");
        }
        // The file stays: without it two services could lock two files of one name.
        if let Err(cause) = self.lock.set_len(0) {
            tracing::debug!("Could not empty the lock file: {cause}.");
        }
    }
}

/// Removes the files of these names. Returns the failures.
fn remove_files(
    folder: &Folder,
    names: impl IntoIterator<Item = &'static str>,
) -> impl Iterator<Item = String> {
    names.into_iter().filter_map(|name| {
        let cause = folder.remove(name).err()?;
        let path = folder.file_path(name);
        Some(format!(
            "`{}` could not be removed: {cause}",
            path.display()
        ))
    })
}

/// Opens and locks the secret file. Without the lock, clients still have the proof.
#[cfg(unix)]
fn locked(folder: &Folder) -> Option<File> {
    let open = || {
        let file = folder.open(SECRET_FILE)?;
        file.try_lock()?;
        io::Result::Ok(file)
    };
    open()
        .inspect_err(|cause| tracing::debug!("Could not lock the secret file: {cause}."))
        .ok()
}

/// Replaces the socket of an earlier run. Without a socket (for example because its path is longer
/// than 100 bytes), the service has its port only.
#[cfg(unix)]
fn open_socket(folder: &Folder) -> Option<UnixListener> {
    let path = folder.file_path(SOCKET);
    let open = || {
        folder.remove(SOCKET)?;
        let listener = UnixListener::bind(&path)?;
        folder.make_socket_private(SOCKET)?;
        listener.set_nonblocking(true)?;
        io::Result::Ok(listener)
    };
    let path = path.display();
    open()
        .inspect_err(|cause| {
            tracing::warn!(
                "the Unix socket `{path}` was not created, so apps must use the port: {cause}"
            );
        })
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
    let (message, hint) = match owner {
        Some(running) => (
            format!(
                "another `acspass serve` (process {}) is already running at {}",
                running.pid, running.url
            ),
            format!(
                "Run `acspass serve --open` to use it, or `{}` to stop it. `acspass serve --status` \
                 shows whether systemd would start it again.",
                running.stop_command()
            ),
        ),
        None => (
            "another `acspass serve` is already running".to_owned(),
            "Run `acspass serve --status` to see it.".to_owned(),
        ),
    };
    Error::new(
        Kind::Usage,
        message,
        format!("{hint} A second service needs another folder in ACSPASS_STATE_DIR."),
    )
}

/// Returns the service that has this folder, if any. It may be starting or stopping. Removes the
/// secret and the socket of a service that was killed.
///
/// # Errors
/// [`Kind::Store`] if the folder cannot be read.
pub fn running(folder: impl Into<Folder>) -> Result<Option<Running>> {
    let folder = folder.into();
    let failed = |cause| state_folder::error_at("lock", &folder.file_path(LOCK), cause);
    let file = match folder.open(LOCK) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            // No service can start while this lock is held.
            for failure in remove_files(&folder, [SECRET_FILE, SOCKET]) {
                tracing::debug!("Could not remove a stale file: {failure}.");
            }
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => {
            Ok(read(&file, &folder).filter(|running| is_loopback(&running.url)))
        }
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// Reads the lock file without its lock. Returns `None` if the file is not complete. The paths are
/// those of the folder, whatever the file says.
fn read(mut file: &File, folder: &Folder) -> Option<Running> {
    let mut bytes = Vec::new();
    file.rewind().ok()?;
    file.take(MAX_LOCK_FILE_BYTES as u64)
        .read_to_end(&mut bytes)
        .ok()?;
    let mut running: Running = serde_json::from_slice(&bytes).ok()?;
    running.secret_file = absolute(folder, SECRET_FILE);
    running.socket = running.socket.map(|_| absolute(folder, SOCKET));
    Some(running)
}

/// Returns the path of a file for other programs, which may run in another folder.
fn absolute(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.file_path(name);
    std::path::absolute(&path).unwrap_or(path)
}

/// Whether an address is of the form that a service writes: loopback, a port and nothing else.
fn is_loopback(url: &str) -> bool {
    let port = url.strip_prefix("http://127.0.0.1:").unwrap_or_default();
    port.parse::<u16>()
        .is_ok_and(|number| number.to_string() == port)
}

fn lossy<'p, S: Serializer>(
    path: impl Into<Option<&'p PathBuf>>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    let path = path.into().map(|path| path.to_string_lossy());
    path.serialize(to)
}
