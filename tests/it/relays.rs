//! Through a relay that stalls, resets and half-sends, over real sockets: the job is done by another
//! try, or ends with the host's name and the right words before its deadline.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route};
use acspass::error::{Error, Kind};
use acspass::http::{self, CaFile, Http, Proxies, Request};
use acspass::secret::ProxyAddress;

use crate::harness::relay::{HOST, Mischief, Relay};
use crate::harness::teams_user::TeamsUser;
use crate::harness::{Home, TestBrowser};

const METADATA: &str = "/openid-configuration";
const TOKEN: &str = "/token";
const EXCHANGE: &str = "/:exchangeAccessToken";

const ALL: [Mischief; 5] = [
    Mischief::Silence,
    Mischief::ResetInHead,
    Mischief::HalfThenEnd,
    Mischief::HalfThenSilence,
    Mischief::Drip,
];

/// After which every access token has expired, and the cached metadata is too old.
const A_DAY: Duration = Duration::from_secs(25 * 60 * 60);

/// Deadlines that a test can wait for.
fn brief() -> http::Options {
    http::Options {
        first_wait: Duration::from_millis(10),
        attempt_timeout: Duration::from_millis(500),
        total_timeout: Duration::from_secs(5),
        ..http::Options::default()
    }
}

/// A session whose every token has run out, behind a relay.
fn behind() -> (TeamsUser, Relay) {
    let user = TeamsUser::at(HOST, Duration::from_secs(75 * 60), brief());
    let relay = Relay::before(user.port());
    user.login();
    user.get().expect("a token");
    (user, relay)
}

#[test]
fn another_try_brings_what_the_first_did_not() {
    let (user, relay) = behind();
    for what in ALL {
        user.clock.advance(A_DAY);
        for path in [METADATA, TOKEN, EXCHANGE] {
            relay.will(what, path, 1);
        }
        user.get()
            .unwrap_or_else(|error| panic!("{what:?}: {error}"));
        assert_eq!(relay.stop(), 0, "{what:?} was met on every path");
    }
}

#[track_caller]
fn assert_words(error: &Error, user: &TeamsUser, what: Mischief) {
    let words = match what {
        Mischief::Silence | Mischief::HalfThenSilence | Mischief::Drip => "no response from ",
        Mischief::ResetInHead | Mischief::HalfThenEnd => "broke",
    };
    assert_eq!(error.kind(), Kind::Unreachable, "{what:?}: {error}");
    let host = format!("{HOST}:{}", user.port());
    for word in [words, &host] {
        assert!(
            error.message().contains(word),
            "{what:?}: no {word} in {error}"
        );
    }
    assert!(!error.hint().is_empty());
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let is_timeout = cause.is_some_and(|cause| cause.starts_with("timed out after "));
    assert_eq!(is_timeout, words == "no response from ", "{what:?}");
}

#[test]
fn what_stays_ends_with_the_host_and_the_right_words() {
    let (user, relay) = behind();
    for (what, path) in [
        (Mischief::ResetInHead, METADATA),
        (Mischief::ResetInHead, TOKEN),
        (Mischief::ResetInHead, EXCHANGE),
        (Mischief::HalfThenEnd, METADATA),
        (Mischief::HalfThenEnd, TOKEN),
        (Mischief::HalfThenEnd, EXCHANGE),
        (Mischief::Silence, METADATA),
        (Mischief::HalfThenSilence, TOKEN),
        (Mischief::Drip, EXCHANGE),
    ] {
        user.clock.advance(A_DAY);
        relay.will(what, path, 100);
        let error = user.get().expect_err("a failure");
        assert_words(&error, &user, what);
        assert_eq!(relay.stop(), 96, "{what:?} at {path}: four tries");
    }
    user.get().expect("the session has lost nothing");
}

#[test]
fn timeout_names_the_time_of_all_tries() {
    let (user, relay) = behind();
    user.clock.advance(A_DAY);
    relay.will(Mischief::Silence, METADATA, 100);
    let error = user.get().expect_err("a failure");
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    // Four tries of 500 ms each.
    assert_eq!(cause.as_deref(), Some("timed out after 2 s"));
    relay.stop();
}

#[test]
fn the_command_ends_with_6_and_names_the_host() {
    let options = Options {
        host_names: vec![HOST.to_owned()],
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let mut home = Home::new();
    home.point_at(&emulator);
    home.set("ACSPASS_STORE", "memory");
    let url = emulator.http_url().replace("localhost", HOST);
    home.set("AZURE_AUTHORITY_HOST", &url);
    let port = url::Url::parse(&url).expect("an address").port();
    let relay = Relay::before(port.expect("a port"));
    relay.will(Mischief::HalfThenEnd, METADATA, 100);
    let host = url.trim_start_matches("http://");
    let words = format!("the connection to {host} broke");
    home.run(&["login"]).assert_error(6, &[&words]);
    relay.stop();
    let call = home.call(&["login"]).by(&TestBrowser::walking());
    call.run().assert_code(0);
}

#[test]
fn a_handshake_that_stalls_ends_in_time_at_the_host_and_at_a_proxy() {
    let silent = TcpListener::bind((HOST, 0)).expect("a port");
    let address = silent.local_addr().expect("its address");
    // The system's authorities may be missing where tests run: this one file is as good.
    let emulator = Emulator::start(Options {
        https_port: Some(0),
        ..Options::default()
    });
    let emulator = emulator.expect("an emulator");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, emulator.ca_pem().expect("an authority")).expect("a file");
    let by_proxy = Proxies::Named {
        by: "a test",
        address: ProxyAddress::new(address.to_string()),
        except: http::NoProxy::default(),
    };
    for (proxies, host, words) in [
        (
            Proxies::System,
            address.to_string(),
            format!("could not connect to {address}"),
        ),
        (
            by_proxy,
            "login.invalid".to_owned(),
            format!("could not connect to login.invalid through the proxy {address}"),
        ),
    ] {
        let http = Http::new(http::Options {
            ca_files: vec![CaFile {
                path: path.clone(),
                named_by: "a test",
                required: true,
            }],
            proxies,
            ..brief()
        });
        let url = url::Url::parse(&format!("https://{host}/")).expect("an address");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let answer = runtime
            .expect("a runtime")
            .block_on(http.send(|| Ok(Request::get(url.clone()))));
        let error = answer.err().expect("a failure");
        assert_eq!(error.kind(), Kind::Unreachable);
        assert_eq!(error.message(), words);
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("the connection timed out"));
    }
}

/// A page in place of an answer, as portals and proxies give one.
fn page(status: u16) -> FaultKind {
    FaultKind::Status {
        status,
        retry_after: None,
        content_type: "text/html; charset=utf-8".to_owned(),
        body: "<h1>Welcome to the hotel</h1>".to_owned(),
    }
}

#[test]
fn a_web_page_in_place_of_an_answer_is_called_what_it_is() {
    for (status, words) in [
        (200, "returned a web page (200)"),
        (403, "returned a web page (403)"),
        (302, "returned a redirect to another page (302)"),
        (511, "returned the network's demand to sign in (511)"),
    ] {
        for route in [Route::Metadata, Route::Token, Route::Exchange] {
            let (home, emulator) = Home::with_emulator();
            emulator.add_fault(Fault {
                route,
                times: None,
                what: page(status),
            });
            let browser = TestBrowser::walking();
            let call = home.call(&["get", "--interactive"]).by(&browser);
            let host = emulator.http_url().replace("http://", "");
            call.run().assert_error(
                6,
                &[
                    &format!("{host} {words}"),
                    "a captive portal or a proxy's login page",
                    "open a page that begins with http:// in a browser",
                ],
            );
            assert!(
                emulator.requests().len() < 8,
                "a page is not asked for again and again: {:?}",
                emulator.requests()
            );
        }
    }
}

#[test]
fn what_will_not_change_is_not_said_to_keep_answering() {
    for route in [Route::Metadata, Route::Token, Route::Exchange] {
        for status in [501, 505] {
            let (home, emulator) = Home::with_emulator();
            emulator.add_fault(Fault {
                route,
                times: None,
                what: FaultKind::Status {
                    status,
                    retry_after: None,
                    content_type: "application/json".to_owned(),
                    body: "{}".to_owned(),
                },
            });
            let call = home.call(&["get", "--interactive"]);
            let run = call.by(&TestBrowser::walking()).run();
            run.assert_error(6, &[&format!("returned HTTP status {status}")]);
            run.assert_does_not_say("keeps returning");
        }
    }
}
