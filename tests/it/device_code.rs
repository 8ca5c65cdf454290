//! Signing in with a code on another device: how it is shown, polled for, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use acspass::emulator::{Emulator, Fault, FaultKind, Options, Page, Route, UserAgent};
use serde_json::json;

use crate::harness::brisk_clock::BriskClock;
use crate::harness::{Home, Run};

/// Enters the code that waits, as this person would.
fn enter(emulator: &Emulator, person: &UserAgent) -> Page {
    let codes = emulator.user_codes();
    let code = codes.last().expect("a code waits").to_lowercase();
    let person = person.clone().typing(code);
    person.browse(&emulator.device_page()).expect("it walks")
}

/// Signs in, in this process; `person` enters the code after so many seconds.
fn login(clock: &BriskClock, home: &Home, emulator: &Arc<Emulator>, after: u64) -> Run {
    let at_page = emulator.clone();
    clock.meanwhile(move |slept| {
        if slept == after {
            enter(&at_page, &UserAgent::new(None));
        }
    });
    let words = ["login", "--device-code", "--timeout", "30m"];
    home.call(&words).by_clock(clock).run()
}

fn trouble(route: Route, times: u32, what: FaultKind) -> Fault {
    Fault {
        route,
        times: Some(times),
        what,
    }
}

fn busy(status: u16, retry_after: Option<&str>) -> FaultKind {
    FaultKind::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
        content_type: "text/html".to_owned(),
        body: "busy".to_owned(),
    }
}

#[test]
fn a_code_entered_on_another_device_signs_in() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    let run = login(&clock, &home, &emulator, 12);
    run.assert_code(0).assert_says(&[
        "/devicelogin",
        "The code expires in 15 min",
        emulator.client_id(),
        "Waiting up to 30 min",
        "Signed in as ada@contoso.example.",
    ]);
    assert_eq!(run.stdout, "");
    // The host stands alone in its line.
    let page = url::Url::parse(&emulator.device_page()).expect("an address");
    let port = page.port().expect("a port");
    let host = format!("  host  {}:{port}", page.host_str().expect("a host"));
    assert!(
        run.stderr.lines().any(|line| line == host),
        "{}",
        run.stderr
    );
    // At 5 and 10 nobody had, at 15 somebody had.
    assert_eq!(clock.slept(), 15);
    assert_eq!(emulator.count("device_code"), 3);
    assert_eq!(emulator.count("device_authorization"), 1);
    assert_eq!(emulator.count("authorize"), 0);
}

#[test]
fn unknown_client_id_is_corrected_where_it_was_given() {
    let (mut home, _emulator) = Home::with_emulator();
    let unknown = "11111111-2222-3333-4444-555555555555";
    let message = "the tenant has no application with this client id";
    let words = [
        "login",
        "--device-code",
        "--client-id",
        unknown,
        "--account=ada@contoso.example",
    ];
    home.run(&words).assert_error(
        3,
        &[
            message,
            "AADSTS700016",
            "`acspass login --account ada@contoso.example --device-code --client-id GUID`",
        ],
    );
    home.set("ACSPASS_CLIENT_ID", unknown);
    home.run(&["login", "--device-code"])
        .assert_error(3, &[message, "`export ACSPASS_CLIENT_ID=GUID`"]);
    home.unset("ACSPASS_CLIENT_ID");
    home.configure(&format!("[profile.default]\nclient-id = \"{unknown}\"\n"));
    home.run(&["login", "--device-code"])
        .assert_error(3, &[message, "`acspass config set client-id GUID`"]);
}

#[test]
fn the_result_is_that_of_the_browser_and_get_takes_the_configured_way() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    home.configure("[profile.default]\nsign-in = \"device-code\"\n");
    let at_page = emulator.clone();
    clock.meanwhile(move |slept| {
        if slept % 5 == 1 {
            enter(
                &at_page,
                &UserAgent::new(Some("ben@contoso.example".to_owned())),
            );
        }
    });
    let run = home.call(&["login", "-o", "json"]).by_clock(&clock).run();
    run.assert_code(0);
    assert_eq!(run.json()["account"]["username"], "ben@contoso.example");
    let run = home.call(&["get", "--interactive"]).by_clock(&clock).run();
    run.token();
}

#[test]
fn a_client_that_is_told_to_slow_down_does() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    let body = json!({"error": "slow_down"}).to_string();
    emulator.add_fault(trouble(
        Route::Token,
        2,
        FaultKind::Status {
            status: 400,
            retry_after: None,
            content_type: "application/json".to_owned(),
            body,
        },
    ));
    login(&clock, &home, &emulator, 16).assert_code(0);
    // 5, then 10, then 15.
    assert_eq!(clock.slept(), 30);
}

#[test]
fn trouble_on_the_way_is_waited_out() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    emulator.add_fault(trouble(Route::Token, 1, busy(503, None)));
    emulator.add_fault(trouble(Route::Token, 1, busy(429, Some("40"))));
    emulator.add_fault(trouble(Route::Token, 1, FaultKind::Drop));
    let run = login(&clock, &home, &emulator, 7);
    run.assert_code(0).assert_says(&[
        "keeps returning HTTP status 503",
        "retrying until the code expires",
    ]);
    // 5, then 5 for the 503, 40 as asked, 20 for the broken connection.
    assert_eq!(clock.slept(), 70);
}

#[test]
fn trouble_without_end_ends_with_6() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    emulator.add_fault(Fault {
        route: Route::Token,
        times: None,
        what: busy(503, None),
    });
    let words = ["login", "--device-code", "--timeout", "5m"];
    let run = home.call(&words).by_clock(&clock).run();
    run.assert_error(6, &["keeps returning HTTP status 503"]);
    assert_eq!(clock.slept(), 300);
}

#[test]
fn a_code_that_expires_is_replaced_once_and_then_it_ends_with_3() {
    let clock = BriskClock::new();
    let options = || Options {
        device_code_life: Duration::from_secs(60),
        ..Options::default()
    };
    let (home, emulator) = clock.home(options());
    let run = login(&clock, &home, &emulator, 0);
    run.assert_error(3, &["the device code expired before it was entered"]);
    assert_eq!(emulator.count("device_authorization"), 2);
    assert_eq!(clock.slept(), 120);

    let clock = BriskClock::new();
    let (home, emulator) = clock.home(options());
    login(&clock, &home, &emulator, 71).assert_code(0);
    assert_eq!(emulator.count("device_authorization"), 2);
}

#[test]
fn the_time_that_the_user_gave_is_the_end_of_it() {
    let clock = BriskClock::new();
    let (home, _emulator) = clock.home(Options::default());
    let words = ["login", "--device-code", "--timeout", "2m"];
    let run = home.call(&words).by_clock(&clock).run();
    run.assert_error(3, &["sign-in timed out after 2 min"])
        .assert_says(&[
            "The code expires in 2 min",
            "`acspass login --device-code --timeout 15m` for more time",
        ])
        .assert_does_not_say("browser");
    assert_eq!(clock.slept(), 120);
}

#[test]
fn a_sign_in_that_is_declined_on_the_other_device_ends_with_3() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    let at_page = emulator.clone();
    clock.meanwhile(move |slept| {
        if slept == 3 {
            let page = enter(&at_page, &UserAgent::cancelling());
            assert!(page.html.contains("You declined"));
        }
    });
    let run = home
        .call(&["login", "--device-code"])
        .by_clock(&clock)
        .run();
    run.assert_error(3, &["declined on the other device"]);
}

#[test]
fn an_id_token_that_does_not_hold_or_is_missing_is_not_believed() {
    for (claim, value) in [("aud", json!("somebody-else")), ("iss", json!("https://x"))] {
        let clock = BriskClock::new();
        let (home, emulator) = clock.home(Options::default());
        emulator.change_id_token(claim, Some(value));
        login(&clock, &home, &emulator, 2).assert_error(5, &[claim]);
    }
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    emulator.add_fault(trouble(
        Route::Token,
        1,
        FaultKind::MissingField("id_token".to_owned()),
    ));
    login(&clock, &home, &emulator, 2).assert_error(6, &["no id_token"]);
}

#[test]
fn another_user_than_the_one_asked_for_is_refused() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    let at_page = emulator.clone();
    clock.meanwhile(move |slept| {
        if slept == 1 {
            enter(&at_page, &UserAgent::new(None));
        }
    });
    let words = ["login", "--device-code", "--account", "ben@contoso.example"];
    let run = home.call(&words).by_clock(&clock).run();
    run.assert_error(3, &["ada@contoso.example signed in instead of"]);
}

#[test]
fn a_terminal_gets_a_qr_code_and_a_countdown_where_it_can_show_them() {
    let clock = BriskClock::new();
    let (mut home, emulator) = clock.home(Options::default());
    let enter_later = |emulator: &Arc<Emulator>| {
        let at_page = emulator.clone();
        clock.meanwhile(move |slept| {
            if slept % 5 == 2 {
                enter(&at_page, &UserAgent::new(None));
            }
        });
    };
    let show = |home: &Home, words: &[&str]| {
        let words = [&["login", "--device-code"], words].concat();
        let call = home.call(&words).plainly().at_terminal();
        let run = call.by_clock(&clock).run();
        run.assert_code(0);
        run.stderr
    };
    enter_later(&emulator);
    home.set("LANG", "en_US.UTF-8");
    let shown = show(&home, &[]);
    assert!(shown.contains('▄'), "{shown}");
    assert!(shown.contains("\r\u{1b}[KWaiting for sign-in, 5:00 left"));
    assert!(shown.contains("\r\u{1b}[KWaiting for sign-in, 4:57 left"));
    assert!(!shown.contains("Waiting up to"));
    for lines in shown.lines().filter(|line| line.contains('▄')) {
        assert!(lines.chars().count() < 80);
    }

    home.set("LANG", "C");
    assert!(!show(&home, &[]).contains('▄'), "no UTF-8");
    home.set("LANG", "en_US.UTF-8");
    let quiet = show(&home, &["--quiet"]);
    assert!(
        quiet.contains("/devicelogin") && !quiet.contains('▄'),
        "{quiet}"
    );
    home.set("TERM", "dumb");
    let dumb = show(&home, &[]);
    assert!(!dumb.contains('▄') && dumb.contains("Waiting up to"));
}

#[test]
fn embedded_emulator_enters_the_code_itself() {
    let home = Home::new();
    // The built-in user agent walks four pages while there are requests for 180 polls.
    let clock = BriskClock::new();
    let call = home.call(&["login", "--device-code", "--emulator", "--timeout=15m"]);
    let run = call.by_clock(&clock).run();
    run.assert_code(0)
        .assert_says(&["built-in user agent enters the code as ada@contoso.example"]);
}

#[test]
fn it_does_not_go_together_with_what_only_a_browser_has() {
    let home = Home::new();
    for flags in [
        &["--no-browser"][..],
        &["--port", "8400"],
        &["--redirect-uri", "http://localhost/x"],
        &["--prompt", "login"],
    ] {
        let words = [&["login", "--device-code"], flags].concat();
        home.run(&words).assert_error(2, &["--device-code"]);
    }
}

#[test]
fn codes_cannot_be_guessed_at_the_emulator() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    let at_page = emulator.clone();
    clock.meanwhile(move |slept| {
        if slept != 1 {
            return;
        }
        assert_eq!(at_page.user_codes()[0].len(), 9);
        let guess = |code: &str| {
            let guesser = UserAgent::new(None).typing(code);
            let page = guesser.browse(&at_page.device_page());
            page.expect("it walks").html
        };
        for _ in 0..10 {
            assert!(guess("BBBBBBBBB").contains("did not work"));
        }
        let right = at_page.user_codes()[0].clone();
        assert!(guess(&right).contains("Too many wrong codes"));
    });
    let words = ["login", "--device-code", "--timeout", "20s"];
    home.call(&words).by_clock(&clock).run().assert_code(3);
}

// https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2
#[test]
fn an_approved_code_whose_answer_is_lost_asks_for_a_new_sign_in() {
    let clock = BriskClock::new();
    let (home, emulator) = clock.home(Options::default());
    // The answer to the first poll, at 5 s, is the one with the tokens.
    emulator.add_fault(trouble(Route::Token, 1, FaultKind::DropAfterHandling));
    let run = login(&clock, &home, &emulator, 2);
    run.assert_error(6, &["was lost", "`acspass login --device-code` again"]);
    home.run(&["status"]).assert_code(4);
}

#[test]
fn a_poll_is_read_in_the_shapes_that_are_sent() {
    for (member, value) in [
        ("expires_in", json!("4799")),
        ("expires_in", json!(4799.5)),
        ("scope", json!(null)),
        ("token_type", json!(null)),
    ] {
        let clock = BriskClock::new();
        let (home, emulator) = clock.home(Options::default());
        let what = FaultKind::ReplacedField(member.to_owned(), value);
        emulator.add_fault(trouble(Route::Token, 1, what));
        login(&clock, &home, &emulator, 2).assert_code(0);
    }
}
