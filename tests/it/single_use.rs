//! What is sent only once, and what is said of a request that may have arrived.

use std::sync::Arc;
use std::time::Duration;

use acspass::acs::IdentityClient;
use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route};
use acspass::error::{Error, Kind};
use acspass::http::{self, Http, Proxies, Request};
use acspass::secret::ProxyAddress;

use crate::harness::canned::Canned;
use crate::harness::http::unused_port;
use crate::harness::{Home, TestBrowser};

const KEY: &str = "c2VjcmV0";

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    // No failure takes longer: one that does hangs.
    let work = async { tokio::time::timeout(Duration::from_secs(120), work).await };
    let outcome = runtime.expect("a runtime").block_on(work);
    outcome.expect("it ends in time")
}

fn brief() -> http::Options {
    http::Options {
        first_wait: Duration::from_millis(1),
        proxies: Proxies::None {
            why: "a test".to_owned(),
        },
        ..http::Options::default()
    }
}

fn status(status: u16) -> FaultKind {
    FaultKind::Status {
        status,
        retry_after: Some("0".to_owned()),
        content_type: "text/plain".to_owned(),
        body: "not now".to_owned(),
    }
}

// https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2
#[test]
fn an_authorization_code_is_sent_once_and_its_loss_asks_for_a_new_sign_in() {
    for (what, words) in [
        (FaultKind::Drop, "broke"),
        (FaultKind::DropAfterHandling, "broke"),
        (status(503), "returned HTTP status 503"),
        (status(429), "returned HTTP status 429"),
    ] {
        let (home, emulator) = Home::with_emulator();
        let case = format!("{what:?}");
        emulator.add_fault(Fault {
            route: Route::Token,
            times: None,
            what,
        });
        let browser = TestBrowser::walking();
        let run = home.call(&["login"]).by(&browser).run();
        run.assert_error(6, &[words, "`acspass login` again"]);
        let sent = emulator.requests().into_iter();
        let sent = sent.filter(|entry| entry.path.ends_with("/token")).count();
        assert_eq!(sent, 1, "{case}");
        assert!(browser.pages()[0].html.contains("Sign-in failed"), "{case}");
    }
}

#[test]
fn a_single_use_request_is_tried_again_only_before_its_first_byte_is_sent() {
    let server = Canned::closing();
    // No byte of a request is sent before a proxy has let it through.
    let through = http::Options {
        proxies: Proxies::Named {
            by: "a test",
            address: ProxyAddress::new(server.address()),
            except: http::NoProxy::default(),
        },
        ..brief()
    };
    let far = "https://login.invalid/".parse().expect("an address");
    let unsent = block_on(Http::new(through).send_single_use(&Request::get(far)));
    let error = unsent.err().expect("a failure");
    assert!(!error.may_have_arrived(), "{error}");
    assert_eq!(server.connections(), 4);

    let sent = block_on(Http::new(brief()).send_single_use(&Request::get(server.url())));
    let error = sent.err().expect("a failure");
    assert!(error.may_have_arrived(), "{error}");
    assert_eq!(server.connections(), 5, "once");
}

fn create(connection_string: &str, options: http::Options) -> Error {
    let client = IdentityClient::from_connection_string(connection_string);
    let client = client.expect("it is well-formed");
    let client = client.with_http(Arc::new(Http::new(options)));
    block_on(client.create_user()).expect_err("a failure")
}

#[test]
fn a_create_that_never_left_the_machine_leaves_no_identity_behind() {
    let emulator = Emulator::start(Options {
        https_port: Some(0),
        ..Options::default()
    });
    let emulator = emulator.expect("an emulator");
    let far = format!("endpoint=https://nowhere.invalid;accesskey={KEY}");
    let proxy = |port: u16| http::Options {
        proxies: Proxies::Named {
            by: "a test",
            address: ProxyAddress::new(format!("127.0.0.1:{port}")),
            except: http::NoProxy::default(),
        },
        ..brief()
    };
    let broken = Canned::closing();
    let broken_port = broken.url().port().expect("a port");
    for (case, text, options) in [
        (
            "refused",
            format!(
                "endpoint=http://localhost:{};accesskey={KEY}",
                unused_port()
            ),
            brief(),
        ),
        ("no such name", far.clone(), brief()),
        // Nobody has named the emulator's own authority.
        ("untrusted", emulator.connection_string(), brief()),
        ("dead proxy", far.clone(), proxy(unused_port())),
        ("broken proxy", far, proxy(broken_port)),
    ] {
        let error = create(&text, options);
        assert_eq!(error.kind(), Kind::Unreachable, "{case}: {error}");
        assert!(!error.may_have_arrived(), "{case}: {error}");
        let hint = error.hint();
        assert!(!hint.contains("may exist"), "{case}: {hint}");
    }
    assert_eq!(emulator.count("create_identity"), 0);
}

#[test]
fn a_create_whose_request_was_sent_may_have_left_an_identity_behind() {
    let text = |server: &Canned| format!("endpoint={};accesskey={KEY}", server.url());
    let page = |status: &str| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        Canned::answering(head.into_bytes())
    };
    for (server, may_exist) in [
        (Canned::closing(), true),
        (page("500 Internal Server Error"), true),
        (page("201 Created"), true),
        (page("429 Too Many Requests"), false),
        (page("403 Forbidden"), false),
    ] {
        let error = create(&text(&server), brief());
        let is_said = error.hint().contains("may exist");
        assert_eq!(is_said, may_exist, "{error}: {}", error.hint());
    }
}

#[test]
fn a_refused_connection_to_this_machine_is_not_tried_again() {
    // A second try would wait for an hour.
    let patient = || http::Options {
        first_wait: Duration::from_secs(3600),
        total_timeout: Duration::from_secs(7200),
        ..brief()
    };
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/", unused_port());
        let url: url::Url = url.parse().expect("an address");
        let error = block_on(Http::new(patient()).send(|| Ok(Request::get(url.clone()))));
        let error = error.err().expect("a failure");
        assert_eq!(error.kind(), Kind::Unreachable);
        assert!(error.message().contains("could not connect to"), "{error}");
    }
    let by_dead_proxy = http::Options {
        proxies: Proxies::Named {
            by: "a test",
            address: ProxyAddress::new(format!("127.0.0.1:{}", unused_port())),
            except: http::NoProxy::default(),
        },
        ..patient()
    };
    let far: url::Url = "https://login.invalid/".parse().expect("an address");
    let error = block_on(Http::new(by_dead_proxy).send(|| Ok(Request::get(far.clone()))));
    assert!(
        error
            .err()
            .expect("a failure")
            .message()
            .contains("the proxy")
    );
}
