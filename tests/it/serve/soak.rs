//! Days of tokens in seconds: the service, the emulator behind it and its callers in one process,
//! over real sockets, on clocks that go on once every caller has its answer.
//!
//! One day is part of every run. `benches/soak.sh` lets a month pass, which is ignored here.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use acspass::account::EntraApplication;
use acspass::acs::{DirectExchange, Endpoint, IdentityClient};
use acspass::config::{default_scopes, parse_scopes};
use acspass::emulator::{self, Emulator, Fault, FaultKind, Route};
use acspass::entra::redirect::RedirectUri;
use acspass::entra::{Authority, Entra};
use acspass::exchange::{CommunicationTokenSource, ExchangeKind};
use acspass::http::{self, Http};
use acspass::serve::{Clients, Options, Server};
use acspass::session::{
    CacheLookup, Exchange, Overview, RenewalServices, Sessions, SignInOptions, TokenKind,
    TokenRequest,
};
use acspass::store::{MemoryStore, SessionStore};
use acspass::time::{Clock, SettableClock, Timestamp};
use acspass::{Error, Kind};
use serde_json::Value;

use crate::harness::TestBrowser;
use crate::harness::http::{TIMEOUT, connect};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const START: i64 = 1_800_000_000;
/// A token with no more is not fresh.
const FRESH: i64 = 10 * MINUTE;
/// With no more, it is not handed out even where nothing else is to be had.
const MIN_VALIDITY_DURING_OUTAGE: i64 = MINUTE;
const CALLERS: usize = 4;
/// How far the clocks go on at a time.
const STEP: i64 = 20;

/// The service on a thread of its own, as `acspass serve` runs it.
struct World {
    /// The time as it is, which is the emulator's.
    time: SettableClock,
    /// What this machine shows.
    machine: SettableClock,
    emulator: Arc<Emulator>,
    port: u16,
    secret: String,
    /// How many renewals have begun: none does while this is held.
    begun: Arc<Mutex<usize>>,
    stop: tokio::sync::oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl World {
    fn start() -> World {
        let start = Timestamp::from_unix_seconds(START);
        let (time, machine) = (SettableClock::new(start), SettableClock::new(start));
        let emulator = Emulator::start(emulator::Options {
            clock: Arc::new(time.clone()),
            // That list grows, by design.
            keep_secrets: false,
            ..emulator::Options::default()
        });
        let emulator = Arc::new(emulator.expect("an emulator"));
        let folder = tempfile::tempdir().expect("a folder");
        let begun = Arc::default();
        let options = options(&emulator, machine.clone(), &begun);
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
            begun,
            stop,
            thread,
            _folder: folder,
        }
    }

    fn end(self) {
        self.stop.send(()).expect("it runs");
        self.thread.join().expect("it ends well");
    }

    /// Seconds that have passed.
    fn passed(&self) -> i64 {
        let passed = self.time.monotonic().expect("it tells");
        passed.as_secs() as i64
    }

    fn fails(&self, what: &FaultKind) {
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
fn options(emulator: &Arc<Emulator>, clock: SettableClock, begun: &Arc<Mutex<usize>>) -> Options {
    let http = Arc::new(Http::new(http::Options {
        // Between two tries no time passes here.
        first_wait: Duration::from_millis(1),
        ..http::Options::default()
    }));
    let url = emulator.http_url();
    let endpoint = Endpoint::parse(&url).expect("an endpoint");
    let authority = Authority::new(&url, emulator.tenant_id()).expect("an authority");
    let client_id = emulator.client_id().to_owned();
    let application = EntraApplication::new(
        authority.host_and_port(),
        authority.tenant(),
        client_id.as_str(),
    );
    let scopes = parse_scopes(default_scopes(ExchangeKind::Entra)).expect("scopes");
    let token_request = TokenRequest::new(
        TokenKind::Communication(CommunicationTokenSource::new(
            endpoint.as_str(),
            ExchangeKind::Entra,
            scopes,
        )),
        Duration::from_secs(FRESH as u64),
    );
    let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    let by_clock: Arc<dyn Clock> = Arc::new(clock);
    let session = Sessions::new(sessions, by_clock.clone(), application);
    let make_net = {
        let (clock, begun) = (by_clock.clone(), begun.clone());
        move || {
            *begun.lock().unwrap() += 1;
            let exchange = Exchange::Direct(DirectExchange::new(
                http.clone(),
                clock.clone(),
                endpoint.clone(),
                Vec::new(),
            ));
            let (authority, client_id) = (authority.clone(), client_id.clone());
            let entra = Entra::new(http.clone(), clock.clone(), authority, client_id);
            Ok(RenewalServices::new(entra, Some(exchange)))
        }
    };
    let browser = TestBrowser::walking();
    let options = SignInOptions::in_browser(browser.as_ref(), TIMEOUT);
    let peek = session
        .cached_token(None, token_request.clone())
        .expect("a store");
    let CacheLookup::Miss(renewal) = peek else {
        panic!("nobody has signed in yet")
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let signed_in = runtime.block_on(renewal.run(&make_net, Some(&options)));
    signed_in.expect("a sign-in");
    Options {
        session,
        token_request,
        only: None,
        managed_identity: None,
        clients: Arc::new(RenewalClients {
            make_net,
            connection_string: emulator.http_connection_string(),
        }),
        profile: "default".to_owned(),
        clock: by_clock,
        origins: Vec::new(),
        redirect_uri: RedirectUri::localhost(0),
        sign_in_timeout: TIMEOUT,
        sign_in_needed: Arc::new(|error| panic!("a sign-in is needed: {error}")),
    }
}

/// The clients of a service that only renews tokens.
struct RenewalClients<F> {
    make_net: F,
    connection_string: String,
}

impl<F> Clients for RenewalClients<F>
where
    F: Fn() -> acspass::Result<RenewalServices> + Send + Sync,
{
    fn net(&self) -> acspass::Result<RenewalServices> {
        (self.make_net)()
    }

    fn identity_client(&self) -> acspass::Result<IdentityClient> {
        IdentityClient::from_connection_string(&self.connection_string)
    }

    fn resource(&self) -> acspass::Result<Endpoint> {
        unused()
    }

    fn entra(&self) -> acspass::Result<Entra> {
        unused()
    }

    fn overview(&self) -> acspass::Result<Overview> {
        unused()
    }
}

fn unused<T>() -> acspass::Result<T> {
    let message = "the test sends no such request";
    Err(Error::new(Kind::Usage, message, "do not"))
}

/// What the callers saw.
#[derive(Debug, Default)]
struct Seen {
    answers: u64,
    refusals: u64,
    /// Seconds that the least fresh token had left while nothing was wrong.
    least_left: Option<i64>,
    /// What an answer took at most, in real time.
    longest: Duration,
    /// When the latest token expires.
    expires: i64,
}

/// One connection that asks, and asks again.
struct Caller {
    stream: BufReader<TcpStream>,
    request: String,
}

impl Caller {
    fn new(world: &World) -> Caller {
        let stream = connect(world.port);
        let request = format!(
            "GET /token HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\r\n",
            world.port, world.secret
        );
        Caller {
            stream: BufReader::new(stream),
            request,
        }
    }

    fn ask(&mut self) {
        let stream = self.stream.get_mut();
        stream.write_all(self.request.as_bytes()).expect("it reads");
    }

    fn response(&mut self) -> (u16, Value) {
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

/// The callers, and the time that goes on between their questions.
struct Day<'w> {
    world: &'w World,
    callers: Vec<Caller>,
    is_troubled: bool,
    /// How many renewals have come to their end.
    ended: usize,
    /// A token that the emulator takes.
    known: String,
    entry: Seen,
}

impl<'w> Day<'w> {
    fn new(world: &'w World) -> Day<'w> {
        Day {
            callers: (0..CALLERS).map(|_| Caller::new(world)).collect(),
            world,
            is_troubled: false,
            ended: 0,
            known: String::new(),
            entry: Seen::default(),
        }
    }

    /// Everybody asks, and the clocks go on by one step, until this second.
    fn until(&mut self, second: i64) {
        while self.world.passed() < second {
            let before = self.entry.expires;
            self.everybody_asks();
            let mut begun = self.world.begun.lock().unwrap();
            while !self.is_troubled && *begun != self.ended {
                // It takes milliseconds, in which no time passes here.
                self.ended = *begun;
                drop(begun);
                let start = Instant::now();
                while self.entry.expires == before {
                    assert!(start.elapsed() < TIMEOUT, "a renewal does not end");
                    self.everybody_asks();
                }
                begun = self.world.begun.lock().unwrap();
            }
            self.ended = *begun;
            let step = Duration::from_secs(STEP as u64);
            self.world.machine.advance(step);
            self.world.time.advance(step);
        }
    }

    /// All at once. While the way to the services is troubled an old token will do, and none where
    /// that has come to its end.
    fn everybody_asks(&mut self) {
        let (now, sent) = (self.world.passed(), Instant::now());
        self.callers.iter_mut().for_each(Caller::ask);
        for caller in &mut self.callers {
            let (status, json) = caller.response();
            self.entry.answers += 1;
            self.entry.longest = self.entry.longest.max(sent.elapsed());
            if status == 503 && self.is_troubled {
                let left = self.entry.expires - now;
                assert!(
                    left <= MIN_VALIDITY_DURING_OUTAGE,
                    "refused with {left} s left: {json}"
                );
                self.entry.refusals += 1;
                continue;
            }
            assert_eq!(status, 200, "{now} s into the day: {json}");
            let expires = json["expiresOn"].as_str().expect("text");
            let expires = Timestamp::parse_rfc3339(expires).expect("a time");
            let expires = expires.seconds_since(Timestamp::from_unix_seconds(START));
            let left = expires - now;
            let least = if self.is_troubled {
                MIN_VALIDITY_DURING_OUTAGE
            } else {
                FRESH
            };
            assert!(left > least, "{left} s left, {now} s into the day");
            let token = json["token"].as_str().expect("a token");
            // Its expiry is looked at above, each time.
            if token != self.known {
                assert!(self.world.emulator.is_token_valid(token), "a dead token");
                token.clone_into(&mut self.known);
            }
            if !self.is_troubled {
                let least = self.entry.least_left.unwrap_or(left);
                self.entry.least_left = Some(least.min(left));
            }
            self.entry.expires = self.entry.expires.max(expires);
        }
    }

    /// The services are away for so many seconds. How many more it takes until the callers have
    /// fresh tokens again.
    fn trouble(&mut self, what: &FaultKind, seconds: i64) -> i64 {
        self.is_troubled = true;
        self.world.fails(what);
        let end = self.world.passed() + seconds;
        self.until(end);
        self.world.emulator.clear_faults();
        // A try that was under way may end well: no time passes in it.
        for _ in 0..50 {
            self.everybody_asks();
        }
        self.ended = *self.world.begun.lock().unwrap();
        while self.entry.expires - self.world.passed() <= FRESH {
            assert!(self.world.passed() < end + HOUR, "it never recovers");
            self.until(self.world.passed() + STEP);
            for _ in 0..50 {
                self.everybody_asks();
            }
        }
        self.ended = *self.world.begun.lock().unwrap();
        self.is_troubled = false;
        self.world.passed() - end
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
    // Where the Entra token seems to live a moment longer, it is tried first.
    let exchanges = world.emulator.count("entra_exchange");
    assert!((refreshes + 1..=2 * (refreshes + 1)).contains(&exchanges));
    refreshes
}

/// Tokens of 60 to 75 minutes, another life every hour. What was resident at every full hour.
fn let_days_pass(world: &World, days: i64) -> (Seen, Vec<u64>) {
    let mut day = Day::new(world);
    let mut samples = Vec::new();
    for hour in 1..=24 * days {
        let minutes = 60 + 5 * (hour % 4) as u64;
        world
            .emulator
            .set_token_life(Duration::from_secs(60 * minutes));
        day.until(hour * HOUR);
        samples.push(resident_kib());
    }
    (day.entry, samples)
}

#[test]
fn a_day_of_tokens_passes_without_a_stale_one_and_without_a_gap() {
    let world = World::start();
    let (entry, _) = let_days_pass(&world, 1);
    assert!(entry.answers as i64 >= CALLERS as i64 * (DAY / STEP));
    assert_count(&world, DAY);
    world.end();
}

#[test]
fn outages_and_wrong_clocks_are_survived() {
    let world = World::start();
    let mut day = Day::new(&world);
    let outage = FaultKind::Status {
        status: 503,
        retry_after: None,
        content_type: "text/plain".to_owned(),
        body: "away".to_owned(),
    };
    for (hour, hours, what) in [(2, 1, &outage), (5, 2, &outage), (9, 1, &FaultKind::Drop)] {
        day.until(hour * HOUR);
        let took = day.trouble(what, hours * HOUR);
        // The longest pause between two tries is a minute.
        println!("{hours} h of {what:?}: fresh {took} s after the end");
        assert!(took <= 2 * MINUTE, "fresh {took} s after the end");
    }
    assert!(day.entry.refusals > 0, "two hours outlast a token");
    // The machine's own clock is set wrong, while the services' is right.
    for (hour, shift) in [(12, 3 * HOUR), (14, -5 * HOUR), (16, DAY), (18, 0)] {
        day.until(hour * HOUR);
        let now = START + world.passed() + shift;
        world.machine.set(Timestamp::from_unix_seconds(now));
    }
    day.until(20 * HOUR);
    println!(
        "{:?}, {} refreshes",
        day.entry,
        world.emulator.count("refresh_token")
    );
    world.end();
}

#[test]
#[ignore = "a minute or more, and alone in its process: benches/soak.sh"]
fn a_month_of_tokens_leaves_the_memory_as_it_was() {
    let world = World::start();
    let (entry, samples) = let_days_pass(&world, 30);
    // Four hours for buffers, caches and the allocator to find their size.
    let warm = samples[3];
    for (name, of) in [("a day", &samples[3..24]), ("30 days", &samples[3..])] {
        let most = of.iter().max().expect("samples");
        let last = of.last().expect("samples");
        println!("resident after {name}: {last} KiB, {most} KiB at most, {warm} KiB after 4 hours");
        assert!(most * 100 <= warm * 105, "{of:?}");
    }
    println!("{entry:?}, {} refreshes", assert_count(&world, 30 * DAY));
    world.end();
}
