//! Hidden prompts in a real terminal: nothing that is typed is shown, and whatever ends or stops the
//! program, the terminal shows again what is typed. Issue 10, item 16.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;

use acspass::cli::{self, Environment, Input};
use acspass::emulator::Emulator;

use crate::harness::{Home, Terminal};

const NEW: &str = "New passphrase for the token store (not shown): ";
const AGAIN: &str = "Confirm passphrase: ";
const OPEN: &str = "Passphrase of the token store (not shown): ";
const CONNECTION_STRING: &str = "Connection string (not shown): ";

/// A home with sealed files under a passphrase that is still to be chosen.
fn sealed() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("ACSPASS_STORE", "file");
    for variable in ["ACSPASS_CONFIG_DIR", "ACSPASS_STATE_DIR"] {
        let folder = home.path().join("acspass").display().to_string();
        home.set(variable, &folder);
    }
    (home, emulator)
}

fn signal(name: &str, id: u32) {
    let order = format!("kill -{name} {id}");
    let sent = Command::new("sh").args(["-c", &order]).status();
    assert!(sent.expect("a shell").success(), "{order}");
}

#[test]
fn ctrl_c_and_signals_at_the_passphrase_prompt_restore_the_echo() {
    let (home, _emulator) = sealed();
    for key in ["\u{3}", "\u{1c}"] {
        let mut terminal = Terminal::start(&home, &["login"]);
        terminal.sees(NEW).types("secret-typed");
        terminal.types(key);
        let shown = terminal.ends(130);
        assert!(!shown.contains("secret-typed"), "{shown}");
    }
    for name in ["INT", "TERM", "HUP", "QUIT"] {
        let (mut terminal, id) = Terminal::start_with_id(&home, &["login"]);
        terminal.sees(NEW);
        signal(name, id);
        let shown = terminal.ends(130);
        assert!(shown.contains("error: interrupted"), "{shown}");
    }
}

#[test]
fn ctrl_c_and_signals_at_the_connection_string_prompt_restore_the_echo() {
    let (home, _emulator) = sealed();
    let words = ["config", "set", "connection-string"];
    let mut terminal = Terminal::start(&home, &words);
    terminal.sees(CONNECTION_STRING).types("endpoint=\u{3}");
    terminal.ends(130);
    for name in ["TERM", "HUP"] {
        let (mut terminal, id) = Terminal::start_with_id(&home, &words);
        terminal.sees(CONNECTION_STRING);
        signal(name, id);
        terminal.ends(130);
    }
    let mut terminal = Terminal::start(&home, &words);
    terminal.sees(CONNECTION_STRING).types("\u{4}");
    terminal.ends(2);
}

#[test]
fn passphrases_that_differ_or_are_empty_are_asked_for_again() {
    let (home, emulator) = sealed();
    let words = ["config", "set", "connection-string"];
    let text = emulator.http_connection_string();
    let mut terminal = Terminal::start(&home, &words);
    terminal.sees(CONNECTION_STRING).types(&format!("{text}\n"));
    for (first, second) in [
        ("", None),
        ("one", Some("two")),
        ("on", Some("one")),
        ("x", Some("")),
    ] {
        terminal.sees(NEW).types(&format!("{first}\n"));
        match second {
            None => terminal.sees("The passphrase is empty"),
            Some(second) => {
                terminal.sees(AGAIN).types(&format!("{second}\n"));
                terminal.sees("The passphrases differ")
            }
        };
    }
    terminal.sees(NEW).types("dragée\u{7f}\u{7f}ée\n");
    terminal.sees(AGAIN).types("dragée\n");
    terminal.sees("the connection string of");
    let shown = terminal.ends(0);
    assert!(!shown.contains("drag"), "{shown}");

    // Standard input and standard error are others: the terminal itself is asked.
    let line = format!(
        "printf x | {} login --no-browser --timeout 1s 2>{}",
        env!("CARGO_BIN_EXE_acspass"),
        home.path().join("said").display()
    );
    let mut terminal = Terminal::run(&home, &["sh", "-c", &line]);
    terminal.sees(OPEN).types("dragée\n");
    let shown = terminal.ends(3);
    assert!(!shown.contains("drag"), "{shown}");
    let said = std::fs::read_to_string(home.path().join("said")).expect("standard error");
    assert!(said.contains("Open this address"), "{said}");
}

#[test]
fn wrong_passphrase_is_asked_for_three_times_and_loses_nothing() {
    let (home, emulator) = sealed();
    let set = ["config", "set", "connection-string"];
    let text = emulator.http_connection_string();
    let mut terminal = Terminal::start(&home, &set);
    terminal.sees(CONNECTION_STRING).types(&format!("{text}\n"));
    terminal.sees(NEW).types("dragon\n");
    terminal.sees(AGAIN).types("dragon\n");
    terminal.ends(0);
    let before = sealed_files(&home);
    assert!(!before.is_empty());

    // What opens a sealed file, and what adds one.
    for words in [&["user", "create"][..], &["login", "--no-browser"]] {
        let mut terminal = Terminal::start(&home, words);
        terminal.sees(OPEN).types("wyvern-1\n");
        terminal.sees("Wrong passphrase. 2 more tries");
        terminal.sees(OPEN).types("\n");
        terminal.sees("The passphrase is empty");
        terminal.sees(OPEN).types("wyvern-2\n");
        terminal.sees("Wrong passphrase. 1 more try");
        terminal.sees(OPEN).types("wyvern-3\n");
        terminal.sees("error: wrong passphrase");
        let shown = terminal.ends(7);
        assert_eq!(shown.matches(OPEN).count(), 4, "{shown}");
        assert!(!shown.contains("wyvern"), "{shown}");
        assert_eq!(sealed_files(&home), before, "{words:?}");
    }

    // The right one at the last try, and an interruption or the end of the input at the second.
    let mut terminal = Terminal::start(&home, &["user", "create"]);
    for _ in 0..2 {
        terminal.sees(OPEN).types("wyvern\n");
        terminal.sees("Wrong passphrase");
    }
    terminal.sees(OPEN).types("dragon\n");
    let shown = terminal.ends(0);
    assert!(shown.contains("8:acs:"), "{shown}");
    for (keys, code) in [("\u{3}", 130), ("\u{4}", 7)] {
        let mut terminal = Terminal::start(&home, &["user", "create"]);
        terminal.sees(OPEN).types("wyvern\n");
        terminal.sees(OPEN).types(keys);
        terminal.ends(code);
    }
    assert_eq!(sealed_files(&home), before);
}

/// The sealed files by name, whole.
fn sealed_files(home: &Home) -> BTreeMap<String, Vec<u8>> {
    let folder = home.path().join("acspass/sealed");
    let entries = std::fs::read_dir(folder).expect("the folder of sealed files");
    let files = entries.map(|entry| entry.expect("an entry"));
    files
        .filter(|file| file.file_name() != "lock")
        .map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(file.path()).expect("a file"))
        })
        .collect()
}

#[test]
fn ctrl_z_restores_the_echo_and_fg_asks_again_unseen() {
    let (home, _emulator) = sealed();
    let mut shell = Terminal::shell(&home);
    shell.sees("at-the-shell> ").types("\"$ACSPASS\" login\n");
    shell.sees(NEW).types("before-the-stop");
    shell.types("\u{1a}");
    shell.sees("Stopped");
    shell.sees("at-the-shell> ").types("stty -a\n");
    shell.sees("isig icanon").sees(" echo ");
    shell.sees("at-the-shell> ").types("fg\n");
    shell.sees(NEW).types("after-the-stop");
    // A second time, from the state after a stop.
    shell.types("\u{1a}").sees("Stopped");
    shell.sees("at-the-shell> ").types("stty -a\n");
    shell.sees(" echo ");
    shell.sees("at-the-shell> ").types("fg\n");
    shell.sees(NEW).types("\u{3}");
    shell.sees("error: interrupted");
    shell.sees("at-the-shell> ").types("echo code $?\n");
    shell.sees("code 130");
    shell.sees("at-the-shell> ").types("stty -a\n");
    shell.sees("isig icanon").sees(" echo ");
    let shown = shell.shown().to_owned();
    assert!(!shown.contains("the-stop"), "{shown}");
    shell.sees("at-the-shell> ").types("exit\n");
}

#[test]
fn ctrl_z_while_a_sign_in_waits_still_stops_the_program_after_a_hidden_prompt() {
    let (home, _emulator) = sealed();
    let mut shell = Terminal::shell(&home);
    shell.sees("at-the-shell> ").types("\"$ACSPASS\" login\n");
    shell.sees(NEW).types("dragon\n");
    shell.sees(AGAIN).types("dragon\n");
    shell.sees("Waiting for sign-in").types("\u{1a}");
    shell.sees("Stopped");
    shell.sees("at-the-shell> ").types("fg\n");
    shell.sees("Waiting for sign-in").types("\u{3}");
    shell.sees("error: interrupted");
    shell.sees("at-the-shell> ").types("echo code $?\n");
    shell.sees("code 130");
    shell.sees("at-the-shell> ").types("exit\n");
}

#[test]
fn panic_restores_the_echo_before_it_is_reported() {
    let home = Home::new();
    let me = std::env::current_exe().expect("this test");
    let me = me.to_str().expect("a path");
    let child = "hidden_input::panicking_child";
    let words = [me, "--exact", child, "--ignored", "--nocapture"];
    let mut terminal = Terminal::run(&home, &words);
    terminal.sees(CONNECTION_STRING);
    terminal.sees("before the panic: echo off");
    terminal.sees("a panic of the test");
    terminal.sees("after the panic: echo on");
    terminal.ends(0);
}

#[test]
#[ignore = "the process that `panic_restores_the_echo_before_it_is_reported` starts"]
fn panicking_child() {
    let mut env = Environment::new([], Input::new(Panicking, true), std::io::stderr());
    env.stderr_is_terminal = true;
    let words = ["acspass", "config", "set", "connection-string"];
    cli::run(words.map(Into::into).to_vec(), env, std::io::stdout());
}

/// The keyboard of a program with a fault.
struct Panicking;

impl Read for Panicking {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        let mut screen = std::io::stdout();
        writeln!(screen, "before the panic: echo {}", echo())?;
        let _ = std::panic::catch_unwind(|| panic!("a panic of the test"));
        writeln!(screen, "after the panic: echo {}", echo())?;
        Ok(0)
    }
}

/// Whether the terminal shows what is typed.
fn echo() -> &'static str {
    let modes = Command::new("stty").args(["-F", "/dev/tty", "-a"]).output();
    let modes = String::from_utf8(modes.expect("stty").stdout).expect("text");
    match modes.split_whitespace().any(|mode| mode == "echo") {
        true => "on",
        false => "off",
    }
}
