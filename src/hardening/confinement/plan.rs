//! The files that a confined process may use.

use std::path::PathBuf;

/// What a confined process may use, beside what the system's libraries read.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Folders below which it reads, writes, creates and removes. All of them must exist.
    pub writes: Vec<PathBuf>,
    /// Files and folders that it reads. One that does not exist is left out.
    pub reads: Vec<PathBuf>,
    /// Files and folders that it reads, each with the name of the setting. A file may be replaced,
    /// or appear later, if its folder does not hold more than such files.
    pub named: Vec<(&'static str, PathBuf)>,
    /// The user's home folder, which holds more.
    pub home: Option<PathBuf>,
}
