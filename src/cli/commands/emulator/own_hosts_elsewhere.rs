//! `emulator exec --real-hosts` on systems without namespaces.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// There are none.
pub(super) enum OwnHosts {}

impl OwnHosts {
    pub(super) fn enter() -> Result<OwnHosts> {
        Err(Error::usage(
            "--real-hosts needs the namespaces of Linux",
            "Leave out --real-hosts, or run it on Linux.",
        ))
    }

    pub(super) fn mount_files(&self, _folder: &Path, _bundle: &Path) -> Result<Option<PathBuf>> {
        match *self {}
    }

    pub(super) async fn while_serving<T>(self, _work: impl Future<Output = T>) -> Result<T> {
        match self {}
    }
}
