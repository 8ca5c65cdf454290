//! The freshness rule end to end: what is redeemed when, and what is better than nothing.

use std::sync::Arc;
use std::time::Duration;

use acspass::emulator::{Emulator, Fault, FaultKind, FaultSelection, Options, Route};
use acspass::error::Kind;
use acspass::time::{Clock, SettableClock, Sleep, SystemClock, Timestamp};

use crate::harness::secret_service::SecretService;
use crate::harness::teams_user::TeamsUser;
use crate::harness::{Home, TestBrowser};

const NINE_MINUTES: Duration = Duration::from_secs(540);

fn busy(route: Route, status: u16) -> Fault {
    Fault {
        route,
        times: None,
        what: FaultKind::Status {
            status,
            retry_after: Some("0".to_owned()),
            content_type: "text/plain".to_owned(),
            body: "come back later".to_owned(),
        },
    }
}

#[test]
fn tokens_of_nine_minutes_are_redeemed_once_and_then_no_more() {
    let (home, emulator) = Home::with_keyring();
    emulator.set_token_life(NINE_MINUTES);
    home.login();
    let first = home.real(&["get"]);
    let token = first.token();
    first.assert_says(&["warning: ", "the tenant issues short-lived tokens"]);
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(emulator.count("exchange"), 1);

    let requests = emulator.requests().len();
    assert_eq!(home.real(&["get"]).token(), token);
    assert_eq!(
        emulator.requests().len(),
        requests,
        "the second redeems nothing"
    );

    home.real(&["get", "--force-refresh"]).token();
    assert_eq!(emulator.count("refresh_token"), 2);
    assert_eq!(emulator.count("exchange"), 2);
}

#[test]
fn a_minimum_that_no_token_reaches_is_redeemed_for_once() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    home.real(&["get"]).token();
    let long = ["get", "--min-validity", "3h"];
    let token = home.real(&long).token();
    assert_eq!(emulator.count("refresh_token"), 1);
    assert_eq!(home.real(&long).token(), token);
    assert_eq!(emulator.count("refresh_token"), 1);
}

#[test]
fn short_tokens_are_redeemed_again_after_half_of_their_life() {
    let user = TeamsUser::with_token_life(NINE_MINUTES);
    user.login();
    let token = user.get().expect("a token").secret;
    assert_eq!(user.emulator.count("refresh_token"), 1);
    user.clock
        .advance(NINE_MINUTES / 2 - Duration::from_secs(1));
    assert_eq!(user.get().expect("the same").secret, token);
    assert_eq!(user.emulator.count("refresh_token"), 1);
    user.clock.advance(Duration::from_secs(1));
    assert_ne!(user.get().expect("another").secret, token);
    assert_eq!(user.emulator.count("refresh_token"), 2);
}

#[test]
fn a_token_is_handed_out_until_ten_minutes_before_its_end() {
    let life = Duration::from_secs(75 * 60);
    let user = TeamsUser::with_token_life(life);
    user.login();
    let token = user.get().expect("a token").secret;
    user.clock.advance(life - Duration::from_secs(601));
    assert_eq!(user.get().expect("the same").secret, token);
    user.clock.advance(Duration::from_secs(1));
    assert_ne!(user.get().expect("another").secret, token);
    assert_eq!(user.emulator.count("refresh_token"), 1);
}

#[test]
fn while_a_service_is_busy_a_token_of_more_than_a_minute_is_handed_out() {
    let life = Duration::from_secs(75 * 60);
    for route in [Route::Token, Route::Exchange] {
        let user = TeamsUser::with_token_life(life);
        user.login();
        let token = user.get().expect("a token").secret;
        user.emulator.add_fault(busy(route, 503));
        user.clock.advance(life - Duration::from_secs(61));
        let kept = user.get().expect("the kept one");
        assert_eq!(kept.secret, token);
        assert_eq!(kept.expires_in_seconds, 61);
        user.clock.advance(Duration::from_secs(1));
        let error = user.get().expect_err("a minute is too little");
        assert_eq!(error.kind(), Kind::Unreachable, "{route:?}");
    }
}

#[test]
fn what_is_kept_is_better_than_nothing_and_said_but_not_where_a_refresh_is_forced() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let token = home.real(&["get"]).token();
    for (route, status) in [
        (Route::Metadata, 503),
        (Route::Token, 500),
        (Route::Token, 429),
        (Route::Exchange, 502),
    ] {
        emulator.add_fault(busy(route, status));
        if route == Route::Metadata {
            home.forget_metadata();
        }
        let kept = home.real(&["get", "--min-validity", "2h"]);
        assert_eq!(kept.token(), token);
        kept.assert_says(&["warning: ", "using the cached token", &status.to_string()]);
        home.real(&["get", "--force-refresh"])
            .assert_error(6, &[&status.to_string()]);
        emulator.clear_faults();
    }
    assert_eq!(home.real(&["get"]).token(), token, "nothing was lost");
}

#[test]
fn without_network_the_kept_token_is_handed_out_with_a_warning() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let token = home.real(&["get"]).token();
    drop(emulator);
    let kept = home.real(&["get", "--min-validity", "2h"]);
    assert_eq!(kept.token(), token);
    kept.assert_says(&["warning: ", "using the cached token"]);
}

#[test]
fn without_network_a_forced_refresh_prints_no_old_token() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    home.real(&["get"]).token();
    drop(emulator);
    home.real(&["get", "--force-refresh"]).assert_error(
        6,
        &["could not connect to", "`acspass emulator --http-port "],
    );
}

#[test]
fn a_revoked_session_is_never_papered_over_by_an_old_token() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    let token = home.real(&["get"]).token();
    emulator.revoke_sessions();
    assert_eq!(
        home.real(&["get"]).token(),
        token,
        "a fresh one asks nobody"
    );
    for stale in [&["--min-validity", "2h"][..], &["--force-refresh"]] {
        let words = [&["get", "--no-interactive"], stale].concat();
        home.real(&words)
            .assert_error(4, &["AADSTS50173", "acspass login"]);
    }
    let browser = TestBrowser::walking();
    let words = ["get", "--interactive", "--force-refresh"];
    home.call(&words).by(&browser).spawn().end().token();
    assert_eq!(browser.opened().len(), 1);
    assert_eq!(emulator.count("exchange"), 2);
    home.real(&["get", "--force-refresh"]).token();
}

#[test]
fn expiry_is_judged_by_the_services_clock_where_it_differs() {
    let two_hours_ago = SystemClock.now().minus(Duration::from_secs(7200));
    let emulator = Arc::new(
        Emulator::start(Options {
            clock: Arc::new(SettableClock::new(two_hours_ago)),
            ..Options::default()
        })
        .expect("an emulator"),
    );
    let mut home = Home::new();
    home.point_at(&emulator);
    home.use_keyring(SecretService::start());
    let login = home.login();
    login.assert_says(&["warning: this machine's clock is 2 h ahead of the service's"]);
    // By this machine's clock all of these have expired 45 minutes ago.
    let first = home.real(&["get", "-o", "json"]);
    let left = first.json()["expiresInSeconds"].as_u64().expect("seconds");
    assert!((4400..=4500).contains(&left), "{left}");
    let requests = emulator.requests().len();
    assert_eq!(home.real(&["get"]).token(), first.json()["token"]);
    assert_eq!(emulator.requests().len(), requests);
    home.real(&["status"]).assert_code(0);
}

#[test]
fn a_clock_that_differs_by_more_than_a_minute_is_said_and_does_not_matter() {
    for (seconds, words) in [
        (
            7200,
            Some("this machine's clock is 2 h ahead of the service's"),
        ),
        (
            -7200,
            Some("this machine's clock is 2 h behind the service's"),
        ),
        (
            90,
            Some("this machine's clock is 1 min 30 s ahead of the service's"),
        ),
        (55, None),
        (-55, None),
    ] {
        let now = SettableClock::new(SystemClock.now());
        let options = Options {
            clock: Arc::new(now.clone()),
            ..Options::default()
        };
        let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
        let mut home = Home::new();
        home.point_at(&emulator);
        home.set("ACSPASS_STORE", "memory");
        let ours = SettableClock::new(now.now().shifted(seconds));
        let words_typed = ["get", "--interactive", "-o", "json"];
        let call = home.call(&words_typed).by_clock(&ours);
        let run = call.by(&TestBrowser::walking()).run();
        let json = run.assert_code(0).json();
        let end = now.now().plus(Duration::from_secs(4500)).to_string();
        assert_eq!(json["expiresOn"], end, "by the service's clock");
        match words {
            Some(words) => {
                run.assert_says(&["warning: ", words]);
                assert_eq!(json["expiresInSeconds"], 4500);
            }
            None => {
                run.assert_does_not_say("clock");
                assert_eq!(json["expiresInSeconds"], 4500 - seconds);
            }
        }
    }
}

/// A machine that tells only the wall clock's time.
#[derive(Clone)]
struct WallOnly(SettableClock);

impl Clock for WallOnly {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.0.sleep(duration)
    }
}

/// A home with sealed files, an emulator, and the clock of its services.
fn home_and_service() -> (Home, Arc<Emulator>, SettableClock) {
    let service = SettableClock::new(SystemClock.now());
    let options = Options {
        clock: Arc::new(service.clone()),
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let mut home = Home::new();
    home.point_at(&emulator);
    let key_file = home.path().join("key");
    acspass::store::create_key_file(&key_file).expect("a key");
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", &key_file.display().to_string());
    (home, emulator, service)
}

const GET: [&str; 3] = ["get", "-o", "json"];

// https://github.com/microsoft/WSL/issues/41291
#[test]
fn expired_token_is_not_printed_after_a_suspend_that_stopped_the_uptime() {
    let (home, emulator, service) = home_and_service();
    let ours = SettableClock::new(service.now());
    let first = ["get", "--interactive"];
    let call = home.call(&first).by_clock(&ours);
    let token = call.by(&TestBrowser::walking()).run().token();

    let asleep = Duration::from_secs(11_994);
    service.advance(asleep);
    ours.advance(Duration::from_secs(5_400));
    ours.set(service.now());

    let status = home.call(&["status", "-o", "json"]).by_clock(&ours).run();
    for kind in ["entraToken", "communicationToken"] {
        assert_eq!(status.json()["accounts"][0][kind]["fresh"], false, "{kind}");
    }
    let run = home.call(&GET).by_clock(&ours).run();
    assert_ne!(run.json()["token"], token.as_str(), "it has expired");
    assert_eq!(run.json()["expiresInSeconds"], 4500);
    let requests = emulator.requests().len();
    home.call(&GET).by_clock(&ours).run().assert_code(0);
    assert_eq!(emulator.requests().len(), requests, "one renewal is enough");
}

#[test]
fn after_a_refused_refresh_token_the_status_is_that_a_sign_in_is_required() {
    let (home, emulator, service) = home_and_service();
    let ours = SettableClock::new(service.now());
    let sign_in = ["get", "--interactive"];
    let call = home.call(&sign_in).by_clock(&ours);
    call.by(&TestBrowser::walking()).run().assert_code(0);
    emulator.revoke_sessions();
    let call = |words: &[&str]| home.call(words).by_clock(&ours).run();
    call(&["get", "--force-refresh"]).assert_error(4, &["AADSTS50173"]);
    // The cached token is still fresh.
    call(&["status"]).assert_code(0);

    service.advance(Duration::from_secs(7200));
    ours.set(service.now());
    let status = call(&["status"]);
    let next = "requires a sign-in";
    assert!(
        status.assert_code(4).stdout.contains(next),
        "{}",
        status.stdout
    );
    // A policy may have changed, so the refresh is tried again.
    call(&["get"]).assert_error(4, &["AADSTS50173"]);
    let call = home.call(&sign_in).by_clock(&ours);
    call.by(&TestBrowser::walking()).run().assert_code(0);
    home.call(&["status"]).by_clock(&ours).run().assert_code(0);
}

#[test]
fn a_refusal_of_the_scopes_alone_leaves_the_session_renewable() {
    let (home, emulator, service) = home_and_service();
    let ours = SettableClock::new(service.now());
    let call = home.call(&["get", "--interactive"]).by_clock(&ours);
    call.by(&TestBrowser::walking()).run().assert_code(0);
    service.advance(Duration::from_secs(7200));
    ours.set(service.now());
    let selection = FaultSelection {
        name: "consent-required".to_owned(),
        route: Some(Route::Token),
        ..FaultSelection::default()
    };
    emulator.select_fault(selection).expect("a fault");
    let call = |words: &[&str]| home.call(words).by_clock(&ours).run();
    call(&["get"]).assert_error(4, &["AADSTS65001"]);
    call(&["status"]).assert_code(0);
    call(&["get"]).assert_code(0);
}

#[test]
fn a_session_without_a_refresh_token_is_named_when_it_has_to_be_renewed() {
    let (home, emulator, _) = home_and_service();
    let selection = FaultSelection {
        name: "refresh-token-missing".to_owned(),
        probability: Some(1.0),
        ..FaultSelection::default()
    };
    emulator.select_fault(selection).expect("a fault");
    home.login();
    home.real(&["get", "--force-refresh"]).assert_error(
        4,
        &[
            "ada@contoso.example cannot be renewed, because Entra issued no refresh token",
            "Run `acspass login --account ada@contoso.example`.",
        ],
    );
}

#[test]
fn without_a_boot_id_a_clock_that_is_wrong_costs_no_renewal() {
    for shift in [2 * 3600, -2 * 3600] {
        let (home, emulator, service) = home_and_service();
        let hands = SettableClock::new(service.now().shifted(shift));
        let ours = WallOnly(hands.clone());
        let words = ["get", "--interactive", "-o", "json"];
        let call = home.call(&words).by_clock(&ours);
        let first = call.by(&TestBrowser::walking()).run();
        first.assert_code(0);
        assert_eq!(first.json()["expiresInSeconds"], 4500);
        home.call(&["status"])
            .by_clock(&ours)
            .run()
            .assert_code(0)
            .assert_does_not_say("expired");

        let requests = emulator.requests().len();
        for clock in [&service, &hands] {
            clock.advance(Duration::from_secs(60));
        }
        let again = home.call(&GET).by_clock(&ours).run();
        assert_eq!(again.json()["token"], first.json()["token"], "{shift}");
        assert_eq!(again.json()["expiresInSeconds"], 4440);
        assert_eq!(emulator.requests().len(), requests, "{shift}");
    }
}
