//! The clipboard of the terminal at the other end of an SSH session, by the control sequence OSC 52
//! (xterm, "Operating System Commands").
//!
//! A terminal that takes the sequence says so: `52` is among the extensions in its answer to the request
//! for its attributes (DA1). tmux takes it if its option `set-clipboard` is `on`, and passes it on.
//! Other terminals would print the token or drop it, so they get nothing.

#[cfg(any(unix, test))]
use base64::Engine;
#[cfg(any(unix, test))]
use base64::engine::general_purpose::STANDARD;
#[cfg(unix)]
use zeroize::Zeroizing;

use crate::cli::environment::Environment;
use crate::error::{Error, Result};

/// Copies a secret to the terminal's clipboard, which nothing clears: no sequence reads it back.
#[cfg(unix)]
pub(super) async fn copy(secret: &str, env: &Environment) -> Result<String> {
    use std::io::Write;

    let mut terminal = device::open().map_err(|cause| unavailable(env).caused_by(cause))?;
    let accepts = match env.variable(crate::cli::env_vars::TMUX) {
        Some(_) => device::tmux_accepts(env).await,
        None => has_clipboard(&device::attributes(&terminal).await?),
    };
    if !accepts {
        return Err(unavailable(env));
    }
    let sequence = Zeroizing::new(sequence(secret));
    let written = terminal.write_all(sequence.as_bytes());
    written.map_err(|cause| unavailable(env).caused_by(cause))?;
    Ok("The clipboard of the terminal has it until you copy something else.".to_owned())
}

/// Returns the error: this system's terminals are not asked.
#[cfg(not(unix))]
pub(super) async fn copy(_secret: &str, env: &Environment) -> Result<String> {
    Err(unavailable(env))
}

fn unavailable(env: &Environment) -> Error {
    let hint = match env.variable(crate::cli::env_vars::TMUX) {
        Some(_) => "Run `tmux set-option -g set-clipboard on`, then run the command again.",
        None => {
            "Run `acspass get` without --copy, or use a terminal that takes OSC 52 and reports it, such \
             as foot, kitty or xterm with `allowWindowOps`."
        }
    };
    Error::usage(
        "this SSH session has no clipboard: the terminal does not report that it takes OSC 52",
        hint,
    )
}

#[cfg(any(unix, test))]
fn sequence(secret: &str) -> String {
    format!("\x1b]52;c;{}\x07", STANDARD.encode(secret))
}

/// Whether the answer to DA1, `ESC [ ? 62 ; 52 c`, has the extension for the clipboard.
#[cfg(any(unix, test))]
fn has_clipboard(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((_, attributes)) = answer.rsplit_once("\x1b[?") else {
        return false;
    };
    let attributes = attributes.split('c').next().unwrap_or_default();
    attributes
        .split(';')
        .skip(1)
        .any(|extension| extension == "52")
}

#[cfg(unix)]
mod device {
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::process::Stdio;
    use std::sync::Arc;
    use std::time::Duration;

    use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
    use tokio::process::Command;

    use crate::cli::environment::Environment;
    use crate::cli::prompt::echo;
    use crate::error::{Error, Result};

    /// The limit for tmux.
    const TIMEOUT: Duration = Duration::from_secs(2);
    /// The limit for an answer of the terminal, in tenths of a second: a connection may be slow.
    const ANSWER_TENTHS: u8 = 20;
    /// Longer than any answer, in bytes.
    const MAX_ANSWER_BYTES: usize = 256;

    pub(super) fn open() -> io::Result<File> {
        File::options().read(true).write(true).open("/dev/tty")
    }

    /// Asks the terminal for its attributes (DA1). The answer is empty if none came in time.
    pub(super) async fn attributes(terminal: &File) -> Result<Vec<u8>> {
        let failed = |cause: io::Error| {
            Error::usage(
                "the terminal cannot be asked",
                "Run `acspass get` without --copy.",
            )
            .caused_by(cause)
        };
        let device: echo::Device = Arc::new(terminal.try_clone().map_err(failed)?);
        let mut terminal = terminal;
        let work = async {
            // The modes from before are restored when this work ends.
            let mut modes = tcgetattr(terminal).map_err(|cause| failed(cause.into()))?;
            modes.special_codes[SpecialCodeIndex::VMIN] = 0;
            modes.special_codes[SpecialCodeIndex::VTIME] = ANSWER_TENTHS;
            let set = tcsetattr(terminal, OptionalActions::Now, &modes);
            set.map_err(|cause| failed(cause.into()))?;
            terminal.write_all(b"\x1b[c").map_err(failed)?;
            let mut answer = Vec::new();
            let mut byte = [0];
            while answer.len() < MAX_ANSWER_BYTES && answer.last() != Some(&b'c') {
                match terminal.read(&mut byte).map_err(failed)? {
                    0 => break,
                    _ => answer.push(byte[0]),
                }
            }
            Ok(answer)
        };
        echo::hidden(&device, || {}, work).await
    }

    /// Whether tmux takes the sequence from programs.
    pub(super) async fn tmux_accepts(env: &Environment) -> bool {
        let mut tmux = Command::new("tmux");
        tmux.args(["show-options", "-gqv", "set-clipboard"])
            .env_clear()
            .envs(&env.variables)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        match tokio::time::timeout(TIMEOUT, tmux.output()).await {
            Ok(Ok(output)) => output.stdout.trim_ascii() == b"on",
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_for_the_clipboard_is_found_in_the_answer() {
        for (answer, has) in [
            ("\x1b[?62;4;22;52c", true),
            ("\x1b[?64;52c", true),
            ("typed\x1b[?62;52c", true),
            ("\x1b[?62;22c", false),
            ("\x1b[?62;152c", false),
            ("\x1b[?52c", false),
            ("52c", false),
            ("", false),
        ] {
            assert_eq!(has_clipboard(answer.as_bytes()), has, "{answer:?}");
        }
    }

    #[test]
    fn the_sequence_has_base64_and_ends_with_bel() {
        assert_eq!(sequence("token"), "\x1b]52;c;dG9rZW4=\x07");
    }
}
