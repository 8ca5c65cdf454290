//! What a person types or pastes: lines, read on threads of their own, so that Ctrl-C and a timeout
//! end the wait at once. All hidden input comes through [`Keyboard::hidden`].

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::secret::Pasted;

use super::Stdin;
use super::echo::{self, Device};
use super::output::{Messages, Verbosity};

/// Longer than any address with a code, and than any connection string.
const LONGEST_LINE: usize = 64 * 1024;

/// The pause that ends a paste. Its lines arrive within milliseconds, over SSH as well.
const QUIET: Duration = Duration::from_millis(200);

/// Standard input, or the terminal itself, as lines.
#[derive(Clone)]
pub(super) struct Keyboard {
    source: Shared,
    device: Device,
    pub(super) is_terminal: bool,
}

impl Keyboard {
    pub(super) fn new(stdin: Stdin) -> Keyboard {
        Keyboard {
            source: shared(stdin.source),
            device: Device::Stdin,
            is_terminal: stdin.is_terminal,
        }
    }

    /// The terminal of this process, whatever standard input and standard error are, and what shows
    /// a question there.
    #[cfg(unix)]
    pub(super) fn of_terminal() -> std::io::Result<(Keyboard, Messages)> {
        let terminal = std::fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/tty")?;
        let screen = Box::new(terminal.try_clone()?);
        let keyboard = Keyboard {
            source: shared(Box::new(terminal.try_clone()?)),
            device: Device::Tty(Arc::new(terminal)),
            is_terminal: true,
        };
        Ok((
            keyboard,
            Messages::new(screen, Verbosity::default(), false, None),
        ))
    }

    /// The console, and standard error, which shows a question.
    #[cfg(not(unix))]
    pub(super) fn of_terminal() -> std::io::Result<(Keyboard, Messages)> {
        let keyboard = Keyboard {
            source: shared(Box::new(std::io::empty())),
            device: Device::Tty,
            is_terminal: true,
        };
        let screen = Box::new(std::io::stderr());
        Ok((
            keyboard,
            Messages::new(screen, Verbosity::default(), false, None),
        ))
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

    /// Asks a question, and returns the line that answers it; `None` at the end of the input.
    pub(super) async fn asked(
        &self,
        messages: &Messages,
        question: &str,
    ) -> Result<Option<Pasted>> {
        let mut asked = Asked::new(messages, question);
        let line = self.line().await;
        if matches!(line, Ok(Some(_))) {
            // The user's Enter has ended the line.
            asked.0 = None;
        }
        line
    }

    /// The next line, which a terminal does not show, and hands over whole: as long as it collects
    /// lines by itself, it cuts them after 1024 bytes on macOS, and after 4095 on Linux.
    pub(super) async fn hidden(&self, messages: &Messages, prompt: &str) -> Result<Option<Pasted>> {
        if !self.is_terminal {
            return self.line().await;
        }
        let again = || {
            messages.ask("\n");
            messages.ask(prompt);
        };
        // The question comes after the echo is off, so that nothing that is typed at once is shown.
        echo::hidden(&self.device, again, async {
            let _asked = Asked::new(messages, prompt);
            self.hidden_line().await
        })
        .await
    }

    /// The next line, unseen, and all lines that arrive directly after it: a text that was copied
    /// in several lines. `None` at the end of the input. `ask` shows what is asked for.
    pub(super) async fn pasted(&self, ask: impl Fn()) -> Result<Option<Pasted>> {
        let work = async {
            ask();
            self.pasted_lines().await
        };
        match self.is_terminal {
            // Until the last line, and before the question is there: the terminal must show nothing
            // of what is pasted.
            true => echo::hidden(&self.device, &ask, work).await,
            false => work.await,
        }
    }

    async fn pasted_lines(&self) -> Result<Option<Pasted>> {
        let mut text = Zeroizing::new(String::new());
        loop {
            let line = match self.is_terminal {
                true => self.hidden_line().await?,
                false => self.line().await?,
            };
            match line {
                Some(line) => text.push_str(line.expose()),
                None if text.is_empty() => return Ok(None),
                None => break,
            }
            text.push('\n');
            if text.len() > LONGEST_LINE || !self.continues().await {
                break;
            }
        }
        Ok(Some(Pasted::new(text.as_str())))
    }

    /// Whether more has arrived already, or arrives at once. Takes nothing of it.
    async fn continues(&self) -> bool {
        if cfg!(not(unix)) && self.is_terminal {
            // A read of the console cannot be left waiting beside the next one.
            return false;
        }
        let (tell, more) = oneshot::channel();
        let source = self.source.clone();
        let looking = std::thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
                // After the pause the receiver is gone; the bytes stay for the next reader.
                let _ = tell.send(source.fill_buf().is_ok_and(|bytes| !bytes.is_empty()));
            });
        let more = tokio::time::timeout(QUIET, more).await;
        looking.is_ok() && matches!(more, Ok(Ok(true)))
    }

    async fn hidden_line(&self) -> Result<Option<Pasted>> {
        let mut source = Source(self.source.clone());
        on_a_thread(move || {
            let line = echo::read_line(&mut source, LONGEST_LINE)?;
            Ok(line.map(|line| Pasted::new(line.as_str())))
        })
        .await
    }
}

/// A question stands there, and nothing that is typed ends its line.
struct Asked<'t>(Option<&'t Messages>);

impl<'t> Asked<'t> {
    fn new(messages: &'t Messages, prompt: &str) -> Asked<'t> {
        messages.ask(prompt);
        Asked((!prompt.is_empty()).then_some(messages))
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(messages) = self.0 {
            messages.ask("\n");
        }
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
        let hint = match error.kind() {
            ErrorKind::InvalidData => "paste only the text that was asked for",
            _ => "run the command at a terminal",
        };
        Error::new(Kind::Usage, "standard input cannot be read", hint).caused_by(error)
    })
}

/// The user has pressed Ctrl-C.
pub(super) fn interrupted() -> Error {
    Error::new(
        Kind::Interrupted,
        "interrupted",
        "run the command again when you like",
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

type Shared = Arc<Mutex<BufReader<Box<dyn Read + Send>>>>;

fn shared(source: Box<dyn Read + Send>) -> Shared {
    Arc::new(Mutex::new(BufReader::new(source)))
}

struct Source(Shared);

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        source.read(buffer)
    }
}
