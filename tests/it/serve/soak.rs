//! Days of tokens in minutes: the service, the emulator behind it and its callers in one process,
//! over real sockets, on a clock that runs hundreds of times as fast.
//!
//! The short one is part of every run. `benches/soak.sh` runs whole days, which are ignored here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use acspass::account::Tenancy;
use acspass::acs::{DirectExchange, Endpoint, IdentityClient};
use acspass::config::{default_scopes, parse_scopes};
use acspass::emulator::{self, Emulator, Fault, Route, Trouble};
use acspass::entra::{Authority, Entra};
use acspass::exchange::{ExchangeKind, TokenSource};
use acspass::http::{self, Http};
use acspass::serve::{Options, Server};
use acspass::session::{Exchange, Net, Peek, Session, Target, Way, Wish};
use acspass::store::{MemoryStore, Vault};
use acspass::time::{Boot, Clock, Sleep, Timestamp};
use acspass::{Error, Kind};
use serde_json::Value;

use super::HANGS;
use crate::harness::TestBrowser;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_800_000_000;
/// A token with no more is not fresh.
const FRESH: i64 = 10 * MINUTE;
/// With no more, it is not handed out even where nothing else is to be had.
const LAST_RESORT: i64 = MINUTE;
const CALLERS: usize = 4;

/// Real time, but faster; a shift says how wrong the machine's clock is set.
struct FastClock {
    factor: u32,
    start: Instant,
    shift: AtomicI64,
}

impl FastClock {
    fn new(factor: u32, start: Instant) -> Arc<FastClock> {
        Arc::new(FastClock {
            factor,
            start,
            shift: AtomicI64::new(0),
        })
    }

    /// Seconds that have passed.
    fn passed(&self) -> i64 {
        (self.start.elapsed() * self.factor).as_secs() as i64
    }

    /// Waits for this second.
    fn wait_for(&self, second: i64) {
        while self.passed() < second {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_seconds(START + self.passed() + self.shift.load(Ordering::Relaxed))
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(duration / self.factor))
    }

    fn running(&self) -> Option<Duration> {
        Some(self.start.elapsed() * self.factor)
    }

    fn boot(&self) -> Option<Boot> {
        Some(Boot {
            id: "fast".to_owned(),
            uptime_seconds: self.passed() as u64,
        })
    }
}

/// The service on a thread of its own, as `acspass serve` runs it.
struct World {
    /// The time as it is, which is the emulator's.
    time: Arc<FastClock>,
    /// What this machine shows.
    machine: Arc<FastClock>,
    emulator: Arc<Emulator>,
    port: u16,
    secret: String,
    stop: tokio::sync::oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl World {
    fn start(factor: u32) -> World {
        let start = Instant::now();
        let (time, machine) = (FastClock::new(factor, start), FastClock::new(factor, start));
        let emulator = Emulator::start(emulator::Options {
            clock: time.clone(),
            // That list grows, by design.
            keep_secrets: false,
            ..emulator::Options::default()
        });
        let emulator = Arc::new(emulator.expect("an emulator"));
        let folder = tempfile::tempdir().expect("a folder");
        let options = options(&emulator, machine.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let place = folder.path().join("serve");
        let server = {
            let _inside = runtime.enter();
            Server::open(options, 0, &place).expect("a service")
        };
        let port = server.url().rsplit_once(':').expect("a port").1;
        let port = port.parse().expect("a number");
        let secret = std::fs::read_to_string(server.secret_file()).expect("the secret");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let stopped = async { drop(stopped.await) };
            runtime.block_on(server.run(stopped)).expect("it serves");
            runtime.shutdown_background();
        });
        World {
            time,
            machine,
            emulator,
            port,
            secret,
            stop,
            thread,
            _folder: folder,
        }
    }

    fn end(self) {
        self.stop.send(()).expect("it runs");
        self.thread.join().expect("it ends well");
    }

    fn fails(&self, what: &Trouble) {
        for route in [Route::Metadata, Route::Token, Route::Exchange] {
            self.emulator.add_fault(Fault {
                route,
                times: None,
                what: what.clone(),
            });
        }
    }
}

/// A signed-in user, and what leads to new tokens.
fn options(emulator: &Arc<Emulator>, clock: Arc<FastClock>) -> Options {
    let http = Arc::new(Http::new(http::Options {
        first_wait: http::Options::default().first_wait / clock.factor,
        ..http::Options::default()
    }));
    let url = emulator.http_url();
    let endpoint = Endpoint::parse(&url).expect("an endpoint");
    let authority = Authority::new(&url, emulator.tenant_id()).expect("an authority");
    let client_id = emulator.client_id().to_owned();
    let tenancy = Tenancy {
        authority_host: authority.host(),
        tenant: authority.tenant().to_owned(),
        client_id: client_id.clone(),
    };
    let scopes = parse_scopes(default_scopes(ExchangeKind::Entra)).expect("scopes");
    let wish = Wish {
        target: Target::Communication(TokenSource {
            endpoint: endpoint.as_str().to_owned(),
            exchange: ExchangeKind::Entra,
            scopes: scopes.clone(),
        }),
        scopes,
        min_validity: Duration::from_secs(FRESH as u64),
        force: false,
    };
    let vault = Arc::new(Vault::new(Box::new(MemoryStore::new()), None));
    let session = Session::new(vault, clock.clone(), tenancy);
    let by_clock: Arc<dyn Clock> = clock;
    let make_net = {
        let clock = by_clock.clone();
        move || {
            let exchange = Exchange::Direct(DirectExchange::new(
                http.clone(),
                clock.clone(),
                endpoint.clone(),
                Vec::new(),
            ));
            let (authority, client_id) = (authority.clone(), client_id.clone());
            Ok(Net {
                entra: Entra::new(http.clone(), clock.clone(), authority, client_id),
                exchange: Some(exchange),
            })
        }
    };
    let browser = TestBrowser::walking();
    let way = Way::in_browser(browser.as_ref(), HANGS);
    let peek = session.peek(None, wish.clone()).expect("a store");
    let Peek::Stale(renewal) = peek else {
        panic!("nobody has signed in yet")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let signed_in = runtime.block_on(renewal.run(&make_net, Some(&way)));
    signed_in.expect("a sign-in");
    let connection_string = emulator.http_connection_string();
    Options {
        session,
        wish,
        net: Arc::new(make_net),
        owner: Arc::new(move || IdentityClient::from_connection_string(&connection_string)),
        overview: Arc::new(|| Err(Error::new(Kind::Usage, "nobody asks for it", "do not"))),
        profile: "default".to_owned(),
        clock: by_clock,
        origins: Vec::new(),
        sign_in_needed: Arc::new(|error| panic!("nobody has to sign in: {error}")),
    }
}

/// What the callers saw.
#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    refusals: u64,
    /// Seconds that the least fresh token had left when it was asked for.
    least_left: Option<i64>,
    /// Seconds, and in real time, that an answer took at most.
    longest: Duration,
    /// When the latest token expires.
    expires: i64,
    /// The second of the first fresh answer since this was cleared.
    fresh_at: Option<i64>,
}

/// One connection that asks, and asks again.
struct Caller {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Caller {
    fn new(world: &World) -> Caller {
        let stream = TcpStream::connect(("127.0.0.1", world.port)).expect("it listens");
        stream.set_read_timeout(Some(HANGS)).expect("a limit");
        let request = format!(
            "GET /token HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\r\n",
            world.port, world.secret
        );
        Caller {
            stream: BufReader::new(stream),
            request,
        }
    }

    fn ask(&mut self) -> (u16, Value) {
        let stream = self.stream.get_mut();
        stream.write_all(self.request.as_bytes()).expect("it reads");
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("an answer");
        let status = line.split(' ').nth(1).expect("a status line");
        let status = status.parse().expect("a number");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a head");
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }
}

/// Asks until it is told to stop. While the way to the services is troubled, an old token will do,
/// and none where that has come to its end.
fn call(world: &World, seen: &Mutex<Seen>, troubled: &AtomicBool, stop: &AtomicBool) {
    let mut caller = Caller::new(world);
    while !stop.load(Ordering::Relaxed) {
        let was_troubled = troubled.load(Ordering::SeqCst);
        let (before, sent) = (world.time.passed(), Instant::now());
        let (status, json) = caller.ask();
        let (took, after) = (sent.elapsed(), world.time.passed());
        let is_troubled = was_troubled || troubled.load(Ordering::SeqCst);
        let mut seen = seen.lock().unwrap();
        seen.answers += 1;
        if status == 200 {
            let expires = json["expiresOn"].as_str().expect("text");
            let expires = Timestamp::parse_rfc3339(expires).expect("a time");
            let expires = expires.seconds_since(Timestamp::from_unix_seconds(START));
            let left = expires - before;
            let least = if is_troubled { LAST_RESORT } else { FRESH };
            assert!(left > least, "{left} s left, {before} s into the day");
            let token = json["token"].as_str().expect("a token");
            assert!(
                left < 5 || world.emulator.is_token_valid(token),
                "a dead token"
            );
            if left > FRESH {
                seen.fresh_at.get_or_insert(after);
            }
            if !is_troubled {
                seen.least_left = Some(seen.least_left.map_or(left, |least| least.min(left)));
                seen.longest = seen.longest.max(took);
            }
            seen.expires = seen.expires.max(expires);
        } else {
            assert!(is_troubled, "{status}, {before} s into the day: {json}");
            assert_eq!(status, 503, "{json}");
            let left = seen.expires - after;
            assert!(left <= LAST_RESORT, "refused with {left} s left: {json}");
            seen.refusals += 1;
        }
        drop(seen);
        // A pace, so that the callers leave the processor to the service.
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// Lets callers ask while `day` goes by.
fn under_callers(world: &World, day: impl FnOnce(&Mutex<Seen>, &AtomicBool)) -> Seen {
    let seen = Mutex::new(Seen::default());
    let (troubled, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                // Whoever fails ends the day for all.
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    call(world, &seen, &troubled, &stop);
                }));
                if let Err(panic) = outcome {
                    stop.store(true, Ordering::Relaxed);
                    std::panic::resume_unwind(panic);
                }
            });
        }
        day(&seen, &troubled);
        stop.store(true, Ordering::Relaxed);
    });
    seen.into_inner().unwrap()
}

/// How many refreshes there may be in so many seconds: tokens live 60 to 75 minutes, and each is
/// replaced 15 minutes ahead.
fn assert_count(world: &World, seconds: i64) -> usize {
    let refreshes = world.emulator.count("refresh_token");
    let fewest = (seconds / HOUR) as usize;
    let most = (seconds / (45 * MINUTE)) as usize + 1;
    assert!(
        (fewest..=most).contains(&(refreshes + 1)),
        "{refreshes} in {seconds} s"
    );
    assert_eq!(world.emulator.count("entra_exchange"), refreshes + 1);
    refreshes
}

#[test]
fn hours_of_tokens_pass_without_a_stale_one_and_without_a_gap() {
    let world = World::start(1800);
    let seen = under_callers(&world, |_, _| world.time.wait_for(4 * HOUR));
    assert_eq!(seen.refusals, 0);
    assert!(seen.answers > 100, "{seen:?}");
    assert_count(&world, 4 * HOUR);
    world.end();
}

#[test]
#[ignore = "two minutes: benches/soak.sh"]
fn a_day_of_tokens_leaves_the_memory_as_it_was() {
    let world = World::start(720);
    let mut samples = Vec::new();
    let seen = under_callers(&world, |_, _| {
        for hour in 1..=24 {
            let minutes = 60 + 5 * (hour % 4) as u64;
            let life = Duration::from_secs(60 * minutes);
            world.emulator.set_token_life(life);
            world.time.wait_for(hour * HOUR);
            samples.push(resident_kib());
        }
    });
    let refreshes = assert_count(&world, DAY);
    // Four hours for buffers, caches and the allocator to find their size.
    let warm = samples[3];
    let most = samples[3..].iter().copied().max().expect("samples");
    let last = samples[23];
    println!(
        "{} answers, {refreshes} refreshes, {} refusals; the least fresh token had {} s left, the \
         slowest answer took {:?}",
        seen.answers,
        seen.refusals,
        seen.least_left.expect("answers"),
        seen.longest,
    );
    println!("resident: {warm} KiB after 4 hours, {most} KiB at most, {last} KiB after 24 hours");
    assert_eq!(seen.refusals, 0);
    assert!(most * 100 <= warm * 105, "{samples:?}");
    world.end();
}

#[test]
#[ignore = "two minutes: benches/soak.sh"]
fn a_day_with_outages_and_wrong_clocks_is_survived() {
    let world = World::start(720);
    let outage = Trouble::Status {
        status: 503,
        retry_after: None,
        content_type: "text/plain".to_owned(),
        body: "away".to_owned(),
    };
    let seen = under_callers(&world, |seen, troubled| {
        for (hour, hours, what) in [
            (2, 1, &outage),
            (5, 2, &outage),
            (9, 1, &Trouble::Drop),
            (12, 3, &Trouble::Drop),
        ] {
            world.time.wait_for(hour * HOUR);
            troubled.store(true, Ordering::SeqCst);
            world.fails(what);
            world.time.wait_for((hour + hours) * HOUR);
            world.emulator.clear_faults();
            let (cleared, refused) = {
                let mut seen = seen.lock().unwrap();
                seen.fresh_at = None;
                (world.time.passed(), seen.refusals)
            };
            let fresh_at = loop {
                if let Some(second) = seen.lock().unwrap().fresh_at {
                    break second;
                }
                assert!(world.time.passed() < cleared + HOUR, "it never recovers");
                std::thread::yield_now();
            };
            let took = fresh_at - cleared;
            println!(
                "{hours} h of {what:?} at {hour} h: {refused} refusals so far, fresh {took} s after its end"
            );
            // The longest pause between two tries is a minute.
            assert!(took <= 3 * MINUTE, "fresh {took} s after the end");
            troubled.store(false, Ordering::SeqCst);
        }
        // The machine's own clock is set wrong, while the services' is right.
        for (hour, shift) in [(17, 3 * HOUR), (18, -5 * HOUR), (20, DAY), (21, 0)] {
            world.time.wait_for(hour * HOUR);
            world.machine.shift.store(shift, Ordering::Relaxed);
        }
        world.time.wait_for(DAY);
    });
    println!(
        "{} answers, {} refusals once the old token was used up, {} refreshes; the least fresh \
         token had {} s left while nothing was wrong, and the slowest answer took {:?}",
        seen.answers,
        seen.refusals,
        world.emulator.count("refresh_token"),
        seen.least_left.expect("answers"),
        seen.longest,
    );
    assert!(seen.refusals > 0, "two and three hours outlast a token");
    world.end();
}
