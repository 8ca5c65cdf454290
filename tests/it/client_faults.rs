//! Each fault of the emulator's catalogue, at each route that acspass uses: the exit code, the time, no
//! secret in the output, and a session that survives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use acspass::emulator::{Emulator, FaultSelection, NamedFault, Options, Route, UserAgent};
use acspass::store::create_key_file;

use crate::harness::brisk_clock::BriskClock;
use crate::harness::{Home, Run, TestBrowser};

/// The cases that run at a time. Most of their time is waits.
const WORKERS: usize = 8;
/// A run is over before: four tries within 30 s, and the deadline of the sign-in.
const LONGEST: Duration = Duration::from_secs(75);

/// The faults that no caller notices.
const HARMLESS: [&str; 19] = [
    "latency",
    "date-ahead",
    "date-behind",
    "slow-body",
    "gzip",
    "byte-order-mark",
    "extra-members",
    "expires-in-text",
    "expires-in-float",
    "refresh-in",
    "only-ext-expires-in",
    "scope-absent",
    "scope-list",
    "token-type-absent",
    "token-type-lower-case",
    "refresh-token-missing",
    "refresh-token-rotated",
    "interval-null",
    "interval-text",
];

/// The faults with which a new refresh token does not arrive, although the old one has ended.
const LOSES_REFRESH_TOKEN: [&str; 5] = [
    "connection-dropped-after",
    "truncated-body",
    "truncated-json",
    "empty-body",
    "refresh-token-missing",
];

/// A use of acspass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    SignIn,
    Renewal,
    DeviceCode,
    CreateUser,
    IssueToken,
    RevokeToken,
    DeleteUser,
}

/// A home with a session in files, and an emulator with the fault.
struct Case {
    home: Home,
    emulator: Arc<Emulator>,
    clock: BriskClock,
    fault: &'static NamedFault,
    route: Route,
    name: String,
}

impl Case {
    fn new(fault: &'static NamedFault, route: Route, job: Job) -> Case {
        let clock = BriskClock::new();
        let options = Options {
            strict_refresh: true,
            ..Options::default()
        };
        let (mut home, emulator) = match job {
            Job::DeviceCode => clock.home(options),
            _ => {
                let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
                let mut home = Home::new();
                home.point_at(&emulator);
                (home, emulator)
            }
        };
        let key_file = home.path().join("key");
        create_key_file(&key_file).expect("a key file");
        home.set("ACSPASS_STORE", "file");
        home.set("ACSPASS_STORE_KEY_FILE", &key_file.display().to_string());
        let name = format!("{} at {}, {job:?}", fault.name, route.as_str());
        Case {
            home,
            emulator,
            clock,
            fault,
            route,
            name,
        }
    }

    fn is_harmless(&self) -> bool {
        HARMLESS.contains(&self.fault.name)
    }

    /// Runs a command with the fault, which must affect a request.
    fn with_fault(&self, run: impl FnOnce() -> Run) -> Run {
        let mut selection = FaultSelection::named(self.fault.name);
        selection.route = Some(self.route);
        let parameter = self.fault.parameter.map(|parameter| parameter.name());
        let value = match parameter {
            Some("milliseconds") => Some(40),
            Some("seconds") if self.fault.name.starts_with("throttled") => Some(0),
            Some("bytes") => Some(2_000_000),
            _ => None,
        };
        let parameter = parameter.map(str::to_owned).zip(value.map(u64::into));
        selection.parameters = parameter.into_iter().collect();
        self.emulator.select_fault(selection).expect("valid");
        let start = Instant::now();
        let run = run();
        let time = start.elapsed();
        assert!(time < LONGEST, "{}: {time:?}", self.name);
        let left = self.emulator.faults();
        assert!(left.is_empty(), "{}: {left:?}: {}", self.name, run.stderr);
        let code = run.code.expect("an exit code");
        let is_expected = match self.is_harmless() {
            true => code == 0,
            // The tenant is a setting: usage, before it is part of a session.
            false if self.fault.name == "tenant-not-found" => matches!(code, 2 | 3 | 5),
            false => matches!(code, 0 | 3..=6),
        };
        assert!(is_expected, "{}: {code}: {}", self.name, run.stderr);
        run
    }

    fn call(&self, words: &[&str]) -> Run {
        self.home.run(words)
    }

    fn sign_in(&self) -> Run {
        let words = ["get", "--interactive", "--timeout=4s"];
        let browser = TestBrowser::walking();
        self.home.call(&words).by(&browser).run()
    }

    fn renew(&self) -> Run {
        self.call(&["get", "--force-refresh", "--no-interactive"])
    }

    fn device_code(&self) -> Run {
        let emulator = Arc::clone(&self.emulator);
        self.clock.meanwhile(move |slept| {
            // The first polls find the sign-in pending.
            if slept == 12
                && let Some(code) = emulator.user_codes().last()
            {
                let agent = UserAgent::new(None).typing(code.to_lowercase());
                agent.browse(&emulator.device_page()).expect("a page");
            }
        });
        let words = ["login", "--device-code", "--timeout", "30m"];
        self.home.call(&words).by_clock(&self.clock).run()
    }

    /// Fails if the session is lost, except by the nature of the fault or by a refusal.
    fn check_later(&self, faulted: &Run, later: &Run) {
        let is_lost = LOSES_REFRESH_TOKEN.contains(&self.fault.name) && self.route == Route::Token;
        let code = later.code.expect("an exit code");
        let may_need_sign_in = is_lost || faulted.code != Some(0) && faulted.code != Some(6);
        let is_expected = code == 0 || code == 4 && may_need_sign_in;
        let name = &self.name;
        assert!(
            is_expected,
            "{name}: {code} after {:?}: {}\nafter:\n{}",
            faulted.code, later.stderr, faulted.stderr
        );
    }

    fn identity(&self) -> String {
        let created = self.call(&["user", "create", "-o", "json"]).json();
        created["identity"]["id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }
}

fn run(fault: &'static NamedFault, route: Route, job: Job) {
    let case = Case::new(fault, route, job);
    match job {
        Job::SignIn => {
            let faulted = case.with_fault(|| case.sign_in());
            if faulted.code == Some(0) {
                case.call(&["get", "--no-interactive"]).token();
                case.check_later(&faulted, &case.renew());
            }
            // No failure prevents the next sign-in.
            case.sign_in().token();
        }
        Job::Renewal => {
            case.sign_in().token();
            if case.route == Route::Metadata {
                case.home.forget_metadata();
            }
            let faulted = case.with_fault(|| case.renew());
            case.check_later(&faulted, &case.renew());
        }
        Job::DeviceCode => {
            case.with_fault(|| case.device_code());
        }
        Job::CreateUser => {
            case.with_fault(|| case.call(&["user", "create", "--scope", "chat"]));
        }
        Job::IssueToken => {
            let id = case.identity();
            let words = ["token", "issue", "--scope", "chat", "--user", &id];
            case.with_fault(|| case.call(&words));
        }
        Job::RevokeToken => {
            let id = case.identity();
            case.with_fault(|| case.call(&["token", "revoke", "--user", &id]));
        }
        Job::DeleteUser => {
            let id = case.identity();
            case.with_fault(|| case.call(&["user", "delete", &id]));
        }
    }
}

/// Runs these uses with each fault of the route.
fn check(route: Route, jobs: &[Job]) {
    let faults: Vec<_> = NamedFault::all()
        .filter(|fault| fault.is_at(route))
        .collect();
    let cases = faults
        .iter()
        .flat_map(|fault| jobs.iter().map(move |job| (*fault, *job)));
    let cases: Vec<_> = cases.collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let Some((fault, job)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(fault, route, *job)));
            failed.extend(outcome.is_err().then(|| format!("{} {job:?}", fault.name)));
        }
        failed
    };
    let failed: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        let ends = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        ends.flatten().collect()
    });
    assert!(failed.is_empty(), "at {}: {failed:#?}", route.as_str());
}

#[test]
fn faults_of_the_metadata_end_within_the_contract() {
    check(Route::Metadata, &[Job::SignIn, Job::Renewal]);
}

#[test]
fn faults_of_the_authorize_page_end_within_the_contract() {
    check(Route::Authorize, &[Job::SignIn]);
}

#[test]
fn faults_of_the_device_endpoint_end_within_the_contract() {
    check(Route::Device, &[Job::DeviceCode]);
}

#[test]
fn faults_of_the_token_endpoint_end_within_the_contract_and_lose_no_session() {
    check(Route::Token, &[Job::SignIn, Job::Renewal, Job::DeviceCode]);
}

#[test]
fn faults_of_the_exchange_end_within_the_contract_and_lose_no_session() {
    check(Route::Exchange, &[Job::SignIn, Job::Renewal]);
}

#[test]
fn faults_of_identities_end_within_the_contract() {
    let jobs = [
        Job::CreateUser,
        Job::IssueToken,
        Job::RevokeToken,
        Job::DeleteUser,
    ];
    check(Route::Identities, &jobs);
}
