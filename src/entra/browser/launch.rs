//! Starts the desktop's browser, or the user's browser command.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::link::{Browser, Link, Opened};
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::hardening;
use crate::text::quoted;

// The shortest of the limits on a command line that one argument must fit in is Windows' 32,767.
const MAX_URL_LENGTH: usize = 16 * 1024;
/// The time for which a command is watched for an immediate failure.
const WATCHED: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(5);

const NEXT_STEP: &str = "Open the printed address in a browser, or set BROWSER to a browser \
                         command.";

/// The desktop's default browser.
#[derive(Debug, Clone, Default)]
pub struct SystemBrowser {
    files: Option<Folder>,
}

impl SystemBrowser {
    /// Creates a browser for links that have a start page.
    pub fn new() -> Self {
        SystemBrowser::default()
    }

    /// Opens links without a start page as well, by redirect files in this folder.
    #[must_use]
    pub fn with_redirect_files(self, folder: impl Into<Option<Folder>>) -> Self {
        SystemBrowser {
            files: folder.into(),
        }
    }
}

impl Browser for SystemBrowser {
    fn open(&self, link: &Link) -> Result<Opened> {
        let lent = link.lend(self.files.as_ref())?;
        check(&lent.address)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the only call that starts the desktop's browser"
        )]
        let opened = hardening::as_started(|| open::that_detached(&lent.address));
        // The error of `open` contains the command with the address.
        opened
            .map_err(|_| Error::usage("no browser could be opened on this machine", NEXT_STEP))?;
        Ok(Opened::by("the default browser").keeping(lent.file))
    }
}

/// A browser command as the user wrote it, which gets the address as its last argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserCommand {
    program: String,
    arguments: Vec<String>,
    files: Option<Folder>,
}

impl BrowserCommand {
    /// Splits the command into words as a shell does, without expansions.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it is empty or a quote is not closed.
    pub fn parse(command: &str) -> Result<Self> {
        let wrong = |message: &str| {
            Error::new(
                Kind::Usage,
                message,
                "Set BROWSER to a command such as `firefox --new-window`, or unset it.",
            )
        };
        let words = shell_words::split(command)
            .map_err(|_| wrong("the browser command in BROWSER has an unclosed quote"))?;
        match words.split_first() {
            Some((program, arguments)) if !program.is_empty() && !command.contains('\0') => {
                Ok(BrowserCommand {
                    program: program.clone(),
                    arguments: arguments.to_vec(),
                    files: None,
                })
            }
            _ => Err(wrong("the browser command in BROWSER names no program")),
        }
    }

    /// Opens links without a start page as well, by redirect files in this folder.
    #[must_use]
    pub fn with_redirect_files(self, folder: impl Into<Option<Folder>>) -> Self {
        BrowserCommand {
            files: folder.into(),
            ..self
        }
    }

    /// Returns the program, as written in the command.
    pub fn program(&self) -> &str {
        &self.program
    }
}

impl Browser for BrowserCommand {
    fn open(&self, link: &Link) -> Result<Opened> {
        let lent = link.lend(self.files.as_ref())?;
        check(&lent.address)?;
        let failed = |what: &str| {
            Error::new(
                Kind::Usage,
                format!("the browser command {} {what}", quoted(&self.program)),
                NEXT_STEP,
            )
        };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(&lent.address);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        detach(&mut command);
        let mut child = hardening::as_started(|| command.spawn())
            .map_err(|source| failed("could not be started").caused_by(source))?;
        let opened = Opened::by(quoted(&self.program)).keeping(lent.file);
        match ended_at_once(&mut child) {
            Some(false) => Err(failed("failed")),
            Some(true) => Ok(opened),
            None => Ok(opened.of_command(child)),
        }
    }
}

/// Starts the browser in another process group, so that Ctrl-C does not end it.
fn detach(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(
        command,
        DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP,
    );
    #[cfg(not(any(unix, windows)))]
    let _ = command;
}

#[cfg(windows)]
const DETACHED_PROCESS: u32 = 0x0000_0008;
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;

/// Returns whether the command succeeded, if it ends within [`WATCHED`]. Starts no thread, because
/// `serve` confines itself afterwards and cannot confine a running thread.
fn ended_at_once(child: &mut Child) -> Option<bool> {
    for _ in 0..WATCHED.as_millis() / PAUSE.as_millis() {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => std::thread::sleep(PAUSE),
            Err(_) => return None,
        }
    }
    None
}

/// Refuses an address that a launcher could misread: an option, a second line, another scheme. A
/// `file` address is that of a redirect file.
fn check(url: &str) -> Result<()> {
    let schemes = ["http://", "https://", "file:///"];
    let is_web = schemes.iter().any(|scheme| url.starts_with(scheme));
    let is_plain = url.len() <= MAX_URL_LENGTH && url.bytes().all(|byte| byte.is_ascii_graphic());
    match is_web && is_plain && url::Url::parse(url).is_ok() {
        true => Ok(()),
        false => Err(Error::internal(
            "the sign-in address is not a plain web address",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://login.test/authorize?scope=a%20b&x=$(touch%20x)`id`;'\"%s&state=1";

    fn starting(url: &str) -> Link {
        Link::new("https://login.test/authorize?state=marker").with_start(url)
    }

    #[test]
    fn commands_are_split_as_a_shell_splits_words() {
        let command = BrowserCommand::parse(r#"'my browser' --profile "a b" $HOME %s"#);
        assert_eq!(
            command.expect("well quoted"),
            BrowserCommand {
                program: "my browser".to_owned(),
                arguments: ["--profile", "a b", "$HOME", "%s"]
                    .map(str::to_owned)
                    .to_vec(),
                files: None,
            }
        );
        for text in ["", "  ", "'open", "''", "\"", "a\0b"] {
            let error = BrowserCommand::parse(text).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
        }
    }

    #[test]
    fn only_plain_web_addresses_are_opened() {
        let long = format!("https://login.test/{}", "a".repeat(MAX_URL_LENGTH));
        for url in [
            "",
            "javascript:alert(1)",
            "--version",
            "HTTPS",
            "https://",
            " https://login.test/",
            "https://login.test/\r\nx",
            "https://login.test/a b",
            "https://login.test/\t",
            "https://login.test/\u{7f}",
            "https://lögin.test/",
            &long,
        ] {
            let command = BrowserCommand::parse("true").expect("a command");
            assert!(command.open(&starting(url)).is_err(), "{url}");
            assert!(SystemBrowser::new().open(&starting(url)).is_err(), "{url}");
        }
        assert!(check(URL).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn the_address_is_one_argument_and_passes_no_shell() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        let script = r#"printf '%s\n' "$#" "$2" > "$1""#;
        let text = shell_words::join(["sh", "-c", script, "sh", &pipe.to_string_lossy()]);
        let command = BrowserCommand::parse(&text).expect("a command");
        let reader = std::thread::spawn(move || std::fs::read_to_string(pipe));
        assert_eq!(command.open(&starting(URL)).expect("opened").name(), "`sh`");
        let output = reader.join().expect("read").expect("text");
        assert_eq!(output, format!("2\n{URL}\n"));
    }

    #[cfg(unix)]
    #[test]
    fn without_a_start_page_the_command_gets_a_file_that_leads_to_the_target() {
        let folder = tempfile::tempdir().expect("a folder");
        let seen = folder.path().join("seen");
        let script = r#"printf '%s' "$1" > "$0""#;
        let text = shell_words::join(["sh", "-c", script, &seen.to_string_lossy()]);
        let command = BrowserCommand::parse(&text).expect("a command");
        let link = Link::new("https://login.test/authorize?state=marker");
        let error = command.open(&link).expect_err("there is no folder");
        assert_eq!(error.kind(), Kind::Usage);

        let command = command.with_redirect_files(Folder::new(folder.path().join("files")));
        let opened = command.open(&link).expect("opened");
        let address = std::fs::read_to_string(&seen).expect("the command ran");
        let path = url::Url::parse(&address).expect("an address");
        let path = path.to_file_path().expect("a file");
        let page = std::fs::read_to_string(&path).expect("it is kept");
        assert!(page.contains("state=marker") && !address.contains("marker"));
        drop(opened);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn command_that_fails_at_once_is_an_error_and_one_that_stays_is_not() {
        for text in ["false", "/nonexistent/browser --new-window"] {
            let command = BrowserCommand::parse(text).expect("a command");
            let error = command.open(&starting(URL)).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage);
            let chain = format!("{error:?}");
            assert!(!chain.contains("login.test"), "{chain}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_browser_that_stays_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        let text = shell_words::join(["sh", "-c", "read x < \"$0\"", &pipe.to_string_lossy()]);
        let command = BrowserCommand::parse(&text).expect("a command");
        // The command cannot end before the line is written, which is after this returned.
        assert!(command.open(&starting(URL)).is_ok());
        std::fs::write(&pipe, "end\n").expect("the command reads");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn browser_that_ends_after_its_page_leaves_no_zombie() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        let script = "echo $$ > \"$0.id\"; read x < \"$0\"";
        let text = shell_words::join(["sh", "-c", script, &pipe.to_string_lossy()]);
        let command = BrowserCommand::parse(&text).expect("a command");
        let opened = command.open(&starting(URL)).expect("opened");
        std::fs::write(&pipe, "end\n").expect("the command reads");
        let id = std::fs::read_to_string(folder.path().join("pipe.id")).expect("its id");
        let process = std::path::Path::new("/proc").join(id.trim());
        assert!(process.exists(), "it is this process that waits for it");
        drop(opened);
        let start = std::time::Instant::now();
        while process.exists() {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "a zombie is left"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
