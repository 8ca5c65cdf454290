//! What a person sees while they sign in: the address, the countdown, and what leads on where no
//! browser brings anything back.

use std::sync::atomic::Ordering;

use acspass::emulator::Options;

use crate::harness::brisk_clock::BriskClock;
use crate::harness::browser::redirect_port;
use crate::harness::{Home, Run, TestBrowser, http};

/// A sign-in that nobody finishes, in no time, with these variables.
fn unfinished(variables: &[(&str, &str)], at_terminal: bool, flags: &[&str]) -> Run {
    let clock = BriskClock::new();
    let (mut home, _emulator) = clock.home(Options::default());
    for (name, value) in variables {
        home.set(name, value);
    }
    let words = [&["login", "--timeout", "40s"], flags].concat();
    let call = home.call(&words).plainly().by_clock(&clock);
    let run = match at_terminal {
        true => call.at_terminal().run(),
        false => call.run(),
    };
    run.assert_error(3, &["sign-in timed out after 40 s"]);
    run
}

const TRUE: (&str, &str) = ("BROWSER", "/bin/true");

#[test]
fn a_browser_that_did_nothing_is_noticed_once_and_other_ways_are_named() {
    let run = unfinished(&[TRUE], true, &[]);
    let noticed = run.stderr.matches("Still waiting for sign-in").count();
    assert_eq!(noticed, 1, "{}", run.stderr);
    run.assert_says(&[
        "--device-code",
        "--paste",
        "open the address above",
        "\r\u{1b}[KWaiting for sign-in, 0:40 left. Press Ctrl-C to cancel.",
        "\r\u{1b}[KWaiting for sign-in, 0:01 left. Press Ctrl-C to cancel.",
    ]);
    // The countdown does not stay: each line that follows takes its place.
    let last = run.stderr.rfind("Waiting for").expect("a countdown");
    assert!(run.stderr[last..].contains("\r\u{1b}[Kerror: "));
    let before = run.stderr.find("0:25 left").expect("after 15 s");
    let notice = run.stderr.find("Still waiting").expect("the notice");
    assert!(notice < before && run.stderr[..notice].contains("0:26 left"));
}

#[test]
fn a_browser_that_came_is_not_suspected() {
    let clock = BriskClock::new();
    let (home, _emulator) = clock.home(Options::default());
    let came = clock.stands_still();
    let browser = TestBrowser::instead(move |url| {
        let (port, came) = (redirect_port(url), came.clone());
        // The listener is served only once this has returned.
        std::thread::spawn(move || {
            http::get(port, &format!("localhost:{port}"), "/favicon.ico");
            came.store(true, Ordering::Release);
        });
    });
    let words = ["login", "--timeout", "40s"];
    let run = home.call(&words).by(&browser).by_clock(&clock).run();
    run.assert_error(3, &["sign-in timed out"])
        .assert_does_not_say("Still waiting for sign-in");
}

#[test]
fn the_address_is_printed_first_on_a_terminal_only() {
    unfinished(&[TRUE], true, &[])
        .assert_says(&["Opening your browser. If nothing opens, visit: http://localhost:"]);
    let run = unfinished(&[TRUE], false, &[]);
    run.assert_says(&["Waiting up to 40 s", "Still waiting for sign-in"])
        .assert_does_not_say("(the address)");
    run.assert_does_not_say("\r");
    unfinished(&[TRUE], true, &["--quiet"]).assert_does_not_say("(the address)");
}

#[test]
fn over_ssh_the_line_that_forwards_the_port_is_printed() {
    let ssh = ("SSH_CONNECTION", "192.0.2.1 50000 198.51.100.7 22");
    for flags in [&["--no-browser"][..], &[]] {
        let flags = [flags, &["--port", "18473"]].concat();
        let run = unfinished(&[ssh], false, &flags);
        run.assert_says(&[
            "ssh -L 18473:localhost:18473 198.51.100.7",
            "--paste",
            "(the address)",
        ]);
    }
    let run = unfinished(&[], false, &["--no-browser"]);
    run.assert_does_not_say("ssh -L")
        .assert_does_not_say("Still waiting for sign-in");
}

#[test]
fn wsl_a_container_and_a_machine_without_display_are_recognised() {
    for (variable, words) in [
        (("container", "podman"), "This is a container"),
        (("CODESPACES", "true"), "This is a container"),
        (("SSH_TTY", "/dev/pts/1"), "This is an SSH session"),
        (("LANG", "C"), "This machine has no display"),
        // There is no `wslview` here, so that the address is printed.
        (("WSL_DISTRO_NAME", "Debian"), "This is WSL"),
    ] {
        let run = unfinished(&[variable], false, &[]);
        run.assert_says(&[words, "(the address)"]);
    }
}

#[test]
fn the_countdown_is_gone_before_the_result() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::walking();
    let call = home.call(&["login"]).plainly().at_terminal().by(&browser);
    call.run().assert_code(0).assert_says(&[
        "\r\u{1b}[KWaiting for sign-in, 5:00 left",
        "\r\u{1b}[KSigned in as ada@contoso.example.",
    ]);
}
