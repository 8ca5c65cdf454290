//! `get --copy` on a real X server, and over SSH in a real terminal.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::harness::{Home, Terminal};

const ACSPASS: &str = env!("CARGO_BIN_EXE_acspass");

/// An X server without a screen. Dropping it ends it, and all that it shows.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn start() -> Display {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb, of the package xvfb");
        let mut number = String::new();
        let stdout = server.stdout.take().expect("its output");
        BufReader::new(stdout)
            .read_line(&mut number)
            .expect("a number");
        let name = format!(":{}", number.trim());
        Display { server, name }
    }

    fn xclip(&self, words: &[&str]) -> Command {
        let mut xclip = Command::new("xclip");
        let words = [&["-selection", "clipboard"], words].concat();
        xclip.args(words).env("DISPLAY", &self.name);
        xclip
    }

    /// The content of the clipboard; empty if it has no owner.
    fn content(&self, target: &str) -> String {
        let read = self.xclip(&["-o", "-t", target]).output();
        let read = read.expect("xclip, of the package xclip");
        String::from_utf8(read.stdout).expect("text")
    }

    fn set(&self, text: &str) {
        let mut xclip = self.xclip(&["-i"]).stdin(Stdio::piped()).spawn();
        let xclip = xclip.as_mut().expect("xclip");
        let mut stdin = xclip.stdin.take().expect("its input");
        stdin.write_all(text.as_bytes()).expect("it reads");
        drop(stdin);
        xclip.wait().expect("it goes to the background");
    }

    /// Starts the process that holds the clipboard for this time, and waits until it does.
    fn hold(&self, secret: &str, seconds: &str) -> Child {
        let mut child = Command::new(ACSPASS)
            .args(["__clipboard", seconds])
            .env_clear()
            .env("DISPLAY", &self.name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("acspass starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(secret.as_bytes()).expect("it reads");
        drop(stdin);
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert_eq!(line, "copied\n");
        child
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The command lines and environments of the processes that hold the clipboard of this display. Only
/// root reads their environments: those of other displays are among them otherwise.
fn holders(display: &Display) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let text = |name: &str| String::from_utf8_lossy(&read(name)).into_owned();
        let (line, environment) = (text("cmdline"), text("environ"));
        let shown = format!("DISPLAY={}\0", display.name);
        let is_ours = environment.is_empty() || environment.contains(&shown);
        if line.contains("__clipboard") && is_ours {
            found.push((line, environment));
        }
    }
    found
}

#[test]
fn the_token_is_on_the_clipboard_marked_as_a_secret_and_nowhere_else() {
    let display = Display::start();
    let mut home = Home::new();
    home.set("DISPLAY", &display.name);
    let run = home.real(&["get", "--emulator", "--copy"]);
    run.assert_code(0);
    assert_eq!(run.stdout, "");
    run.assert_says(&["Copied the access token. The clipboard is cleared in 45 s."]);
    let token = display.content("UTF8_STRING");
    assert_eq!(token.split('.').count(), 3, "a token and nothing else");
    assert_eq!(display.content("x-kde-passwordManagerHint"), "secret");
    let holders = holders(&display);
    assert!(!holders.is_empty(), "a process holds it");
    for (line, environment) in &holders {
        for text in [line, environment, &run.stderr] {
            assert!(!text.contains(&token), "the token is in the clipboard only");
        }
        assert!(!environment.contains("ACSPASS"), "{environment:?}");
    }
    // The process ends with its display.
    drop(display);
}

#[test]
fn the_clipboard_is_cleared_in_time() {
    let display = Display::start();
    let mut child = display.hold("a secret", "1");
    assert_eq!(display.content("UTF8_STRING"), "a secret");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(display.content("UTF8_STRING"), "");
}

#[test]
fn what_the_user_copied_since_then_stays() {
    let display = Display::start();
    let mut child = display.hold("a secret", "1");
    display.set("another text");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(display.content("UTF8_STRING"), "another text");
}

#[test]
fn a_format_beside_the_token_is_refused() {
    let home = Home::new();
    for format in ["json", "env", "header"] {
        home.run(&["get", "--emulator", "--copy", "-o", format])
            .assert_code(2);
    }
    home.call(&["get", "--emulator", "--copy", "-o", "env"])
        .plainly()
        .run()
        .assert_error(2, &["--copy copies the token alone", "`-o env`"]);
}

#[test]
fn without_a_display_the_error_says_so() {
    let home = Home::new();
    home.real(&["get", "--emulator", "--copy"])
        .assert_error(2, &["no clipboard is available"]);
}

#[test]
fn over_ssh_without_a_terminal_nothing_is_copied() {
    let display = Display::start();
    let mut home = Home::new();
    home.set("DISPLAY", &display.name);
    home.set("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
    let mut setsid = Command::new("setsid");
    let call = home.call(&["get", "--emulator", "--copy"]);
    call.spawn_under(setsid.args(["-w", ACSPASS]), "util-linux")
        .end()
        .assert_error(2, &["OSC 52"]);
    assert_eq!(display.content("UTF8_STRING"), "");
}

#[test]
fn over_ssh_a_terminal_that_reports_the_clipboard_gets_the_token() {
    let mut home = Home::new();
    home.set("SSH_TTY", "/dev/pts/9");
    let mut terminal = Terminal::start(&home, &["get", "--emulator", "--copy"]);
    terminal.sees("\u{1b}[c").types("\u{1b}[?62;4;52c");
    terminal.sees("\u{1b}]52;c;ZXlK");
    let shown = terminal.ends(0);
    assert!(shown.contains("Copied the access token."), "{shown}");
    assert!(!shown.contains("eyJ"), "only the sequence has it: {shown}");
}

#[test]
fn over_ssh_a_terminal_without_the_clipboard_gets_a_notice_and_no_token() {
    let mut home = Home::new();
    home.set("SSH_TTY", "/dev/pts/9");
    let mut terminal = Terminal::start(&home, &["get", "--emulator", "--copy"]);
    terminal.sees("\u{1b}[c").types("\u{1b}[?62;22c");
    let shown = terminal.ends(2);
    assert!(shown.contains("OSC 52"), "{shown}");
    assert!(!shown.contains("]52;"), "{shown}");
}
