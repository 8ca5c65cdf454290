//! What a person types or pastes: lines, read on threads of their own, so that Ctrl-C and a timeout
//! end the wait at once.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::secret::Pasted;

use super::Stdin;

/// Longer than any address with a code, and than any connection string.
const LONGEST_LINE: usize = 64 * 1024;

/// Standard input, as lines.
#[derive(Clone)]
pub(super) struct Keyboard {
    source: Arc<Mutex<BufReader<Box<dyn Read + Send>>>>,
    pub(super) is_terminal: bool,
}

impl Keyboard {
    pub(super) fn new(stdin: Stdin) -> Keyboard {
        Keyboard {
            source: Arc::new(Mutex::new(BufReader::new(stdin.source))),
            is_terminal: stdin.is_terminal,
        }
    }

    /// The next line; `None` where there is no more.
    pub(super) async fn line(&self) -> Result<Option<Pasted>> {
        let source = self.source.clone();
        on_a_thread(move || {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            read_line(&mut *source)
        })
        .await
    }

    /// The next line, asked for at a terminal, which does not show it and hands over all of it. As long as a terminal
    /// collects a line by itself, it cuts it: after 1024 bytes on macOS, after 4095 on Linux.
    pub(super) async fn unseen(&self, prompt: &'static str) -> Result<Option<Pasted>> {
        if !self.is_terminal {
            return self.line().await;
        }
        let _modes = Modes::keep();
        on_a_thread(move || match rpassword::prompt_password(prompt) {
            Ok(line) => Ok(Some(Pasted::new(Zeroizing::new(line).as_str()))),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }
}

async fn on_a_thread(
    read: impl FnOnce() -> std::io::Result<Option<Pasted>> + Send + 'static,
) -> Result<Option<Pasted>> {
    let (tell, line) = oneshot::channel();
    std::thread::Builder::new()
        .name("keyboard".to_owned())
        .spawn(move || {
            // Where the wait is over, nobody listens any more.
            let _ = tell.send(read());
        })
        .map_err(|error| Error::internal("no thread to read on").caused_by(error))?;
    line.await.unwrap_or(Ok(None)).map_err(|error| {
        if error.kind() == ErrorKind::Interrupted {
            return interrupted();
        }
        Error::new(
            Kind::Usage,
            "standard input cannot be read",
            "run the command at a terminal",
        )
        .caused_by(error)
    })
}

/// The user has pressed Ctrl-C.
pub(super) fn interrupted() -> Error {
    Error::new(
        Kind::Interrupted,
        "interrupted",
        "nothing was left behind; run the command again when you like",
    )
}

/// One line of at most so many bytes; what is longer is no answer, and is told so.
fn read_line(source: &mut impl BufRead) -> std::io::Result<Option<Pasted>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE));
    source
        .take(LONGEST_LINE as u64)
        .read_until(b'\n', &mut line)?;
    match line.is_empty() {
        true => Ok(None),
        false => Ok(Some(Pasted::new(&*String::from_utf8_lossy(&line)))),
    }
}

/// How the terminal is set, to be set again: whoever reads unseen may be left waiting.
#[cfg(unix)]
struct Modes(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Modes {
    fn keep() -> Modes {
        Modes(rustix::termios::tcgetattr(std::io::stdin()).ok())
    }
}

#[cfg(unix)]
impl Drop for Modes {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(modes) = &self.0 {
            // A terminal that is gone needs nothing any more.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, modes);
        }
    }
}

/// The console sets itself right.
#[cfg(not(unix))]
struct Modes;

#[cfg(not(unix))]
impl Modes {
    fn keep() -> Modes {
        Modes
    }
}
