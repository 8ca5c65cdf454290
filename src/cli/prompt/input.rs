//! Reads lines and pasted text from standard input or the terminal.
//!
//! A thread reads, so that Ctrl-C and a timeout end the wait at once.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::cli::io::messages::Messages;
use crate::error::{Error, Result};
use crate::secret::Pasted;
use crate::text::{is_unprintable, shown};

use super::echo::{self, Device};

/// Longer than any address with a code, and than any connection string, in bytes.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// The pause that ends a paste. Its lines arrive within milliseconds, over SSH as well.
const QUIET: Duration = Duration::from_millis(200);

/// Standard input or the terminal. Clones read the same stream.
#[derive(Clone)]
pub struct Input {
    source: Arc<Mutex<Source>>,
    device: Device,
    pub(crate) is_terminal: bool,
    /// The next line was typed while the echo was off.
    has_hidden_line: Arc<AtomicBool>,
}

type Source = BufReader<Box<dyn Read + Send>>;

impl Input {
    /// Reads standard input through `source`.
    pub fn new(source: impl Read + Send + 'static, is_terminal: bool) -> Input {
        Input::of_device(source, echo::stdin(), is_terminal)
    }

    fn of_device(source: impl Read + Send + 'static, device: Device, is_terminal: bool) -> Input {
        Input {
            source: Arc::new(Mutex::new(BufReader::new(Box::new(source)))),
            device,
            is_terminal,
            has_hidden_line: Arc::default(),
        }
    }

    /// Opens the terminal of this process, whatever standard input and standard error are. The
    /// messages are for questions.
    #[cfg(unix)]
    pub(super) fn of_terminal() -> io::Result<(Input, Messages)> {
        let mut options = std::fs::File::options();
        let terminal = options.read(true).write(true).open("/dev/tty")?;
        let messages = Messages::new(terminal.try_clone()?);
        let input = Input::of_device(terminal.try_clone()?, Arc::new(terminal), true);
        Ok((input, messages))
    }

    /// Opens the console. Standard error is for questions.
    #[cfg(not(unix))]
    pub(super) fn of_terminal() -> io::Result<(Input, Messages)> {
        Ok((Input::new(io::empty(), true), Messages::new(io::stderr())))
    }

    /// Reads everything up to the end, or one byte more than `most`.
    pub(crate) fn read_all(&self, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        (&mut *source).take(most + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Asks a question and returns the line that answers it; `None` at the end of the input.
    pub(crate) async fn ask(&self, messages: &Messages, question: &str) -> Result<Option<Pasted>> {
        let mut asked = Question::new(messages, question);
        let line = self.line(read_line).await;
        let was_hidden = self.has_hidden_line.swap(false, Ordering::Relaxed);
        match &line {
            // The terminal shows the answer now, unless it may be a secret for a later question.
            Ok(Some(text)) if was_hidden => messages.ask(&shown(text.expose().trim())),
            // The user's Enter has ended the line.
            Ok(Some(_)) => asked.0 = None,
            _ => {}
        }
        line
    }

    /// Runs `work` while the terminal shows no typed key, so that an early answer to the next question
    /// does not mix with other output.
    pub(crate) async fn without_echo<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        if !self.is_terminal {
            return work.await;
        }
        let (outcome, has_line) = echo::silent(&self.device, work).await?;
        self.has_hidden_line.store(has_line, Ordering::Relaxed);
        outcome
    }

    /// Asks a question and returns the line that answers it, which a terminal does not show;
    /// `None` at the end of the input. At a terminal prints the number of characters, which shows that
    /// a paste has arrived. Without a terminal the question is not printed.
    pub(crate) async fn ask_hidden(
        &self,
        messages: &Messages,
        question: &str,
    ) -> Result<Option<Pasted>> {
        let line = self.ask_passphrase(messages, question).await?;
        if let Some(line) = line.as_ref().filter(|_| self.is_terminal) {
            messages.print(&received(line));
        }
        Ok(line)
    }

    /// Asks as [`Input::ask_hidden`] does, and prints no number of characters.
    pub(crate) async fn ask_passphrase(
        &self,
        messages: &Messages,
        question: &str,
    ) -> Result<Option<Pasted>> {
        self.has_hidden_line.store(false, Ordering::Relaxed);
        if !self.is_terminal {
            return self.line(read_line).await;
        }
        let resumed = || messages.ask(&format!("\n{question}"));
        // The question comes after the echo is off, so that the terminal shows no early key.
        let work = async {
            let _question = Question::new(messages, question);
            self.line(read_hidden_line).await
        };
        echo::hidden(&self.device, resumed, work).await
    }

    /// Returns the next line, hidden, and all lines that arrive directly after it: text that was
    /// copied in several lines. `None` at the end of the input. `ask` prints the question.
    pub(crate) async fn ask_pasted(&self, ask: impl Fn()) -> Result<Option<Pasted>> {
        let read = match self.is_terminal {
            true => read_hidden_line,
            false => read_line,
        };
        let work = async {
            ask();
            let mut text = Zeroizing::new(String::new());
            while let Some(line) = self.line(read).await? {
                text.push_str(line.expose());
                text.push('\n');
                if text.len() > MAX_LINE_BYTES || !self.continues().await {
                    break;
                }
            }
            Ok((!text.is_empty()).then(|| Pasted::new(text.as_str())))
        };
        match self.is_terminal {
            // From before the question to the last line, the terminal shows nothing of the text.
            true => echo::hidden(&self.device, &ask, work).await,
            false => work.await,
        }
    }

    /// Whether more text arrives before [`QUIET`] is over. Takes none of it.
    async fn continues(&self) -> bool {
        if cfg!(not(unix)) && self.is_terminal {
            // A read of the console cannot be left waiting beside the next one.
            return false;
        }
        // After the pause the receiver is gone; the bytes stay for the next reader.
        let more = self.on_a_thread(|source| source.fill_buf().is_ok_and(|more| !more.is_empty()));
        match more {
            Ok(more) => matches!(tokio::time::timeout(QUIET, more).await, Ok(Ok(true))),
            Err(_) => false,
        }
    }

    async fn line(
        &self,
        read: fn(&mut Source) -> io::Result<Option<Pasted>>,
    ) -> Result<Option<Pasted>> {
        let line = self.on_a_thread(read)?.await;
        line.unwrap_or(Ok(None)).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::InvalidData => "Enter only the requested text.",
                _ => "Run the command at a terminal.",
            };
            Error::usage("standard input cannot be read", hint).caused_by(error)
        })
    }

    /// Runs `read` on a thread. If the receiver is dropped before, its value is lost.
    fn on_a_thread<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Source) -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>> {
        let (sender, receiver) = oneshot::channel();
        let source = self.source.clone();
        let read = move || read(&mut source.lock().unwrap_or_else(PoisonError::into_inner));
        std::thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || drop(sender.send(read())))
            .map_err(|error| {
                Error::internal("no thread for standard input could be started").caused_by(error)
            })?;
        Ok(receiver)
    }
}

/// Returns a message with the number of characters of a hidden text.
pub(crate) fn received(text: &Pasted) -> String {
    let visible = text.expose().chars().filter(|c| !is_unprintable(*c));
    match visible.count() {
        1 => "Received 1 character.".to_owned(),
        count => format!("Received {count} characters."),
    }
}

/// A printed question. Dropping it ends its line, unless the user's Enter has done so.
struct Question<'m>(Option<&'m Messages>);

impl<'m> Question<'m> {
    fn new(messages: &'m Messages, question: &str) -> Question<'m> {
        messages.ask(question);
        Question(Some(messages))
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if let Some(messages) = self.0 {
            messages.ask("\n");
        }
    }
}

/// Reads one line, cut after [`MAX_LINE_BYTES`]; `None` at the end of the input.
fn read_line(source: &mut Source) -> io::Result<Option<Pasted>> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE_BYTES));
    let mut source = source.take(MAX_LINE_BYTES as u64);
    source.read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then(|| Pasted::new(&*String::from_utf8_lossy(&line))))
}

fn read_hidden_line(source: &mut Source) -> io::Result<Option<Pasted>> {
    echo::read_line(source, MAX_LINE_BYTES)
}
