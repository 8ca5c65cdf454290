//! The real program in a pseudo-terminal of 80 columns and 24 lines, made by `script` (util-linux).

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use super::Home;
use super::process::Mortal;

/// Nothing here takes a fraction of it: who waits so long hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A call at a terminal. What it shows is standard output and standard error in one.
pub(crate) struct Terminal {
    child: Mortal,
    keys: ChildStdin,
    bytes: Receiver<Vec<u8>>,
    entry: String,
    /// How much of it has been waited for.
    read: usize,
}

impl Terminal {
    /// Calls the program with these words.
    pub(crate) fn start(home: &Home, words: &[&str]) -> Terminal {
        Terminal::run(home, &[&[env!("CARGO_BIN_EXE_acspass")], words].concat())
    }

    /// Calls the program with these words, and returns its process id as well.
    #[track_caller]
    pub(crate) fn start_with_id(home: &Home, words: &[&str]) -> (Terminal, u32) {
        let tells_id = ["sh", "-c", "echo id $$; exec \"$@\"", "sh"];
        let program = [&tells_id[..], &[env!("CARGO_BIN_EXE_acspass")], words].concat();
        let mut terminal = Terminal::run(home, &program);
        terminal.sees("id ");
        let id = terminal.line().parse().expect("a process id");
        (terminal, id)
    }

    /// Calls the program with these words, and returns the terminal's device file as well.
    #[track_caller]
    pub(crate) fn start_with_tty(home: &Home, words: &[&str]) -> (Terminal, PathBuf) {
        let tells_tty = ["sh", "-c", "echo tty $(tty); exec \"$@\"", "sh"];
        let program = [&tells_tty[..], &[env!("CARGO_BIN_EXE_acspass")], words].concat();
        let mut terminal = Terminal::run(home, &program);
        terminal.sees("tty ");
        let tty = terminal.line();
        (terminal, PathBuf::from(tty))
    }

    /// Runs this program.
    pub(crate) fn run(home: &Home, program: &[&str]) -> Terminal {
        // Ctrl-C is the program's; the shell lives on to tell how it ended.
        Terminal::line_of(
            home,
            &format!(
                "trap : INT QUIT; stty cols 80 rows 24; {}; echo code $?; stty -a",
                shell_words::join(program)
            ),
        )
    }

    /// An interactive shell, which stops and continues programs. `$ACSPASS` is the program. It is not
    /// bash, which restores the terminal itself when a program stops.
    pub(crate) fn shell(home: &Home) -> Terminal {
        Terminal::line_of(
            home,
            "stty cols 80 rows 24; PS1='at-the-shell> ' exec sh -i",
        )
    }

    /// What the terminal runs, as a line for a shell.
    fn line_of(home: &Home, line: &str) -> Terminal {
        let mut child = Command::new("script")
            .args(["-qfc", line, "/dev/null"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SHELL", "/bin/sh")
            .env("HOME", home.path())
            .env("NO_COLOR", "1")
            .env("TERM", "xterm")
            .env("ACSPASS", env!("CARGO_BIN_EXE_acspass"))
            .envs(&home.variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("script, of bsdutils");
        let keys = child.stdin.take().expect("its input");
        let mut screen = child.stdout.take().expect("its output");
        let (tell, bytes) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal {
            child: Mortal(child),
            keys,
            bytes,
            entry: String::new(),
            read: 0,
        }
    }

    /// Waits until this is shown, after what was waited for before.
    #[track_caller]
    pub(crate) fn sees(&mut self, words: &str) -> &mut Self {
        loop {
            if let Some(at) = self.entry[self.read..].find(words) {
                self.read += at + words.len();
                return self;
            }
            match self.bytes.recv_timeout(HANGS) {
                Ok(bytes) => self.entry.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("no `{words}` in: {}", &self.entry[self.read..]),
            }
        }
    }

    /// The rest of the line after what was waited for.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let from = self.read;
        self.sees("\r\n");
        self.entry[from..self.read].trim().to_owned()
    }

    /// All that was shown so far.
    pub(crate) fn shown(&self) -> &str {
        &self.entry
    }

    /// All that was shown before the end of what was waited for.
    pub(crate) fn shown_before(&self) -> &str {
        &self.entry[..self.read]
    }

    /// Presses these keys.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.keys.write_all(keys.as_bytes()).expect("a terminal");
        self.keys.flush().expect("a terminal");
        self
    }

    /// Waits for the end with this exit code, and for a terminal that is set as it was. Returns
    /// all that was shown.
    #[track_caller]
    pub(crate) fn ends(mut self, code: u8) -> String {
        self.sees(&format!("code {code}\r\n"));
        self.sees("isig icanon");
        self.sees(" echo ");
        drop(self.keys);
        self.child.0.wait().expect("it ends");
        self.entry
    }
}
