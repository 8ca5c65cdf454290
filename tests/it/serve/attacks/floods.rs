//! Many at once: ten thousand who say nothing, half of something, or all of it.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{AttackedService, Service, home};
use crate::harness::Home;
use crate::harness::http::{self, Response};

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
fn flood(attacked: &AttackedService<'_>, says: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = attacked.connect();
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
    let attacked = AttackedService::start(&home);
    let before = attacked.memory_kib("VmHWM:");
    let mut idle = flood(&attacked, b"");
    attacked.assert_still_answers();
    let after = attacked.memory_kib("VmHWM:");
    assert!(
        after < before + AFFORDABLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    for stream in &mut idle {
        assert_eq!(http::read_to_end(stream), "", "nothing was asked");
    }
    attacked.end();
}

#[test]
fn ten_thousand_half_requests_block_no_other_caller() {
    let _flood = allow_many_files();
    let home = home();
    let attacked = AttackedService::start(&home);
    let before = attacked.memory_kib("VmHWM:");
    let half = format!("GET /token HTTP/1.1\r\n{}\r\nX-Slow: ", attacked.host());
    let mut slow = flood(&attacked, half.as_bytes());
    attacked.assert_still_answers();
    // Who drips on wins no more time.
    for stream in &mut slow {
        let _ = stream.write_all(b"x");
    }
    attacked.assert_still_answers();
    let after = attacked.memory_kib("VmHWM:");
    assert!(
        after < before + AFFORDABLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    for stream in &mut slow {
        attacked.assert_tells_nothing("half a head", &http::read_to_end(stream));
    }
    attacked.end();
}

#[test]
fn a_thousand_half_bodies_block_no_other_caller() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (ours, right) = (attacked.host(), attacked.bearer());
    let json = "Content-Type: application/json\r\nContent-Length: 1000\r\nConnection: close";
    for (secret, status) in [(right.as_str(), 408), ("X-None: x", 401)] {
        let half = format!("POST /identities HTTP/1.1\r\n{ours}\r\n{secret}\r\n{json}\r\n\r\n{{");
        let mut slow: Vec<_> = (0..1000)
            .map(|_| {
                let mut stream = attacked.connect();
                stream.write_all(half.as_bytes()).expect("it listens");
                stream
            })
            .collect();
        attacked.assert_still_answers();
        for stream in &mut slow {
            attacked.assert_refused("half a body", &http::read_to_end(stream), status);
        }
    }
    attacked.end();
}

#[test]
fn ten_thousand_callers_are_all_answered_and_all_stay() {
    let _flood = allow_many_files();
    let home = home();
    let attacked = AttackedService::start(&home);
    let before = attacked.memory_kib("VmHWM:");
    let (ours, right) = (attacked.host(), attacked.bearer());
    let request = format!("GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n");
    let ask = |stream: &mut TcpStream| stream.write_all(request.as_bytes()).expect("it is open");
    let hear = |stream: &mut TcpStream, round: &str| {
        let mut response = Vec::new();
        let mut piece = [0; 16 * 1024];
        while !response.ends_with(b"\n}") && !response.ends_with(b"}") {
            let read = stream.read(&mut piece).expect("it is open");
            assert!(read > 0, "closed in the {round} round");
            response.extend_from_slice(&piece[..read]);
        }
        let text = String::from_utf8(response).expect("text");
        assert!(text.starts_with("HTTP/1.1 200 ") && text.contains(&attacked.token));
        assert!(!text.contains("close"), "it is told to go");
    };
    // The connection of a caller that is not known may be silent for ten seconds only, so each asks
    // as soon as it is open; one that is known has five minutes. A whole wave asks before its first
    // one reads, so that a busy machine does not change between two programs for each of them.
    let mut callers = Vec::with_capacity(MANY);
    while callers.len() < MANY {
        let mut wave: Vec<_> = (0..WAVE).map(|_| attacked.connect()).collect();
        wave.iter_mut().for_each(ask);
        wave.iter_mut().for_each(|stream| hear(stream, "first"));
        callers.append(&mut wave);
    }
    attacked.assert_still_answers();
    for wave in callers.chunks_mut(WAVE) {
        wave.iter_mut().for_each(ask);
        wave.iter_mut().for_each(|stream| hear(stream, "second"));
    }
    attacked.assert_still_answers();
    let after = attacked.memory_kib("VmHWM:");
    assert!(
        after < before + AFFORDABLE_KIB,
        "{before} KiB, and then {after} KiB"
    );
    attacked.end();
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
    let request = http::request("GET", "/token", &headers, "");
    let mut callers: Vec<_> = (0..MANY).map(|_| http::connect(service.port)).collect();
    for stream in &mut callers {
        stream.write_all(request.as_bytes()).expect("it is open");
    }
    let answers = callers
        .iter_mut()
        .map(|stream| Response::parse(&http::read_to_end(stream)).token());
    let tokens: BTreeSet<String> = answers.collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count("exchange"), 1);
    service.stop().assert_code(0);
}
