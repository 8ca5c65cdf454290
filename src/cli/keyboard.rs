//! What a person types or pastes: lines, read on threads of their own, so that Ctrl-C and a timeout
//! end the wait at once.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::secret::Pasted;

use super::Stdin;
use super::output::Talk;

/// Longer than any address with a code, and than any connection string.
const LONGEST_LINE: usize = 64 * 1024;

/// Standard input, as lines.
#[derive(Clone)]
pub(super) struct Keyboard {
    source: Shared,
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

    /// Asks a question, and returns the line that answers it; `None` at the end of the input.
    pub(super) async fn asked(&self, talk: &Talk, question: &str) -> Result<Option<Pasted>> {
        let mut asked = Asked::new(talk, question);
        let line = self.line().await;
        if matches!(line, Ok(Some(_))) {
            // The user's Enter has ended the line.
            asked.0 = None;
        }
        line
    }

    /// The next line, which a terminal does not show, and hands over whole: as long as it collects
    /// lines by itself, it cuts them after 1024 bytes on macOS, and after 4095 on Linux.
    pub(super) async fn unseen(&self, talk: &Talk, prompt: &str) -> Result<Option<Pasted>> {
        if !self.is_terminal {
            return self.line().await;
        }
        // Before the prompt is there, so that nothing that is typed at once is shown.
        let _modes = Modes::unseen();
        let _asked = Asked::new(talk, prompt);
        let source = Source(self.source.clone());
        on_a_thread(move || match read_unseen(source) {
            Ok(line) => Ok(Some(Pasted::new(Zeroizing::new(line).as_str()))),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }
}

/// A question stands there, and nothing that is typed ends its line.
struct Asked<'t>(Option<&'t Talk>);

impl<'t> Asked<'t> {
    fn new(talk: &'t Talk, prompt: &str) -> Asked<'t> {
        talk.ask(prompt);
        Asked((!prompt.is_empty()).then_some(talk))
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(talk) = self.0 {
            talk.ask("\n");
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

type Shared = Arc<Mutex<BufReader<Box<dyn Read + Send>>>>;

struct Source(Shared);

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut source = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        source.read(buffer)
    }
}

/// Reads key by key. The terminal's modes are left alone: see [`Modes`].
#[cfg(unix)]
fn read_unseen(source: Source) -> std::io::Result<String> {
    let config = rpassword::ConfigBuilder::new()
        .input_reader(source)
        .output_discard()
        .build();
    rpassword::read_password_with_config(config)
}

/// Reads from the console, whose keys are no bytes.
#[cfg(not(unix))]
fn read_unseen(_: Source) -> std::io::Result<String> {
    rpassword::read_password()
}

/// How the terminal was set, to be set again: whoever reads may be left waiting.
#[cfg(unix)]
struct Modes(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl Modes {
    /// Every key at once, and none shown. Ctrl-C is a key like the others: to be stopped in the
    /// midst of it would leave the terminal so.
    fn unseen() -> Modes {
        use rustix::termios::{
            LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr,
        };
        let modes = tcgetattr(std::io::stdin()).ok();
        if let Some(mut unseen) = modes.clone() {
            let cooked = LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
            unseen.local_modes.remove(cooked);
            unseen.special_codes[SpecialCodeIndex::VMIN] = 1;
            unseen.special_codes[SpecialCodeIndex::VTIME] = 0;
            // What cannot be set is read all the same, only seen.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &unseen);
        }
        Modes(modes)
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
    fn unseen() -> Modes {
        Modes
    }
}
