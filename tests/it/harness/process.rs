//! The real program as a process of its own. Its browser is a command that hands the address over
//! to the test's browser through a pipe.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use acspass::entra::browser::{Browser, Link};
use tempfile::TempDir;

use super::browser::{TestBrowser, leads_to};
use super::home::{Call, Home, Run};

/// Nothing here takes a fraction of it: who waits so long hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A running call. It is swept for secrets when it ends.
pub(crate) struct Process<'h> {
    home: &'h Home,
    child: Mortal,
    words: Vec<String>,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    lines: Receiver<String>,
    said: Receiver<String>,
    printed_address: Option<String>,
    handover: Option<Handover>,
}

impl<'h> Process<'h> {
    pub(super) fn start(command: &mut Command, call: Call<'h>, install: &str) -> Process<'h> {
        let words = call.words();
        let handover = call.browser.as_ref().map(Handover::new);
        command
            .args(&words)
            .env_clear()
            .envs(&call.home.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(handover) = &handover {
            command.env("BROWSER", handover.command());
        }
        let mut child = command.spawn().unwrap_or_else(|error| {
            let program = command.get_program();
            panic!("{program:?} does not start ({error}): {install}");
        });
        let (stdout, lines) = listen(child.stdout.take().expect("its output"));
        let (stderr, said) = listen(child.stderr.take().expect("its errors"));
        Process {
            home: call.home,
            child: Mortal(child),
            words,
            stdout,
            stderr,
            lines,
            said,
            printed_address: None,
            handover,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// The next line on its standard output, as it comes.
    pub(crate) fn next_line(&self) -> String {
        self.lines.recv_timeout(HANGS).expect("a line")
    }

    /// Waits for a line on its standard error that holds these words.
    pub(crate) fn says(&self, words: &str) {
        while !self.said.recv_timeout(HANGS).expect(words).contains(words) {}
    }

    /// Waits for an address on its standard error. A link to the dashboard carries a ticket by
    /// design; that line alone is cut out before the sweep.
    pub(crate) fn printed_address(&mut self) -> String {
        loop {
            let line = self.said.recv_timeout(HANGS).expect("an address");
            if line.trim_start().starts_with("http") {
                self.printed_address = Some(line.clone());
                return line.trim().to_owned();
            }
        }
    }

    /// What is in its `/proc/PID/status`, while it lives.
    pub(crate) fn status_kib(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Sends a signal, by the shell's own `kill`.
    pub(crate) fn signal(&self, name: &str) {
        let order = format!("kill -{name} {}", self.id());
        let sent = Command::new("sh").args(["-c", &order]).status();
        assert!(sent.expect("a shell").success(), "{order}");
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Run {
        let (tell, ended) = mpsc::channel();
        let id = self.id();
        let watchdog = std::thread::spawn(move || {
            if ended.recv_timeout(HANGS).is_err() {
                let order = format!("kill -KILL {id}");
                let _ = Command::new("sh").args(["-c", &order]).status();
            }
        });
        let status = self.child.0.wait().expect("it ends");
        tell.send(()).expect("it did not hang");
        watchdog.join().expect("the watchdog");
        let pages = self.handover.map(Handover::end).unwrap_or_default();
        let mut stderr = self.stderr.join().expect("its errors");
        if let Some(line) = &self.printed_address {
            stderr = stderr.replacen(line, "", 1);
        }
        let run = Run {
            code: status.code(),
            stdout: self.stdout.join().expect("its output"),
            stderr,
            pages,
        };
        self.home.sweep_run(&self.words, &run);
        run
    }
}

/// A process that does not outlive a test that has failed.
pub(super) struct Mortal(pub(super) Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        // Where it has ended, both say so, and that is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Keeps what a stream brings, and passes its lines on as they come.
fn listen(stream: impl Read + Send + 'static) -> (JoinHandle<String>, Receiver<String>) {
    let (tell, lines) = mpsc::channel();
    let keep = move || {
        let mut text = String::new();
        for line in BufReader::new(stream).lines() {
            let line = line.expect("text");
            text.push_str(&line);
            text.push('\n');
            // Only some tests listen.
            let _ = tell.send(line);
        }
        text
    };
    (std::thread::spawn(keep), lines)
}

/// The pipe from the browser command to the test's browser.
struct Handover {
    folder: TempDir,
    browser: Arc<TestBrowser>,
    reader: JoinHandle<()>,
}

impl Handover {
    fn new(browser: &Arc<TestBrowser>) -> Handover {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo, of coreutils").success());
        let opener = browser.clone();
        let reader = std::thread::spawn(move || {
            let url = std::fs::read_to_string(pipe).expect("an address");
            if !url.is_empty() {
                let start = url.trim();
                let link = Link::new(leads_to(start)).with_start(start);
                opener.open(&link).expect("it opens");
            }
        });
        Handover {
            folder,
            browser: browser.clone(),
            reader,
        }
    }

    fn pipe(&self) -> PathBuf {
        self.folder.path().join("pipe")
    }

    fn command(&self) -> String {
        let script = "printf '%s\\n' \"$1\" > \"$0\"";
        shell_words::join(["/bin/sh", "-c", script, &self.pipe().to_string_lossy()])
    }

    fn end(self) -> Vec<acspass::emulator::Page> {
        // Where nothing was opened, the reader still waits for somebody to write.
        let wake = OpenOptions::new().read(true).write(true).open(self.pipe());
        drop(wake.expect("the pipe"));
        if let Err(panic) = self.reader.join() {
            std::panic::resume_unwind(panic);
        }
        self.browser.pages()
    }
}
