//! The service's folder: the lock that lets one service have it, the secret of this run, and the
//! socket. All of it is its owner's alone.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::account::Tenancy;
use crate::error::{Error, Kind, Result};
use crate::exchange::TokenSource;
use crate::files::Folder;
use crate::hardening::Confined;
use crate::secret::{ServiceSecret, is_b64token};
use crate::session::{Session, Target, TokenRequest};
use crate::store::folder;

/// Bytes of the secret: 256 bits.
const SECRET: usize = 32;
/// Longest secret file that is read, in bytes.
const LONGEST_SECRET: u64 = 4096;
/// The names of the files in the folder.
pub(super) const SECRET_FILE: &str = "secret";
const LOCK: &str = "lock";
/// Length of the lock file in bytes, unless its text is longer.
const USUAL: usize = 2 * 1024;
/// Longest text of the lock file that is read, in bytes.
const LONGEST: usize = 64 * 1024;
pub(super) const SOCKET: &str = "socket";
/// How long a look for a service may last, and how many are waited out.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS: u32 = 20;

/// A service that runs, as its lock file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// `http://127.0.0.1:PORT`; empty until it has its port.
    pub url: String,
    /// The file that holds its secret.
    pub secret_file: PathBuf,
    /// Its Unix socket, where there is one.
    pub socket: Option<PathBuf>,
    /// Whose tokens it serves, and what they are good for.
    pub serves: Option<Served>,
    /// How far its process is confined, once it has said so.
    pub confined: Option<Confined>,
}

/// What the lock file says about a running service.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockFileContents {
    pid: u32,
    url: String,
    /// For readers of version 0.1 only: a reader uses the files of its own folder.
    secret_file: String,
    /// Whether there is a socket.
    socket: Option<String>,
    #[serde(default)]
    serves: Option<Served>,
    #[serde(default)]
    confined: Option<Confined>,
}

/// What a service is for: it helps an app only where all of it is what the app works with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// Where its accounts signed in.
    pub tenancy: Tenancy,
    /// What issues its tokens.
    pub source: TokenSource,
}

impl Served {
    /// What this session gives for this wish; `None` where that is the Entra token.
    pub fn by(session: &Session, token_request: &TokenRequest) -> Option<Served> {
        match &token_request.target {
            Target::Communication(source) => Some(Served {
                tenancy: session.tenancy().clone(),
                source: source.clone(),
            }),
            Target::Entra(_) => None,
        }
    }
}

/// The service that has this folder now, if any. It may be on its way up or down.
///
/// # Errors
/// [`Kind::Store`] where the folder cannot be read.
pub fn running(folder: impl Into<Folder>) -> Result<Option<Running>> {
    let folder = folder.into();
    let failed = |cause| folder::failure("lock", &folder.path_of(LOCK), cause);
    let file = match folder.open(LOCK) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            // While the lock is held, no service can start. What is here was left by a run that was
            // killed.
            for name in [SECRET_FILE, SOCKET] {
                if let Err(cause) = folder.remove(name) {
                    let path = folder.path_of(name);
                    tracing::debug!("stale `{}` could not be removed: {cause}", path.display());
                }
            }
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => {
            Ok(read(&file, &folder).filter(|running| is_loopback(&running.url)))
        }
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// Reads the secret in this file of a service's folder.
pub(super) fn secret(folder: &Folder, name: &str) -> io::Result<ServiceSecret> {
    let bytes = zeroize::Zeroizing::new(folder.read(name, LONGEST_SECRET)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    match text.trim() {
        secret if is_b64token(secret) => Ok(ServiceSecret::new(secret)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Whether an address is what a service of this program says: loopback, a port and nothing else.
fn is_loopback(url: &str) -> bool {
    let port = url.strip_prefix("http://127.0.0.1:");
    port.is_some_and(|port| {
        port.parse::<u16>()
            .is_ok_and(|number| number.to_string() == port)
    })
}

/// A secret that nobody can guess.
pub(super) fn new_secret() -> Result<ServiceSecret> {
    let bytes = random::<SECRET>()?;
    Ok(ServiceSecret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<zeroize::Zeroizing<[u8; N]>> {
    let mut bytes = zeroize::Zeroizing::new([0; N]);
    SystemRandom::new()
        .fill(bytes.as_mut())
        .map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}

/// A folder that is ours until this is dropped or the process ends.
pub(super) struct InstanceDir {
    folder: Folder,
    lock: File,
    /// Locked while the service runs, so that a client recognises a secret that was left behind.
    secret: Option<File>,
    running: Running,
    #[cfg(unix)]
    listener: Option<std::os::unix::net::UnixListener>,
}

impl InstanceDir {
    /// Takes the folder, which is created where it is missing.
    pub(super) fn acquire(folder: &Folder) -> Result<InstanceDir> {
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

    /// Writes the secret of this run, opens the socket, and tells others where the service is.
    pub(super) fn publish(&mut self, port: u16, serves: Option<Served>) -> Result<ServiceSecret> {
        let secret = new_secret()?;
        let path = &self.running.secret_file;
        self.folder
            .replace_by_private(SECRET_FILE, secret.expose().as_bytes())
            .map_err(|cause| folder::failure("write", path, cause))?;
        // Elsewhere a locked file cannot be read.
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

    pub(super) fn note_confinement(&mut self, confined: Confined) {
        self.running.confined = Some(confined);
        self.write_lock_file();
    }

    pub(super) fn running(&self) -> &Running {
        &self.running
    }

    /// The folder is ours, so that a socket in it is a dead run's. Where it cannot be had, which is
    /// where its path is longer than a hundred bytes, there is the port.
    #[cfg(unix)]
    fn open_socket(&mut self) {
        let path = self.folder.path_of(SOCKET);
        let open = || {
            self.folder.remove(SOCKET)?;
            let listener = std::os::unix::net::UnixListener::bind(&path)?;
            self.folder.hand_over_socket(SOCKET)?;
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
    pub(super) fn take_listener(&mut self) -> Option<std::os::unix::net::UnixListener> {
        self.listener.take()
    }

    /// Writes what other programs read about this service. The text is replaced in place by one that
    /// is at least as long: a reader finds neither an empty file nor the end of the old text. A lock
    /// without this text is still a lock.
    fn write_lock_file(&mut self) {
        let running = &self.running;
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let told = LockFileContents {
            pid: running.pid,
            url: running.url.clone(),
            secret_file: text(&running.secret_file),
            socket: running.socket.as_ref().map(text),
            serves: running.serves.clone(),
            confined: running.confined,
        };
        let told = serde_json::to_vec(&told)
            .map_err(io::Error::from)
            .and_then(|mut text| {
                let old = usize::try_from(self.lock.metadata()?.len()).unwrap_or_default();
                // A file that grows can be read with its new text cut at the old length.
                text.resize(text.len().max(old.min(LONGEST)).max(USUAL), b' ');
                self.lock.rewind()?;
                self.lock.write_all(&text)
            });
        if let Err(cause) = told {
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
        // The file stays: removing it would let two services lock two files of one name.
        if let Err(cause) = self.lock.set_len(0) {
            tracing::debug!("the lock file could not be emptied: {cause}");
        }
    }
}

/// Opens and locks the secret file. Without the lock, clients still have the proof.
fn locked(folder: &Folder) -> Option<File> {
    let locked = folder
        .open(SECRET_FILE)
        .and_then(|file| match file.try_lock() {
            Ok(()) => Ok(file),
            Err(cause) => Err(cause.into()),
        });
    locked
        .inspect_err(|cause| tracing::debug!("the secret file could not be locked: {cause}"))
        .ok()
}

/// Whoever looks for a service holds the lock for an instant, and must keep none from starting.
fn try_lock(lock: &File) -> std::result::Result<(), TryLockError> {
    for _ in 0..LOOKS {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            outcome => return outcome,
        }
    }
    lock.try_lock()
}

/// Read without the lock, so that it may be half written: then nobody is named. Secret and socket
/// are those of the folder, whatever the file says.
fn read(mut file: &File, folder: &Folder) -> Option<Running> {
    let mut bytes = Vec::new();
    file.rewind().ok()?;
    file.take(LONGEST as u64).read_to_end(&mut bytes).ok()?;
    let told: LockFileContents = serde_json::from_slice(&bytes).ok()?;
    let path = |name| {
        let path = folder.path_of(name);
        std::path::absolute(&path).unwrap_or(path)
    };
    Some(Running {
        pid: told.pid,
        url: told.url,
        secret_file: path(SECRET_FILE),
        socket: told.socket.map(|_| path(SOCKET)),
        serves: told.serves,
        confined: told.confined,
    })
}

fn taken(holder: Option<Running>) -> Error {
    let who = match holder {
        Some(running) => format!(
            "another `acspass serve` (process {}) runs already, at {}",
            running.pid, running.url
        ),
        None => "another `acspass serve` runs already".to_owned(),
    };
    Error::new(
        Kind::Usage,
        who,
        "use that one, or stop it first; ACSPASS_STATE_DIR names another folder for a second one",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_service_starts_while_others_look_for_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let is_over = AtomicBool::new(false);
        drop(InstanceDir::acquire(&folder.path().into()).expect("nobody has the folder"));
        let together = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                together.wait();
                while !is_over.load(Ordering::Relaxed) {
                    running(folder.path()).expect("a look");
                }
            });
            together.wait();
            let starts: Vec<_> = (0..1000)
                .map(|_| InstanceDir::acquire(&folder.path().into()).map(drop))
                .collect();
            is_over.store(true, Ordering::Relaxed);
            for start in starts {
                start.expect("nobody has the folder");
            }
        });
    }

    #[test]
    fn running_service_is_found_while_it_writes_about_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut place =
            InstanceDir::acquire(&folder.path().into()).expect("no service has the folder");
        place.publish(7, None).expect("a service");
        let is_over = AtomicBool::new(false);
        let together = Barrier::new(2);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                together.wait();
                let mut found = true;
                while found && !is_over.load(Ordering::Relaxed) {
                    found = running(folder.path()).expect("a look").is_some();
                }
                found
            });
            together.wait();
            for _ in 0..1000 {
                place.note_confinement(Confined {
                    files: true,
                    programs: true,
                });
            }
            is_over.store(true, Ordering::Relaxed);
            assert!(reader.join().expect("the reader ends"));
        });
    }

    #[test]
    fn secret_file_that_holds_no_token_is_not_read_as_a_secret() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::from(place.path());
        for (text, is_secret) in [("abc", true), ("abc\n", true), ("a b", false), ("", false)] {
            let written = folder.replace_by_private(SECRET_FILE, text.as_bytes());
            written.expect("a file");
            assert_eq!(secret(&folder, SECRET_FILE).is_ok(), is_secret, "{text:?}");
        }
    }

    #[test]
    fn one_service_has_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = InstanceDir::acquire(&folder.path().into()).expect("nobody has the folder");
        let Err(second) = InstanceDir::acquire(&folder.path().into()) else {
            panic!("two services in one folder");
        };
        assert_eq!(second.kind(), Kind::Usage);
        drop(first);
        InstanceDir::acquire(&folder.path().into()).expect("it is free again");
    }

    #[test]
    fn running_service_is_trusted_only_at_a_loopback_address_and_with_the_folders_own_files() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = Folder::from(place.path());
        let lock = folder.open_or_create(LOCK).expect("the lock file");
        lock.lock().expect("it is held");
        let found = |url: &str| {
            let told = serde_json::json!({
                "pid": 1, "url": url, "secretFile": "/etc/hostname", "socket": "/elsewhere",
            });
            std::fs::write(folder.path_of(LOCK), told.to_string()).expect("it says so");
            running(&folder).expect("a folder that can be read")
        };
        for url in [
            "",
            "http://192.0.2.1:8487",
            "https://127.0.0.1:8487",
            "http://127.0.0.1:8487@192.0.2.1",
            "http://127.0.0.1:8487/",
            "http://127.0.0.1:8487.evil.example",
            "http://127.0.0.1:+8487",
            "http://127.0.0.1:08487",
            "http://127.0.0.1:65536",
            "http://localhost:8487",
        ] {
            assert_eq!(found(url), None, "{url}");
        }
        let service = found("http://127.0.0.1:8487").expect("a service");
        assert_eq!(service.secret_file, folder.path_of(SECRET_FILE));
        assert_eq!(service.socket, Some(folder.path_of(SOCKET)));
    }
}
