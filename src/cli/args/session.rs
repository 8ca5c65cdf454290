//! The arguments of `session` and `store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Copy a session to another machine or to CI
#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    Export(SessionExport),
    Import(SessionImport),
}

/// Write an account's session to an encrypted file
#[derive(Debug, Args)]
pub(crate) struct SessionExport {
    /// Export this account: a username, or the beginning of it [default: the active account]
    #[arg(long, value_name = "USER")]
    pub(crate) account: Option<String>,
    /// Encrypt with this key file; without it, a prompt asks for a passphrase
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long)]
    pub(crate) force: bool,
    /// Write to this new file; `-` is standard output, which must not be a terminal [default: -]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

/// Save a session from an encrypted file
#[derive(Debug, Args)]
pub(crate) struct SessionImport {
    /// Decrypt with this key file; without it, a prompt asks for the passphrase
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Replace a saved session of the account, even if it is newer
    #[arg(long)]
    pub(crate) force: bool,
    /// Read this file of `session export`; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// Move saved sessions to another store
#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Move all sessions and connection strings to another store, and select it
    Migrate {
        /// Choose the new store: keyring, keyutils or file
        #[arg(value_name = "STORE")]
        to: String,
    },
}
