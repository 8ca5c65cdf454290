//! The service's folder: the lock that lets one service have it, the secret of this run, and the
//! socket. All of it is its owner's alone.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::secret::ServiceSecret;
use crate::store::folder;

/// Bytes of the secret: 256 bits.
const SECRET: usize = 32;
/// How long a look for a service may last, and how many are waited out.
const LOOK: Duration = Duration::from_millis(5);
const LOOKS: u32 = 20;

/// A service that runs, as its lock file tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// `http://127.0.0.1:PORT`; empty until it has its port.
    pub url: String,
    /// The file that holds its secret.
    pub secret_file: PathBuf,
    /// Its Unix socket, where there is one.
    pub socket: Option<PathBuf>,
}

/// The service that has this folder now, if any. It may be on its way up or down.
///
/// # Errors
/// [`Kind::Store`] where the folder cannot be read.
pub fn running(folder: &Path) -> Result<Option<Running>> {
    let path = lock_file(folder);
    if !path.exists() {
        return Ok(None);
    }
    let failed = |cause| folder::failure("lock", &path, cause);
    let file = folder::open(&path).map_err(failed)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(read(&file).filter(|running| !running.url.is_empty())),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// A secret that nobody can guess.
pub(super) fn new_secret() -> Result<ServiceSecret> {
    let mut bytes = zeroize::Zeroizing::new([0; SECRET]);
    SystemRandom::new()
        .fill(bytes.as_mut())
        .map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(ServiceSecret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// A folder that is ours until this is dropped or the process ends.
pub(super) struct Place {
    folder: PathBuf,
    lock: File,
    running: Running,
    #[cfg(unix)]
    listener: Option<std::os::unix::net::UnixListener>,
}

impl Place {
    /// Takes the folder, which is created where it is missing.
    pub(super) fn claim(folder: &Path) -> Result<Place> {
        let failed = |cause| folder::failure("create the folder", folder, cause);
        folder::create(folder).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let owners_alone = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(folder, owners_alone).map_err(failed)?;
        }
        let path = lock_file(folder);
        let failed = |cause| folder::failure("lock", &path, cause);
        let lock = folder::open(&path).map_err(failed)?;
        match try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(read(&lock))),
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
        }
        Ok(Place {
            running: Running {
                pid: std::process::id(),
                url: String::new(),
                secret_file: folder.join("secret"),
                socket: None,
            },
            folder: folder.to_owned(),
            lock,
            #[cfg(unix)]
            listener: None,
        })
    }

    /// Writes the secret of this run, opens the socket, and tells others where the service is.
    pub(super) fn settle(&mut self, port: u16) -> Result<ServiceSecret> {
        let secret = new_secret()?;
        let path = &self.running.secret_file;
        folder::replace(path, secret.expose().as_bytes())
            .map_err(|cause| folder::failure("write", path, cause))?;
        self.running.url = format!("http://127.0.0.1:{port}");
        #[cfg(unix)]
        self.open_socket();
        self.tell();
        Ok(secret)
    }

    pub(super) fn running(&self) -> &Running {
        &self.running
    }

    /// The folder is ours, so that a socket in it is a dead run's. Where it cannot be had, which is
    /// where its path is longer than a hundred bytes, there is the port.
    #[cfg(unix)]
    fn open_socket(&mut self) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.join("socket");
        let open = || {
            folder::remove(&path)?;
            let listener = std::os::unix::net::UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            std::io::Result::Ok(listener)
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

    /// A lock that cannot tell who holds it is still one.
    fn tell(&mut self) {
        let told = self.lock.set_len(0).and_then(|()| {
            self.lock.rewind()?;
            self.lock.write_all(&serde_json::to_vec(&self.running)?)
        });
        if let Err(cause) = told {
            tracing::warn!("other programs will not find the service: {cause}");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let socket = self.running.socket.iter();
        for path in socket.chain([&self.running.secret_file]) {
            if let Err(cause) = folder::remove(path) {
                tracing::warn!("`{}` could not be removed: {cause}", path.display());
            }
        }
        // The file stays: removing it would let two services lock two files of one name.
        if let Err(cause) = self.lock.set_len(0) {
            tracing::debug!("the lock file could not be emptied: {cause}");
        }
    }
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

fn lock_file(folder: &Path) -> PathBuf {
    folder.join("lock")
}

/// Read without the lock, so that it may be half written: then nobody is named.
fn read(mut file: &File) -> Option<Running> {
    let mut bytes = Vec::new();
    file.rewind().ok()?;
    file.take(64 * 1024).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
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
        drop(Place::claim(folder.path()).expect("nobody has the folder"));
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
                .map(|_| Place::claim(folder.path()).map(drop))
                .collect();
            is_over.store(true, Ordering::Relaxed);
            for start in starts {
                start.expect("nobody has the folder");
            }
        });
    }

    #[test]
    fn one_service_has_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Place::claim(folder.path()).expect("nobody has the folder");
        let Err(second) = Place::claim(folder.path()) else {
            panic!("two services in one folder");
        };
        assert_eq!(second.kind(), Kind::Usage);
        drop(first);
        Place::claim(folder.path()).expect("it is free again");
    }
}
