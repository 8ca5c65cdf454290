//! The process that holds the clipboard: a child of this program, which gets the secret by a pipe and
//! clears the clipboard later.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::Stdio;
use std::time::Duration;

use arboard::Clipboard;
#[cfg(target_os = "macos")]
use arboard::SetExtApple;
#[cfg(all(unix, not(target_os = "macos")))]
use arboard::SetExtLinux;
#[cfg(windows)]
use arboard::SetExtWindows;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use zeroize::Zeroizing;

#[cfg(unix)]
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::error::{Error, Result};
use crate::text::one_line;

/// The first argument of the child.
const WORD: &str = "__clipboard";
/// The time after which the clipboard is cleared.
const SECONDS: u64 = 45;
/// The line by which the child reports that the clipboard has the secret.
const COPIED: &str = "copied";
/// The limit for the start of the child. A display server that hangs does not answer at all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any token, in bytes.
const MAX_SECRET_BYTES: u64 = 256 * 1024;

/// Copies a secret by a child that holds it.
pub(super) async fn copy(secret: &str, env: &Environment) -> Result<String> {
    let unavailable = |cause: String| {
        Error::usage(
            "no clipboard is available",
            "Run `acspass get` without --copy, in a session with a display.",
        )
        .caused_by(cause)
    };
    let Some(program) = &env.program else {
        return Err(Error::internal("the path of this program is unknown"));
    };
    let mut command = Command::new(program);
    command
        .args([WORD, &SECONDS.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    #[cfg(unix)]
    {
        // Of its own group, the child outlives the terminal. It needs the display and no secret.
        command.process_group(0).current_dir("/").env_clear();
        let display = var::CLIPBOARD.iter();
        command.envs(display.filter_map(|name| Some((name, env.path_variable(name)?))));
    }
    #[cfg(windows)]
    {
        const DETACHED_PROCESS: u32 = 0x8;
        command.creation_flags(DETACHED_PROCESS);
    }
    let started = async {
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(secret.as_bytes()).await?;
        }
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).await?;
        }
        io::Result::Ok(line)
    };
    let line = tokio::time::timeout(TIMEOUT, started).await;
    let line = line
        .map_err(|_| unavailable(format!("no answer within {} s", TIMEOUT.as_secs())))?
        .map_err(|cause| unavailable(cause.to_string()))?;
    match line.trim() {
        COPIED => Ok(format!("The clipboard is cleared in {SECONDS} s.")),
        reason => Err(unavailable(one_line(reason, 300))),
    }
}

/// Whether the arguments are those of the child.
pub(in crate::cli) fn is_called(arguments: &[OsString]) -> bool {
    arguments.get(1).is_some_and(|word| word == WORD)
}

/// Holds the secret on standard input, as the child. Prints one line: the success or the reason.
pub(in crate::cli) fn hold(arguments: &[OsString], env: &Environment, stdout: impl Write) -> u8 {
    let seconds = arguments
        .get(2)
        .and_then(|text| text.to_str()?.parse().ok());
    let secret = env.stdin.read_all(MAX_SECRET_BYTES).ok();
    let secret =
        secret.and_then(|bytes| Some(Zeroizing::new(str::from_utf8(&bytes).ok()?.to_owned())));
    let (Some(seconds), Some(secret)) = (seconds, secret) else {
        return 2;
    };
    let mut report = Report(stdout);
    match hold_for(Duration::from_secs(seconds), &secret, &mut report) {
        Ok(()) => 0,
        Err(error) => {
            report.line(&error.to_string());
            1
        }
    }
}

/// Sets the clipboard, and clears it after this time unless it has another content then.
fn hold_for(
    time: Duration,
    secret: &str,
    report: &mut Report<impl Write>,
) -> Result<(), arboard::Error> {
    let mut clipboard = Clipboard::new()?;
    let set = clipboard.set().exclude_from_history();
    #[cfg(windows)]
    let set = set.exclude_from_cloud().exclude_from_monitoring();
    set.text(secret)?;
    report.line(COPIED);
    std::thread::sleep(time);
    // On X11, an owner that ends hands its content over to the clipboard manager.
    match clipboard.get_text().map(Zeroizing::new) {
        Ok(text) if *text == secret => clipboard.clear(),
        _ => Ok(()),
    }
}

/// The pipe to the parent, which may have ended.
struct Report<W>(W);

impl<W: Write> Report<W> {
    fn line(&mut self, text: &str) {
        if let Err(error) = writeln!(self.0, "{text}").and_then(|()| self.0.flush()) {
            tracing::debug!("The parent process has ended: {error}.");
        }
    }
}
