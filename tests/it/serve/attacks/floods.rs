//! Many at once: ten thousand who say nothing, half of something, or all of it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Answer, Besieged, HANGS, Service, drain, home, request};
use crate::harness::Home;

const MANY: usize = 10_000;
/// How many of them ask at one moment, if they are to be answered in turn.
const WAVE: usize = 250;
/// What ten thousand connections may cost the service, beside what it has when it is ready: the
/// size of a debug build's file counts there.
const AFFORDABLE_KIB: u64 = 75 * 1024;

/// One flood at a time, lest this process itself runs out of files. Lets it, and the service it
/// starts, hold that many sockets.
fn allow_many_files() -> MutexGuard<'static, ()> {
    static FLOOD: Mutex<()> = Mutex::new(());
    let flood = FLOOD.lock().unwrap_or_else(PoisonError::into_inner);
    let needed = MANY as u64 + 2_000;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return flood;
    }
    let enough = maximum.map(|maximum| maximum.max(needed));
    let wanted = Rlimit {
        current: Some(needed),
        maximum: enough,
    };
    // Only root may raise the hard limit.
    setrlimit(Resource::Nofile, wanted).unwrap_or_else(|error| {
        panic!(
            "this test holds {MANY} connections, and this machine allows {maximum:?} open files \
             ({error}): raise the hard limit to {needed} (ulimit -Hn, or the container's)"
        )
    });
    flood
}

/// Opens ten thousand connections, each of which says this.
fn flood(besieged: &Besieged<'_>, says: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = besieged.connect();
        // It may have been closed at once.
        let _ = stream.write_all(says);
        stream
    };
    (0..MANY).map(open).collect()
}

#[test]
fn ten_thousand_who_say_nothing_are_held_cheaply_and_closed() {
    let _flood = allow_many_files();
    let home = home();
    let besieged = Besieged::start(&home);
    let before = besieged.memory_kib("VmHWM:");
    let mut idle = flood(&besieged, b"");
    besieged.assert_still_answers();
    let after = besieged.memory_kib("VmHWM:");
    assert!(
        after < before + AFFORDABLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    for stream in &mut idle {
        assert_eq!(drain(stream), "", "nothing was asked");
    }
    besieged.end();
}

#[test]
fn ten_thousand_half_requests_keep_nobody_out() {
    let _flood = allow_many_files();
    let home = home();
    let besieged = Besieged::start(&home);
    let before = besieged.memory_kib("VmHWM:");
    let half = format!("GET /token HTTP/1.1\r\n{}\r\nX-Slow: ", besieged.host());
    let mut slow = flood(&besieged, half.as_bytes());
    besieged.assert_still_answers();
    // Who drips on wins no more time.
    for stream in &mut slow {
        let _ = stream.write_all(b"x");
    }
    besieged.assert_still_answers();
    let after = besieged.memory_kib("VmHWM:");
    assert!(
        after < before + AFFORDABLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    for stream in &mut slow {
        besieged.assert_tells_nothing("half a head", &drain(stream));
    }
    besieged.end();
}

#[test]
fn a_thousand_half_bodies_keep_nobody_out() {
    let home = home();
    let besieged = Besieged::start(&home);
    let (ours, right) = (besieged.host(), besieged.bearer());
    let json = "Content-Type: application/json\r\nContent-Length: 1000\r\nConnection: close";
    for (secret, status) in [(right.as_str(), 408), ("X-None: x", 401)] {
        let half = format!("POST /identities HTTP/1.1\r\n{ours}\r\n{secret}\r\n{json}\r\n\r\n{{");
        let mut slow: Vec<_> = (0..1000)
            .map(|_| {
                let mut stream = besieged.connect();
                stream.write_all(half.as_bytes()).expect("it listens");
                stream
            })
            .collect();
        besieged.assert_still_answers();
        for stream in &mut slow {
            besieged.assert_refused("half a body", &drain(stream), status);
        }
    }
    besieged.end();
}

#[test]
fn ten_thousand_callers_are_all_answered_and_all_stay() {
    let _flood = allow_many_files();
    let home = home();
    let besieged = Besieged::start(&home);
    let before = besieged.memory_kib("VmHWM:");
    let (ours, right) = (besieged.host(), besieged.bearer());
    let request = format!("GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n");
    let ask = |stream: &mut TcpStream| stream.write_all(request.as_bytes()).expect("it is open");
    let hear = |stream: &mut TcpStream, round: &str| {
        let mut answer = Vec::new();
        let mut piece = [0; 16 * 1024];
        while !answer.ends_with(b"\n}") && !answer.ends_with(b"}") {
            let read = stream.read(&mut piece).expect("it is open");
            assert!(read > 0, "closed in the {round} round");
            answer.extend_from_slice(&piece[..read]);
        }
        let text = String::from_utf8(answer).expect("text");
        assert!(text.starts_with("HTTP/1.1 200 ") && text.contains(&besieged.token));
        assert!(!text.contains("close"), "it is told to go");
    };
    // The connection of a caller that is not known may be silent for ten seconds only, so each asks
    // as soon as it is open; one that is known has five minutes. A whole wave asks before its first
    // one reads, so that a busy machine does not change between two programs for each of them.
    let mut callers = Vec::with_capacity(MANY);
    while callers.len() < MANY {
        let mut wave: Vec<_> = (0..WAVE).map(|_| besieged.connect()).collect();
        wave.iter_mut().for_each(ask);
        wave.iter_mut().for_each(|stream| hear(stream, "first"));
        callers.append(&mut wave);
    }
    besieged.assert_still_answers();
    for wave in callers.chunks_mut(WAVE) {
        wave.iter_mut().for_each(ask);
        wave.iter_mut().for_each(|stream| hear(stream, "second"));
    }
    besieged.assert_still_answers();
    let after = besieged.memory_kib("VmHWM:");
    assert!(
        after < before + AFFORDABLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    besieged.end();
}

#[test]
fn ten_thousand_who_ask_as_the_token_runs_out_cause_one_refresh() {
    let _flood = allow_many_files();
    let (home, emulator) = Home::with_keyring();
    // A sign-in leaves a token that is not fresh.
    emulator.set_token_life(Duration::from_secs(300));
    home.login();
    emulator.set_token_life(Duration::from_secs(4500));
    let service = Service::start(&home, &[]);
    let headers = [
        format!("Host: 127.0.0.1:{}", service.port),
        service.bearer(),
    ];
    let headers = headers.each_ref().map(String::as_str);
    let request = request("GET", "/token", &headers, "");
    let connect = |_| TcpStream::connect(("127.0.0.1", service.port)).expect("it listens");
    let mut callers: Vec<_> = (0..MANY).map(connect).collect();
    for stream in &mut callers {
        stream.set_read_timeout(Some(HANGS)).expect("a limit");
        stream.write_all(request.as_bytes()).expect("it is open");
    }
    let answers = callers
        .iter_mut()
        .map(|stream| Answer::read(&drain(stream)).token());
    let tokens: BTreeSet<String> = answers.collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count("exchange"), 1);
    service.stop().assert_code(0);
}
