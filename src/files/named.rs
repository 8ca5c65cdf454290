//! Opens a file that a user named and that may belong to others, such as a file of certificate
//! authorities. The caller gets the other user that can change the file, and warns.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use super::changer::Changer;
#[cfg(unix)]
use super::named_unix;

/// Opens a regular file for reading; links are followed. Access lists are not read.
#[cfg(unix)]
pub(crate) fn open_named(path: &Path) -> io::Result<(File, Option<Changer>)> {
    named_unix::open(path)
}

/// Opens a file for reading. Access lists are not read.
#[cfg(not(unix))]
pub(crate) fn open_named(path: &Path) -> io::Result<(File, Option<Changer>)> {
    Ok((File::open(path)?, None))
}

/// Returns whether reading this path may block or never end, as for a FIFO or a device.
pub(crate) fn may_never_end(path: &Path) -> bool {
    let is_ordinary = |found: Metadata| found.is_file() || found.is_dir();
    // Users name this device for "no file".
    path != Path::new("/dev/null") && std::fs::metadata(path).is_ok_and(|found| !is_ordinary(found))
}
