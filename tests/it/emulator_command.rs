//! `emulator`: the text after a start, and the log of requests.

use std::process::Command;

use crate::emulator::home;
use crate::harness::http::{connect, exchange, request};
use crate::harness::process::Process;

/// The end of the text after a start.
const LAST: &str = "acspass emulator env";

/// Reads lines until one contains `last`.
fn lines(running: &Process<'_>, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        lines.push(running.next_line());
        assert!(lines.len() < 16, "{lines:?}");
        if lines.last().is_some_and(|line| line.contains(last)) {
            return lines;
        }
    }
}

#[test]
fn the_text_after_a_start_is_short_and_has_the_connection_string() {
    let home = home();
    let running = home
        .call(&["emulator", "--https-port=0", "--http-port=0"])
        .plainly()
        .spawn();
    let lines = lines(&running, LAST);
    assert!(
        lines[0].starts_with("Front page: http://localhost:"),
        "{lines:?}"
    );
    let is_connection_string = |line: &String| line.starts_with("  endpoint=https://localhost:");
    assert!(lines.iter().any(is_connection_string), "{lines:?}");
    // Each line takes one row of 80 columns for each 80 characters begun.
    let rows: usize = lines
        .iter()
        .map(|line| line.len().div_ceil(80).max(1))
        .sum();
    assert!(
        rows < 15,
        "{rows} rows, and one of standard error: {lines:?}"
    );
    running.signal("INT");
    let run = running.end();
    run.assert_code(0);
    run.assert_says(&["Press Ctrl-C to stop.", "The emulator stopped."]);
}

#[test]
fn with_v_each_request_is_one_line_with_local_time_method_path_and_status() {
    // 5 h 30 min ahead of UTC, as a rule and as a name.
    for zone in ["IST-5:30", "Asia/Kolkata"] {
        requests_have_the_time_of(zone);
    }
}

fn requests_have_the_time_of(zone: &str) {
    let mut home = home();
    home.set("TZ", zone);
    let running = home
        .call(&["emulator", "-v", "--https-port=0", "--http-port=0"])
        .plainly()
        .spawn();
    let lines = lines(&running, LAST);
    let front = lines[0].strip_prefix("Front page: ").expect("the address");
    let host = front.strip_prefix("http://").expect("http");
    let port = host
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    let port = port.expect("a port");
    let header = format!("Host: {host}");
    let target = "/identities/x?api-version=2023-10-01&secret=secret";
    for (method, target) in [("GET", "/"), ("DELETE", target)] {
        let request = request(method, target, &[&header], "");
        exchange(connect(port), request);
    }
    running.says("DELETE /identities/x 401: ");
    running.signal("INT");
    let run = running.end();
    let requests: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.contains(" GET ") || line.contains(" DELETE "))
        .collect();
    let [front, delete] = requests[..] else {
        panic!("two requests: {}", run.stderr);
    };
    let (time, request) = front.split_once(' ').expect("a time");
    assert_eq!(request, "GET / 200");
    assert!(
        delete.ends_with(": authorization is missing or sent twice"),
        "{delete}"
    );
    let local = Command::new("date")
        .env("TZ", "IST-5:30")
        .arg("+%H:%M")
        .output();
    let local = String::from_utf8(local.expect("date").stdout).expect("text");
    let minutes = |time: &str| -> i32 {
        let (hours, minutes) = time.trim().split_once(':').expect("a time");
        hours.parse::<i32>().expect("hours") * 60 + minutes[..2].parse::<i32>().expect("minutes")
    };
    let apart = (minutes(&local) - minutes(time)).rem_euclid(24 * 60);
    assert!(apart <= 2, "{time} is not {local}");
    assert_eq!(time.len(), 8, "{time}");
}
