//! SIGKILL of the command, of acspass, and of the process that started it: no listener, file or
//! process is left.

use std::process::Command;
use std::time::Instant;

use super::server::{Served, WAITS, home, names};
use crate::harness::home::Home;
use crate::harness::left;
use crate::harness::process::Process;
use crate::harness::wait_until;

/// A core limit by which a process that has begun `main` is recognised: acspass then has none.
const BEFORE_MAIN: &str = "1234";

/// Starts `exec --server` as the child of a shell.
fn start<'h>(home: &'h Home, script: &str) -> Process<'h> {
    let place = home.path().display().to_string();
    let words = [
        "exec",
        "--emulator",
        "--server",
        "--",
        "sh",
        "-c",
        script,
        &place,
    ];
    let mut shell = Command::new("sh");
    let start = format!("ulimit -S -c {BEFORE_MAIN}; \"$0\" \"$@\"; true");
    shell.args(["-c", &start, env!("CARGO_BIN_EXE_acspass")]);
    let call = home.call(&words).plainly();
    call.spawn_under(&mut shell, "there is a shell")
}

fn kill(process: u32) {
    let order = format!("kill -KILL {process}");
    let sent = Command::new("sh").args(["-c", &order]).status();
    assert!(sent.expect("a shell").success(), "{order}");
}

/// Waits until no process of this home is left, and no file of a service.
fn wait_until_nothing_is_left(home: &Home, what: &str) {
    let place = home.path().display().to_string();
    wait_until(
        &format!("no process is left after a kill of {what}"),
        || left::processes(&place).is_empty(),
    );
    assert_eq!(names(home), ["lock"], "{what}");
}

#[test]
fn nothing_is_left_after_a_kill_of_the_command_of_acspass_or_of_its_parent() {
    let stubborn = format!("trap '' TERM HUP INT; {WAITS}");
    for script in [WAITS, &stubborn] {
        for victim in ["the command", "acspass", "the parent"] {
            let home = home();
            let process = start(&home, script);
            let served = Served::from(&process.next_line());
            let listeners = left::listeners_of(served.acspass);
            // Of the service and of the emulator, each on one or two loopback addresses.
            assert!(listeners.len() >= 4, "{listeners:?}");
            let place = home.path().display().to_string();
            // A process that has just been started can be its parent's copy for a moment.
            wait_until("the shell, acspass, its guard and the command run", || {
                left::processes(&place).len() == 4
            });
            kill(match victim {
                "the command" => served.command,
                "acspass" => served.acspass,
                _ => process.id(),
            });
            wait_until_nothing_is_left(&home, victim);
            assert!(left::listeners().is_disjoint(&listeners), "{victim}");
            process.end();
        }
    }
}

#[test]
fn nothing_is_left_after_a_kill_at_any_instant() {
    const KILLS: u32 = 40;
    let home = home();
    let place = home.path().display().to_string();
    let words = [
        "exec",
        "--emulator",
        "--server",
        "--",
        "sh",
        "-c",
        WAITS,
        &place,
    ];
    let begin = Instant::now();
    let process = home.call(&words).plainly().spawn();
    process.next_line();
    let start = begin.elapsed();
    process.signal("KILL");
    process.end();
    let mut early = 0;
    for round in 0..KILLS {
        let process = home.call(&words).plainly().spawn();
        // Spread over the start and a little more.
        let instant = Instant::now() + start * round / KILLS * 5 / 4;
        while Instant::now() < instant {
            std::thread::yield_now();
        }
        process.signal("KILL");
        early += u32::from(process.end().stdout.is_empty());
        wait_until(&format!("no process is left in round {round}"), || {
            left::processes(&place).is_empty()
        });
        assert_eq!(names(&home), ["lock"], "round {round}");
    }
    assert!(early > 0, "no kill was during the start");
}

/// Waits until a child of this shell has begun `main`, which closes it to cores.
fn wait_for_main(shell: u32) {
    let text = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let is_closed = |child: &str| {
        let limits = text(format!("/proc/{child}/limits"));
        let core = limits.lines().find(|line| line.contains("core file"));
        core.is_some_and(|core| core.split_whitespace().nth(4) == Some("0"))
    };
    wait_until("acspass has begun", || {
        let children = text(format!("/proc/{shell}/task/{shell}/children"));
        children.split_whitespace().any(is_closed)
    });
}

#[test]
fn nothing_is_left_after_a_kill_of_the_parent_at_any_instant() {
    const KILLS: u32 = 16;
    let home = home();
    let begin = Instant::now();
    let shell = start(&home, WAITS);
    shell.next_line();
    let time = begin.elapsed();
    kill(shell.id());
    wait_until_nothing_is_left(&home, "the parent of a running command");
    shell.end();
    let mut early = 0;
    for round in 0..KILLS {
        let shell = start(&home, WAITS);
        wait_for_main(shell.id());
        let instant = Instant::now() + time * round / KILLS;
        while Instant::now() < instant {
            std::thread::yield_now();
        }
        kill(shell.id());
        let place = home.path().display().to_string();
        wait_until(&format!("no process is left in round {round}"), || {
            left::processes(&place).is_empty()
        });
        assert_eq!(names(&home), ["lock"], "round {round}");
        early += u32::from(shell.end().stdout.is_empty());
    }
    assert!(early > 0, "no kill was during the start");
}

#[test]
fn folder_that_outlived_its_guard_is_removed_by_the_next_run() {
    let home = home();
    let place = home.path().display().to_string();
    let words = [
        "exec",
        "--emulator",
        "--server",
        "--",
        "sh",
        "-c",
        WAITS,
        &place,
    ];
    let process = home.call(&words).plainly().spawn();
    let served = Served::from(&process.next_line());
    let guard = left::processes("__guard");
    let children = format!("/proc/{0}/task/{0}/children", served.acspass);
    let children = std::fs::read_to_string(children).expect("Linux");
    let is_child = |id: &&u32| children.split(' ').any(|child| child == id.to_string());
    let guard = guard.iter().find(is_child).expect("a guard");
    kill(*guard);
    process.signal("KILL");
    process.end();
    wait_until("the command has ended", || {
        left::processes(&place).is_empty()
    });
    assert_eq!(names(&home).len(), 2, "its folder is left");
    let words = ["exec", "--emulator", "--server", "--", "true"];
    home.call(&words).plainly().spawn().end().assert_code(0);
    assert_eq!(names(&home), ["lock"]);
}
