//! Keeps a terminal from showing what is typed, and makes sure that it shows it again.
//!
//! The modes are restored when the work ends, at a signal that ends or stops the process, in a
//! panic, and at the end of the program if a thread is still waiting for a key.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, Once, PoisonError, TryLockError, mpsc};

use rustix::fd::{AsFd, BorrowedFd};
use rustix::process::{Signal, getpgrp, getpid, kill_process};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::signal::unix::{self, SignalKind, signal};
use zeroize::Zeroizing;

use crate::error::{Error, Result};

use super::context::runtime;
use super::line_editor;
use super::prompt::interrupted;

/// The terminal whose echo is off now, and its modes from before.
static HIDDEN: Mutex<Option<(Device, Termios)>> = Mutex::new(None);

/// A terminal that is read from.
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

    /// Whether the process may set the modes: a background process that does is stopped, and would
    /// set those of the shell.
    fn is_ours(&self) -> bool {
        let is_background = |group| group != getpgrp();
        !self.with(|terminal| tcgetpgrp(terminal).is_ok_and(is_background))
    }
}

/// Reads one line, key by key, of at most `longest` bytes; `None` at the end of the input.
///
/// # Errors
/// As [`line_editor::read_line`].
pub(super) fn read_line(
    source: &mut impl Read,
    longest: usize,
) -> io::Result<Option<Zeroizing<String>>> {
    line_editor::read_line(source, longest)
}

/// Runs `work` while the terminal shows nothing that is typed and hands over each key at once. After
/// the process was stopped and continued, `resumed` is called, so that the question is asked again.
///
/// # Errors
/// [`Kind::Interrupted`](crate::Kind::Interrupted) at a signal that ends the process; what `work` ends with.
pub(super) async fn hidden<T>(
    device: &Device,
    resumed: impl Fn(),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    // Before the modes change, so that no signal finds them changed and unguarded.
    let mut signals = Signals::listen()?;
    restore_at_stops()?;
    restore_in_panics();
    let hiding = Hiding::begin(device);
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            received = signals.next() => match received {
                Received::End => return Err(interrupted()),
                Received::Continue => {
                    hiding.again();
                    resumed();
                }
            },
        }
    }
}

/// Restores the modes of a terminal whose echo is off; does nothing else.
pub(super) fn restore() {
    set_back(&mut HIDDEN.lock().unwrap_or_else(PoisonError::into_inner));
}

fn set_back(hidden: &mut Option<(Device, Termios)>) {
    if let Some((device, modes)) = hidden.take()
        && device.is_ours()
    {
        // A terminal that is gone needs nothing any more.
        let _ = device.with(|terminal| tcsetattr(terminal, OptionalActions::Now, &modes));
    }
}

/// The echo is off until this is dropped.
struct Hiding<'d>(&'d Device);

impl Hiding<'_> {
    fn begin(device: &Device) -> Hiding<'_> {
        let hiding = Hiding(device);
        hiding.again();
        hiding
    }

    /// Turns the echo off. A terminal that refuses that is read all the same, as is one that is none.
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
        // Keys that send signals go on to do so.
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
                // The panic is in the midst of a change of the modes.
                Err(TryLockError::WouldBlock) => {}
            }
            report(panic);
        }));
    });
}

/// Restores the modes before Ctrl-Z stops the process. The thread stays until the process ends: the
/// signal's own effect does not come back once it has been listened for.
fn restore_at_stops() -> Result<()> {
    static STARTED: Mutex<bool> = Mutex::new(false);
    let mut is_started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::replace(&mut *is_started, true) {
        return Ok(());
    }
    let (tell, is_listening) = mpsc::channel();
    let listen = move || {
        let stops = async {
            let mut stops = match listen(Signal::TSTP) {
                Ok(stops) => stops,
                Err(error) => return tell.send(Err(error)).unwrap_or_default(),
            };
            let _ = tell.send(Ok(()));
            while stops.recv().await.is_some() {
                restore();
                // What the signal itself would do. The process stands still here until it continues.
                let _ = kill_process(getpid(), Signal::STOP);
            }
        };
        match runtime() {
            Ok(runtime) => runtime.block_on(stops),
            Err(error) => tell.send(Err(error)).unwrap_or_default(),
        }
    };
    let failed = || Error::internal("no thread that listens for Ctrl-Z could be started");
    std::thread::Builder::new()
        .name("stops".to_owned())
        .spawn(listen)
        .map_err(|cause| failed().caused_by(cause))?;
    is_listening.recv().map_err(|_| failed())?
}

/// The signals that end or continue the process.
struct Signals {
    end: [unix::Signal; 4],
    resume: unix::Signal,
}

enum Received {
    End,
    Continue,
}

impl Signals {
    fn listen() -> Result<Signals> {
        Ok(Signals {
            end: [
                listen(Signal::INT)?,
                listen(Signal::QUIT)?,
                listen(Signal::TERM)?,
                listen(Signal::HUP)?,
            ],
            resume: listen(Signal::CONT)?,
        })
    }

    async fn next(&mut self) -> Received {
        let [interrupt, quit, terminate, hangup] = &mut self.end;
        tokio::select! {
            biased;
            _ = interrupt.recv() => Received::End,
            _ = quit.recv() => Received::End,
            _ = terminate.recv() => Received::End,
            _ = hangup.recv() => Received::End,
            _ = self.resume.recv() => Received::Continue,
        }
    }
}

fn listen(kind: Signal) -> Result<unix::Signal> {
    signal(SignalKind::from_raw(kind.as_raw())).map_err(|cause| {
        Error::internal("no signal can be received while the echo is off").caused_by(cause)
    })
}
