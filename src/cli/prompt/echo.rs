//! Turns the echo of a terminal off while a secret is typed, and on again.
//!
//! The modes are restored when the work ends, at a signal that ends or stops the process, in a
//! panic, and at the end of the program if a thread still waits for a key.

use std::fs::File;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, Once, PoisonError, TryLockError, mpsc};

use rustix::fd::{AsFd, BorrowedFd};
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use crate::cli::runtime::{Signals, interrupted_error, listen, runtime};
use crate::error::{Error, Result};

pub(super) use super::line_editor::read_line;

/// The terminal with its echo off, and its modes from before.
static HIDDEN: Mutex<Option<(Device, Termios)>> = Mutex::new(None);

const NO_SIGNALS: &str = "no signal can be received while the echo is off";

/// A terminal.
#[derive(Clone)]
pub(super) enum Device {
    /// Standard input.
    Stdin,
    /// `/dev/tty`, whatever standard input is.
    Tty(Arc<File>),
}

impl Device {
    /// Calls `act` with the file descriptor.
    fn with<T>(&self, act: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        match self {
            Device::Stdin => act(io::stdin().as_fd()),
            Device::Tty(file) => act(file.as_fd()),
        }
    }

    /// Whether the process may set the modes. A background process that does so is stopped, and
    /// would set the modes of the shell.
    fn is_ours(&self) -> bool {
        let is_background = |group| group != getpgrp();
        !self.with(|terminal| tcgetpgrp(terminal).is_ok_and(is_background))
    }
}

/// Runs `work` while the terminal shows no typed key and delivers each key at once. If the process was
/// stopped and continues, calls `resumed`, which prints the question again.
///
/// # Errors
/// [`Kind::Interrupted`](crate::Kind::Interrupted) at a signal that ends the process; the error of
/// `work`.
pub(super) async fn hidden<T>(
    device: &Device,
    resumed: impl Fn(),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    // Before the modes change, so that no signal can leave them changed.
    let mut signals = Signals::listen(NO_SIGNALS)?;
    let continued = listen(Signal::CONT);
    let mut continued = continued.map_err(|cause| Error::internal(NO_SIGNALS).caused_by(cause))?;
    restore_at_stops()?;
    restore_in_panics();
    let hiding = Hiding::begin(device);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            _ = signals.next() => return Err(interrupted_error()),
            _ = continued.recv() => {
                hiding.again();
                resumed();
            }
        }
    }
}

/// Restores the modes of the terminal if its echo is off.
pub(crate) fn restore() {
    set_back(&mut HIDDEN.lock().unwrap_or_else(PoisonError::into_inner));
}

fn set_back(hidden: &mut Option<(Device, Termios)>) {
    if let Some((device, modes)) = hidden.take()
        && device.is_ours()
    {
        // A closed terminal has no modes to restore.
        let _ = device.with(|terminal| tcsetattr(terminal, OptionalActions::Now, &modes));
    }
}

/// Keeps the echo off until it is dropped.
struct Hiding<'d>(&'d Device);

impl Hiding<'_> {
    fn begin(device: &Device) -> Hiding<'_> {
        let hiding = Hiding(device);
        hiding.again();
        hiding
    }

    /// Turns the echo off. If the device refuses that or is no terminal, it is read all the same.
    fn again(&self) {
        let device = self.0;
        let mut hidden = HIDDEN.lock().unwrap_or_else(PoisonError::into_inner);
        if hidden.is_some() || !device.is_ours() {
            return;
        }
        let Ok(modes) = device.with(|terminal| tcgetattr(terminal)) else {
            return;
        };
        let mut silent = modes.clone();
        // Keys that send signals continue to do so.
        silent
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        silent.special_codes[SpecialCodeIndex::VMIN] = 1;
        silent.special_codes[SpecialCodeIndex::VTIME] = 0;
        *hidden = Some((device.clone(), modes));
        let _ = device.with(|terminal| tcsetattr(terminal, OptionalActions::Now, &silent));
    }
}

impl Drop for Hiding<'_> {
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

/// Restores the modes before Ctrl-Z stops the process. The thread stays until the process ends: once
/// a signal was listened for, its default effect does not come back.
fn restore_at_stops() -> Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut is_started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::replace(&mut *is_started, true) {
        return Ok(());
    }
    let (sender, is_listening) = mpsc::channel();
    let restore_at_each = move || {
        let stops = async {
            let mut stops = match listen(Signal::TSTP) {
                Ok(stops) => stops,
                Err(cause) => {
                    let error = Error::internal(NO_SIGNALS).caused_by(cause);
                    return sender.send(Err(error)).unwrap_or_default();
                }
            };
            let _ = sender.send(Ok(()));
            while stops.recv().await.is_some() {
                restore();
                // The default effect of the signal. The process stops here until it continues.
                let _ = kill_process(getpid(), Signal::STOP);
            }
        };
        match runtime() {
            Ok(runtime) => runtime.block_on(stops),
            Err(error) => sender.send(Err(error)).unwrap_or_default(),
        }
    };
    let failed = || Error::internal("no thread that listens for Ctrl-Z could be started");
    std::thread::Builder::new()
        .name("stops".to_owned())
        .spawn(restore_at_each)
        .map_err(|cause| failed().caused_by(cause))?;
    is_listening.recv().map_err(|_| failed())?
}
