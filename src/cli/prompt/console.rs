//! The console of a system that is not Unix: `rpassword` reads it without echo and restores it.

use std::future::Future;
use std::io::{self, BufRead};

use zeroize::Zeroizing;

use crate::error::Result;
use crate::secret::Pasted;

/// The console, whatever standard input is.
#[derive(Clone)]
pub(super) struct Device;

pub(super) fn stdin() -> Device {
    Device
}

/// Reads one line from the console. Does not read `_source`.
pub(super) fn read_line(_source: impl BufRead, _longest: usize) -> io::Result<Option<Pasted>> {
    match rpassword::read_password().map(Zeroizing::new) {
        Ok(line) => Ok(Some(Pasted::new(&*line))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs `work`, which turns the echo off and on.
pub(super) async fn hidden<T>(
    _device: &Device,
    _resumed: impl Fn(),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    work.await
}

/// Runs `work`. Returns that no line has arrived.
pub(super) async fn silent<T>(
    _device: &Device,
    work: impl Future<Output = T>,
) -> Result<(T, bool)> {
    Ok((work.await, false))
}

/// Does nothing.
pub(crate) fn restore() {}
