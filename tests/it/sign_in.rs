//! Signing in: what is asked of Entra, who may answer, and how it ends where it does not succeed.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use acspass::emulator::UserAgent;

use crate::harness::browser::{parameter, redirect_port};
use crate::harness::{Home, Run, TestBrowser, http};

/// Signs in, in this process, with the store in memory.
fn login(home: &Home, browser: &Arc<TestBrowser>, more: &[&str]) -> Run {
    home.call(&[&["login"], more].concat()).by(browser).run()
}

fn is_closed(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
        && TcpStream::connect((Ipv6Addr::LOCALHOST, port)).is_err()
}

/// Whether the port closes. A process that another test is just starting has a copy of every
/// socket until it becomes its program, so closing can take a moment.
fn closes(port: u16) -> bool {
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_closed(port) {
        if Instant::now() > patience {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// A port that no other test is given meanwhile: below those that the system hands out.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let port = 15_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 15_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && is_closed(port) {
            return port;
        }
    }
}

#[test]
fn the_request_has_all_that_binds_the_answer_to_it() {
    let (home, _emulator) = Home::with_emulator();
    let mut entry = Vec::new();
    for _ in 0..2 {
        let browser = TestBrowser::walking();
        let port = free_port();
        login(&home, &browser, &["--port", &port.to_string()]).assert_code(0);
        let asked = |name: &str| browser.parameter(name).unwrap_or_default();
        assert_eq!(asked("response_type"), "code");
        assert_eq!(asked("response_mode"), "form_post");
        assert_eq!(asked("code_challenge_method"), "S256");
        assert_eq!(asked("client_info"), "1");
        assert!(asked("redirect_uri").starts_with("http://localhost:"));
        let scopes = asked("scope");
        let scopes: Vec<&str> = scopes.split(' ').collect();
        for scope in ["openid", "profile", "offline_access"] {
            assert!(scopes.contains(&scope), "{scopes:?}");
        }
        for secret in ["state", "nonce", "code_challenge"] {
            let secret = asked(secret);
            assert!(secret.len() >= 22, "128 bits in Base64: {secret}");
            assert!(!entry.contains(&secret), "never twice");
            entry.push(secret);
        }
        assert_eq!(redirect_port(&browser.opened()[0]), port);
        assert!(closes(port));
    }
}

#[test]
fn requests_of_other_programs_neither_end_nor_fail_a_sign_in() {
    let (home, emulator) = Home::with_emulator();
    let turned_away = Arc::new(AtomicUsize::new(0));
    let count = turned_away.clone();
    let browser = TestBrowser::after(move |url| {
        let port = redirect_port(url);
        let (state, ours) = (
            parameter(url, "state").unwrap(),
            format!("localhost:{port}"),
        );
        let right = format!("code=stolen&state={state}");
        for answer in [
            http::post_form(port, &ours, "/", "code=guessed&state=guessed"),
            http::post_form(port, &ours, "/", "error=access_denied&state=guessed"),
            http::post_form(port, &ours, "/", "code=without-a-state"),
            http::post_form(port, "evil.example", "/", &right),
            http::post_form(port, &ours, "/elsewhere", &right),
            http::post_form(port, &ours, "/", &format!("{right}&state={state}")),
            http::get(port, &ours, "/favicon.ico"),
            http::get(port, &ours, &format!("/?{right}")),
            http::send(port, &format!("PUT / HTTP/1.1\r\nHost: {ours}\r\n\r\n")),
            http::send(port, "hello?\r\n\r\n"),
            http::send(
                port,
                &format!(
                    "POST / HTTP/1.1\r\nHost: {ours}\r\nTransfer-Encoding: chunked\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\n\r\n"
                ),
            ),
        ] {
            let status = http::status(&answer);
            assert!((400..500).contains(&status), "{answer}");
            assert!(!answer.contains(&state), "a refusal contains no state");
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let run = login(&home, &browser, &[]);
    run.assert_code(0)
        .assert_says(&["Signed in as ada@contoso.example."]);
    assert_eq!(turned_away.load(Ordering::Relaxed), 11);
    assert_eq!(emulator.count("authorization_code"), 1);
}

#[test]
fn a_sign_in_that_is_cancelled_ends_with_3() {
    let (home, emulator) = Home::with_emulator();
    let run = login(&home, &TestBrowser::cancelling(), &[]);
    run.assert_error(3, &["the sign-in was cancelled", "Run `acspass login`"]);
    assert!(run.pages[0].html.contains("Sign-in failed"));
    assert_eq!(emulator.count("authorization_code"), 0);
}

#[test]
fn sign_in_that_times_out_ends_with_3_and_closes_its_port() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::idle();
    let port = free_port();
    let run = login(
        &home,
        &browser,
        &["--timeout", "1s", "--port", &port.to_string()],
    );
    run.assert_error(3, &["sign-in timed out after 1 s"]);
    assert!(closes(port));
}

#[test]
fn missing_consent_ends_with_3_and_entras_own_code() {
    let (home, emulator) = Home::with_emulator();
    emulator.withhold_scope("Teams.ManageCalls");
    emulator.withhold_scope("Teams.ManageChats");
    let run = login(&home, &TestBrowser::walking(), &[]);
    run.assert_error(3, &["AADSTS65001", "consent", "send your admin"]);
    assert!(run.pages[0].html.contains("Sign-in failed"));
}

#[test]
fn a_partial_grant_is_accepted_and_said() {
    let (home, emulator) = Home::with_emulator();
    emulator.withhold_scope("Teams.ManageChats");
    let browser = TestBrowser::walking();
    let run = home.call(&["get", "--interactive"]).by(&browser).run();
    run.token();
    run.assert_says(&["Entra did not grant these scopes: Teams.ManageChats"]);
}

#[test]
fn another_user_than_the_one_asked_for_is_refused_and_nothing_changes() {
    let (home, _emulator) = Home::with_keyring();
    home.login_as(&TestBrowser::of("ben@contoso.example"));
    let items = home.keyring().lookup_items();
    let before = home.keyring().lookup(&items[0]);
    for account in ["ben@contoso.example", "cleo@contoso.example"] {
        // Only an account picker lets somebody else in: Entra is given no hint with it.
        let words = ["login", "--account", account, "--prompt", "select_account"];
        let browser = TestBrowser::of("ada@contoso.example");
        let run = home.call(&words).by(&browser).spawn().end();
        run.assert_error(3, &["ada@contoso.example signed in instead of", account]);
        assert!(run.pages[0].html.contains("Sign-in failed"));
        assert_eq!(browser.parameter("login_hint"), None);
        assert_eq!(
            browser.parameter("prompt").as_deref(),
            Some("select_account")
        );
    }
    assert_eq!(home.keyring().lookup_items(), items);
    assert_eq!(home.keyring().lookup(&items[0]), before);
    let status = home.real(&["status", "-o", "json"]);
    let accounts = status.json()["accounts"].clone();
    assert_eq!(accounts.as_array().map(Vec::len), Some(1));
    assert_eq!(accounts[0]["username"], "ben@contoso.example");
}

#[test]
fn the_account_that_is_asked_for_is_hinted_to_entra() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::walking();
    let run = login(&home, &browser, &["--account", "Ben@Contoso.example"]);
    run.assert_code(0)
        .assert_says(&["Signed in as ben@contoso.example."]);
    let hint = browser.parameter("login_hint");
    assert_eq!(hint.as_deref(), Some("Ben@Contoso.example"));
}

#[test]
fn a_redirect_uri_with_a_path_is_served_there_and_its_root_is_not_found() {
    let (home, _emulator) = Home::with_emulator();
    let port = free_port();
    let uri = format!("http://localhost:{port}/redirect");
    let browser = TestBrowser::after(move |url| {
        let state = parameter(url, "state").unwrap();
        let (host, form) = (format!("localhost:{port}"), format!("code=x&state={state}"));
        for path in ["/", "/redirect/", "/redirect/x", "/Redirect"] {
            let answer = http::post_form(port, &host, path, &form);
            assert_eq!(http::status(&answer), 404, "{path}");
        }
    });
    let run = login(&home, &browser, &["--redirect-uri", &uri]);
    run.assert_code(0);
    assert_eq!(browser.parameter("redirect_uri"), Some(uri));
    assert!(
        run.pages[0].url.ends_with("/redirect"),
        "{}",
        run.pages[0].url
    );
}

#[test]
fn a_redirect_port_that_is_taken_ends_with_2_before_a_browser_opens() {
    let (home, _emulator) = Home::with_emulator();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let run = login(&home, &TestBrowser::never(), &["--port", &port]);
    run.assert_error(2, &[&port]);
}

#[test]
fn only_plain_loopback_redirect_uris_are_accepted() {
    let (home, emulator) = Home::with_emulator();
    for uri in [
        "http://evil.example/redirect",
        "https://localhost/redirect",
        "http://localhost.evil.example/",
        "http://user@localhost/",
        "acspass://answer",
        "nonsense",
    ] {
        let run = login(&home, &TestBrowser::never(), &["--redirect-uri", uri]);
        run.assert_error(2, &["redirect"]);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn ctrl_c_ends_a_waiting_sign_in_at_once_and_leaves_nothing() {
    let (home, emulator) = Home::with_keyring();
    for signal in ["INT", "TERM", "HUP"] {
        let browser = TestBrowser::idle();
        let port = free_port();
        let words = ["login", "--port", &port.to_string()];
        let waiting = home.call(&words).by(&browser).spawn();
        assert_eq!(redirect_port(&browser.wait_for_opening()), port);
        assert!(!is_closed(port), "it listens");
        waiting.signal(signal);
        waiting.end().assert_error(130, &["interrupted"]);
        assert!(closes(port));
        assert_eq!(home.keyring().lookup_items(), [""; 0]);
        home.real(&["get"])
            .assert_error(4, &["no account is signed in"]);
    }
    assert_eq!(emulator.count("authorization_code"), 0);
    home.login();
    home.real(&["get"]).token();
}

#[test]
fn while_somebody_signs_in_others_that_may_not_end_at_once_with_4() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    emulator.revoke_sessions();
    let browser = TestBrowser::idle();
    let words = ["get", "--interactive", "--force-refresh"];
    let waiting = home.call(&words).by(&browser).spawn();
    let url = browser.wait_for_opening();
    home.real(&["get", "--no-interactive"])
        .assert_error(4, &["waiting for a sign-in"]);
    UserAgent::new(None).browse(&url).expect("it walks");
    waiting.end().token();
    home.real(&["get", "--no-interactive"]).token();
}

#[test]
fn without_a_browser_the_address_is_printed_and_waited_at() {
    let (home, _emulator) = Home::with_keyring();
    let mut waiting = home.call(&["login", "--no-browser"]).spawn();
    let page = UserAgent::new(None).browse(&waiting.printed_address());
    assert!(page.expect("it walks").html.contains("You are signed in"));
    waiting.end().assert_code(0);
    home.real(&["get"]).token();
}

#[test]
fn where_the_browser_fails_the_address_is_printed() {
    let (mut home, _emulator) = Home::with_keyring();
    home.set("BROWSER", "/bin/false");
    let mut waiting = home.call(&["login"]).spawn();
    let page = UserAgent::new(None).browse(&waiting.printed_address());
    assert!(page.expect("it walks").html.contains("You are signed in"));
    let run = waiting.end();
    run.assert_code(0).assert_says(&["warning: ", "/bin/false"]);
}

#[test]
fn floods_and_idlers_cost_little_memory_and_the_real_answer_completes() {
    const MIB: usize = 1024 * 1024;
    let (home, _emulator) = Home::with_keyring();
    let browser = TestBrowser::idle();
    let waiting = home.call(&["login"]).by(&browser).spawn();
    let url = browser.wait_for_opening();
    let port = redirect_port(&url);
    let peak = || waiting.status_kib("VmHWM:");
    let before = peak().expect("it lives");

    let idlers: Vec<TcpStream> = (0..200).map(|_| http::connect(port)).collect();
    let host = format!("Host: localhost:{port}\r\n");
    let header = http::connect(port);
    let head = format!("GET / HTTP/1.1\r\n{host}X-Long: ");
    http::flood(&header, &head, 50 * MIB);
    let body = http::connect(port);
    let head = format!(
        "POST / HTTP/1.1\r\n{host}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\nstate=",
        50 * MIB
    );
    http::flood(&body, &head, 50 * MIB);

    let flooded = peak().expect("it lives");
    let page = UserAgent::new(None).browse(&url).expect("it walks");
    assert!(page.html.contains("You are signed in"));
    // Where it has ended by now, it is what the flood left it with.
    let after = peak().unwrap_or(flooded).max(flooded);
    let run = waiting.end();
    run.assert_code(0);
    drop(idlers);
    let grown = after - before;
    assert!(grown < 32 * 1024, "it grew by {grown} KiB");
}
