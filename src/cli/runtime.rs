//! The runtime of one command, and the signals that stop it.

#[cfg(unix)]
use std::future::poll_fn;
#[cfg(unix)]
use std::io;
#[cfg(unix)]
use std::task::Poll;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Runtime;
#[cfg(unix)]
use tokio::signal::unix::{self, SignalKind};

use crate::error::{Error, Kind, Result};

/// Creates a runtime with one thread: a command does one thing at a time, and `serve` answers from
/// memory.
pub(super) fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal("no runtime could be started").caused_by(error))
}

/// Runs `work` on a new runtime until it ends or a signal asks the process to stop.
///
/// # Errors
/// [`Kind::Interrupted`] after such a signal; the error of `work`.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    block_on_uninterrupted(async {
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = interrupted() => Err(interrupted_error()),
        }
    })
}

/// Runs `work`, which handles signals itself, on a new runtime.
pub(super) fn block_on_uninterrupted<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(work)
}

/// Returns after Ctrl-C, SIGTERM or SIGHUP. The signals are received from this call on, not from the
/// first poll: a signal after the first output of other work is not lost. The caller is in a runtime's
/// context.
#[cfg(unix)]
pub(super) fn interrupted() -> impl Future<Output = ()> {
    first_of(&[Signal::INT, Signal::TERM, Signal::HUP])
}

/// Returns after a signal that stops a service. Ctrl-\ is one as well: its default effect would leave
/// the secret behind.
#[cfg(unix)]
pub(super) fn stopped() -> impl Future<Output = ()> {
    first_of(&[Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT])
}

#[cfg(unix)]
fn first_of(kinds: &[Signal]) -> impl Future<Output = ()> + use<> {
    // A signal that cannot be received ends the process without clean-up.
    let signals = kinds
        .iter()
        .filter_map(|kind| Some((*kind, listen(*kind).ok()?)));
    let mut signals = Signals(signals.collect());
    async move {
        signals.next().await;
    }
}

/// The signals that this process passes on to a command.
#[cfg(unix)]
pub(super) struct Signals(Vec<(Signal, unix::Signal)>);

/// A signal that was received.
#[cfg(unix)]
pub(super) struct Received(Signal);

#[cfg(unix)]
impl Signals {
    /// Receives the signals from now on.
    ///
    /// # Errors
    /// An internal error with this message.
    pub(super) fn listen(failure: &'static str) -> Result<Signals> {
        let kinds = [
            Signal::INT,
            Signal::QUIT,
            Signal::TERM,
            Signal::HUP,
            Signal::USR1,
            Signal::USR2,
        ];
        let signals = kinds.map(|kind| Ok((kind, listen(kind)?)));
        let signals: io::Result<_> = signals.into_iter().collect();
        signals
            .map(Signals)
            .map_err(|cause| Error::internal(failure).caused_by(cause))
    }

    /// Returns the next signal.
    pub(super) async fn next(&mut self) -> Received {
        poll_fn(|context| {
            for (kind, signal) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(Received(*kind));
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(unix)]
impl Received {
    /// Sends the signal to a child process. A terminal sends the signals of keys to it by itself.
    pub(super) fn pass_on(self, child: Option<u32>, is_terminal: bool) {
        let is_of_terminal = [Signal::INT, Signal::QUIT, Signal::HUP].contains(&self.0);
        if !(is_terminal && is_of_terminal) {
            send(self.0, child);
        }
    }
}

/// Asks a child process to end.
#[cfg(unix)]
pub(super) fn terminate(child: Option<u32>) {
    send(Signal::TERM, child);
}

/// This system has no such signal.
#[cfg(not(unix))]
pub(super) fn terminate(_child: Option<u32>) {}

#[cfg(unix)]
fn send(signal: Signal, child: Option<u32>) {
    let id = child.and_then(|id| id.try_into().ok());
    if let Some(id) = id.and_then(Pid::from_raw) {
        // A child that has just ended needs no signal.
        let _ = kill_process(id, signal);
    }
}

/// Receives this signal from now on.
#[cfg(unix)]
pub(super) fn listen(kind: Signal) -> io::Result<unix::Signal> {
    unix::signal(SignalKind::from_raw(kind.as_raw()))
}

/// Returns after Ctrl-C.
#[cfg(not(unix))]
pub(super) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
pub(super) use interrupted as stopped;

/// Ctrl-C, which a console sends to all its processes.
#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen(_failure: &'static str) -> Result<Signals> {
        Ok(Signals)
    }

    pub(super) async fn next(&mut self) -> Signals {
        interrupted().await;
        Signals
    }

    pub(super) fn pass_on(self, _child: Option<u32>, _is_terminal: bool) {}
}

/// The user pressed Ctrl-C, or a signal asked the process to stop.
pub(super) fn interrupted_error() -> Error {
    Error::new(Kind::Interrupted, "interrupted", "Run the command again.")
}
