//! Turns the echo of a terminal off, and reads a line from a terminal that shows no typed key.
//!
//! The modes of the terminal are restored when the work ends, at a signal that ends or stops the
//! process, in a panic, and at the end of the program if a thread still waits for a key.
//!
//! In canonical mode a terminal cuts lines after 1024 bytes on macOS, after 4095 on Linux. An address
//! with Entra's code has about that length. So the line is read key by key, and this module handles the
//! keys that edit it. Keys that send signals never arrive.

use std::future::Future;
use std::io::{self, BufRead};
use std::pin::pin;
use std::sync::{Arc, Mutex, Once, PoisonError, TryLockError};

use rustix::fd::AsFd;
use rustix::io::ioctl_fionread;
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::cli::runtime::{Signals, interrupted_error, listen, runtime};
use crate::error::{Error, Result};
use crate::secret::Pasted;

/// A terminal: standard input, or `/dev/tty`, whatever standard input is.
pub(in crate::cli) type Device = Arc<dyn AsFd + Send + Sync>;

/// The terminal with its echo off, and its modes from before.
static HIDDEN: Mutex<Option<(Device, Termios)>> = Mutex::new(None);

const NO_SIGNALS: &str = "no signal can be received while the echo is off";

pub(super) fn stdin() -> Device {
    Arc::new(io::stdin())
}

/// Runs `work` while the terminal shows no typed key and delivers each key at once. If the process was
/// stopped and continues, calls `resumed`, which prints the question again.
///
/// # Errors
/// [`Kind::Interrupted`](crate::Kind::Interrupted) at a signal that ends the process; the error of
/// `work`.
pub(in crate::cli) async fn hidden<T>(
    device: &Device,
    resumed: impl Fn(),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    with_echo_off(device, LocalModes::ICANON, resumed, work).await
}

/// Runs `work`, which reads no key, while the terminal shows no typed key. Keys that arrive meanwhile
/// stay for the next read. Returns the output of `work`, and whether a whole line has arrived.
///
/// # Errors
/// [`Kind::Interrupted`](crate::Kind::Interrupted) at a signal that ends the process.
pub(super) async fn silent<T>(device: &Device, work: impl Future<Output = T>) -> Result<(T, bool)> {
    let work = async {
        let output = work.await;
        Ok((output, ioctl_fionread(device).is_ok_and(|bytes| bytes > 0)))
    };
    with_echo_off(device, LocalModes::empty(), || {}, work).await
}

/// Runs `work` while the echo and these modes are off.
async fn with_echo_off<T>(
    device: &Device,
    modes: LocalModes,
    resumed: impl Fn(),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    // Before the modes change, so that no signal can leave them changed.
    let mut signals = Signals::listen(NO_SIGNALS)?;
    let mut continued = listen(Signal::CONT).map_err(no_signals)?;
    restore_at_stops()?;
    restore_in_panics();
    let _end = RestoredAtEnd;
    hide(device, modes);
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            _ = signals.next() => return Err(interrupted_error()),
            _ = continued.recv() => {
                hide(device, modes);
                resumed();
            }
        }
    }
}

fn no_signals(cause: io::Error) -> Error {
    Error::internal(NO_SIGNALS).caused_by(cause)
}

/// Turns the echo and these modes off. If the device refuses that or is no terminal, it is read all the
/// same.
fn hide(device: &Device, modes: LocalModes) {
    let mut hidden = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
    if hidden.is_some() || !is_ours(device) {
        return;
    }
    let Ok(before) = tcgetattr(device) else {
        return;
    };
    let mut silent = before.clone();
    // Keys that send signals continue to do so.
    silent
        .local_modes
        .remove(LocalModes::ECHO | LocalModes::ECHONL | modes);
    if modes.contains(LocalModes::ICANON) {
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
    }
    *hidden = Some((device.clone(), before));
    let _ = tcsetattr(device, OptionalActions::Now, &silent);
}

/// Restores the modes of the terminal if its echo is off.
pub(crate) fn restore() {
    set_back(&mut HIDDEN.lock().unwrap_or_else(PoisonError::into_inner));
}

fn set_back(hidden: &mut Option<(Device, Termios)>) {
    if let Some((device, modes)) = hidden.take()
        && is_ours(&device)
    {
        // A closed terminal has no modes to restore.
        let _ = tcsetattr(device, OptionalActions::Now, &modes);
    }
}

/// Whether the process may set the modes. A background process that does so is stopped, and would set
/// the modes of the shell.
fn is_ours(device: &Device) -> bool {
    let is_background = |group| group != getpgrp();
    !tcgetpgrp(device).is_ok_and(is_background)
}

struct RestoredAtEnd;

impl Drop for RestoredAtEnd {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the modes before a panic is reported: the release build ends without unwinding.
fn restore_in_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            match HIDDEN.try_lock() {
                Ok(mut hidden) => set_back(&mut hidden),
                Err(TryLockError::Poisoned(mut hidden)) => set_back(hidden.get_mut()),
                // The panic is in the code that changes the modes.
                Err(TryLockError::WouldBlock) => {}
            }
            report(panic);
        }));
    });
}

/// Restores the modes before Ctrl-Z stops the process. The thread and its runtime stay until the
/// process ends: once a signal was listened for, its default effect does not come back.
fn restore_at_stops() -> Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut is_started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if *is_started {
        return Ok(());
    }
    let runtime: &'static Runtime = Box::leak(Box::new(runtime()?));
    let stops = {
        let _context = runtime.enter();
        listen(Signal::TSTP)
    };
    let mut stops = stops.map_err(no_signals)?;
    let restore_at_each = async move {
        while stops.recv().await.is_some() {
            restore();
            // The default effect of the signal. The process stops here until it continues.
            let _ = kill_process(getpid(), Signal::STOP);
        }
    };
    std::thread::Builder::new()
        .name("stops".to_owned())
        .spawn(|| runtime.block_on(restore_at_each))
        .map_err(|cause| {
            Error::internal("no thread that listens for Ctrl-Z could be started").caused_by(cause)
        })?;
    *is_started = true;
    Ok(())
}

/// Reads a line of at most `longest` bytes, without its end. Returns `None` at the end of the input,
/// or if Ctrl-D is the first key.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if the line is longer, or is not UTF-8; an error of the terminal.
pub(super) fn read_line(source: impl BufRead, longest: usize) -> io::Result<Option<Pasted>> {
    // It never grows, so that no copy of it stays in memory.
    let mut line: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(longest));
    let mut is_too_long = false;
    let mut keys = source.bytes();
    loop {
        match keys.next().transpose()? {
            // The end of the input, or Ctrl-D.
            None | Some(0x04) if line.is_empty() => return Ok(None),
            None | Some(b'\n' | b'\r') => break,
            // Backspace removes the last character with all its bytes.
            Some(0x08 | 0x7f) => while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Ctrl-U.
            Some(0x15) => line.clear(),
            // Ctrl-W removes the last word.
            Some(0x17) => {
                while line.pop_if(|byte| byte.is_ascii_whitespace()).is_some() {}
                while line.pop_if(|byte| !byte.is_ascii_whitespace()).is_some() {}
            }
            // The rest of an escape sequence, as of an arrow key (ECMA-48: `ESC [`, parameters, one
            // final byte; `ESC O` and one byte). The Escape key also skips the next key.
            Some(0x1b) => match keys.next().transpose()? {
                Some(b'[') => {
                    let is_parameter = |byte: u8| !(0x40..=0x7e).contains(&byte);
                    while keys.next().transpose()?.is_some_and(is_parameter) {}
                }
                Some(b'O') => drop(keys.next().transpose()?),
                _ => {}
            },
            Some(0x00..=0x1f) => {}
            Some(_) if line.len() == longest => is_too_long = true,
            Some(key) => line.push(key),
        }
    }
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
    match std::str::from_utf8(&line) {
        _ if is_too_long => Err(wrong("the line is too long")),
        Ok(line) => Ok(Some(Pasted::new(line))),
        Err(_) => Err(wrong("the line is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> io::Result<Option<String>> {
        let line = read_line(&mut &keys[..], 16)?;
        Ok(line.map(|line| line.expose().to_owned()))
    }

    #[test]
    fn line_is_edited_by_the_usual_keys() {
        for (keys, line) in [
            (&b"secret\n"[..], Some("secret")),
            (b"secret\r", Some("secret")),
            (b"secret", Some("secret")),
            (b"\n", Some("")),
            (b"", None),
            (b"\x04", None),
            (b"ab\x04c\n", Some("abc")),
            (b"abx\x7fc\n", Some("abc")),
            (b"abx\x08c\n", Some("abc")),
            (b"\x7fa\n", Some("a")),
            ("aç€\x7f\x7fb\n".as_bytes(), Some("ab")),
            (b"wrong\x15right\n", Some("right")),
            (b"one two \x17three\n", Some("one three")),
            (b"a\x1b[Db\x1b[3~c\x1bOPd\n", Some("abcd")),
            (b"a\x1b[200~b\x1b[201~c\n", Some("abc")),
            (b"a\x01\tb\n", Some("ab")),
            (b"0123456789abcdef\n", Some("0123456789abcdef")),
        ] {
            let read = typed(keys).expect("a line");
            assert_eq!(read.as_deref(), line, "{keys:?}");
        }
    }

    #[test]
    fn line_that_is_too_long_or_no_text_is_an_error_and_is_read_to_its_end() {
        let mut source = &b"0123456789abcdefg\nnext\n"[..];
        let error = read_line(&mut source, 16).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let next = read_line(&mut source, 16).expect("a line").expect("a line");
        assert_eq!(next.expose(), "next");
        assert!(typed(b"\xff\n").is_err());
    }
}
