//! The files of authorities that the user's variables name.

use std::path::PathBuf;

use crate::cli::environment::Environment;
use crate::config;

/// Returns the files of `SSL_CERT_FILE` and the like, for the emulator's bundle.
pub(super) fn ca_files(env: &Environment) -> Vec<PathBuf> {
    let files = config::ca_files(|name| env.path_variable(name));
    files.into_iter().map(|file| file.path).collect()
}
