//! `emulator exec --real-hosts`: the namespaces in which the command runs, on Linux.
//!
//! The command must not outlive the emulator: without it, its hosts would answer nothing (`tied`).

use std::path::{Path, PathBuf};

use crate::emulator::Namespace;
use crate::error::{Error, Result};

/// The namespaces of this process.
pub(super) struct OwnHosts(Namespace);

impl OwnHosts {
    /// Enters the namespaces. The process must have one thread.
    pub(super) fn enter() -> Result<OwnHosts> {
        Namespace::enter().map(OwnHosts)
    }

    /// Mounts the files of names and certificates; see [`Namespace::mount_files`].
    pub(super) fn mount_files(&self, folder: &Path, bundle: &Path) -> Result<Option<PathBuf>> {
        self.0.mount_files(folder, bundle)
    }

    /// Serves names until `work` ends.
    pub(super) async fn while_serving<T>(self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            done = work => Ok(done),
            stopped = self.0.serve_names() => Err(match stopped {
                Ok(()) => Error::internal("the name server stopped"),
                Err(error) => error,
            }),
        }
    }
}
