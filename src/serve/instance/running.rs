//! Finds the service that has a folder.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use crate::account::Tenancy;
use crate::error::Result;
use crate::exchange::TokenSource;
use crate::files::Folder;
use crate::hardening::Confined;
use crate::session::{Sessions, Target, TokenRequest};
use crate::store::folder;

use super::secret::SECRET_FILE;

pub(super) const LOCK: &str = "lock";
pub(in crate::serve) const SOCKET: &str = "socket";
/// Longest text of the lock file that is read, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;

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
    #[serde(serialize_with = "lossy_option")]
    pub socket: Option<PathBuf>,
    /// The sign-in and the token source that the service serves.
    #[serde(default)]
    pub serves: Option<Served>,
    /// How far the process is confined, once the service has reported it.
    #[serde(default)]
    pub confined: Option<Confined>,
}

/// The scope of a service. An app can use the service only if all of it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// Where its accounts signed in.
    pub tenancy: Tenancy,
    /// What issues its tokens.
    pub source: TokenSource,
}

impl Served {
    /// Returns the scope of this session and request; `None` if the token is an Entra token.
    pub fn by(session: &Sessions, token_request: &TokenRequest) -> Option<Served> {
        match &token_request.target {
            Target::Communication(source) => Some(Served {
                tenancy: session.tenancy().clone(),
                source: source.clone(),
            }),
            Target::Entra(_) => None,
        }
    }
}

/// Returns the service that has this folder, if any. It may be starting or stopping. Removes the
/// secret and the socket of a service that was killed.
///
/// # Errors
/// [`Kind::Store`](crate::Kind::Store) if the folder cannot be read.
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
            // No service can start while this lock is held.
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

/// Reads the lock file without its lock. Returns `None` if the file is not complete. The paths are
/// those of the folder, whatever the file says.
pub(super) fn read(mut file: &File, folder: &Folder) -> Option<Running> {
    let mut bytes = Vec::new();
    file.rewind().ok()?;
    file.take(LONGEST as u64).read_to_end(&mut bytes).ok()?;
    let mut running: Running = serde_json::from_slice(&bytes).ok()?;
    let path = |name| {
        let path = folder.path_of(name);
        std::path::absolute(&path).unwrap_or(path)
    };
    running.secret_file = path(SECRET_FILE);
    running.socket = running.socket.map(|_| path(SOCKET));
    Some(running)
}

/// Whether an address is of the form that a service writes: loopback, a port and nothing else.
fn is_loopback(url: &str) -> bool {
    let port = url.strip_prefix("http://127.0.0.1:");
    port.is_some_and(|port| {
        port.parse::<u16>()
            .is_ok_and(|number| number.to_string() == port)
    })
}

fn lossy<S: Serializer>(path: &Path, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

fn lossy_option<S: Serializer>(
    path: &Option<PathBuf>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    path.as_ref()
        .map(|path| path.to_string_lossy())
        .serialize(to)
}
