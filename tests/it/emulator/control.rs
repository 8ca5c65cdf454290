//! The commands that change a running emulator.

use acspass::emulator::UserAgent;
use serde_json::{Value, json};

use super::{home, start, stop};
use crate::harness::Home;

/// Runs a command of `emulator` with this emulator, and returns its JSON.
fn run(home: &Home, words: &[&str]) -> Value {
    let words = [&["emulator", "-o", "json"], words].concat();
    let run = home.real(&words);
    run.assert_code(0);
    serde_json::from_str(&run.stdout).expect("JSON")
}

#[test]
fn the_clock_is_changed_by_commands() {
    let mut home = home();
    let other = super::home();
    let (running, ready) = start(&other, &[]);
    home.set(
        "ACSPASS_EMULATOR_URL",
        ready["httpUrl"].as_str().expect("a URL"),
    );
    let clock = |words: &[&str]| run(&home, &[&["clock"], words].concat());
    let frozen = clock(&["freeze"]);
    assert_eq!(frozen["frozen"], true);
    assert_eq!(clock(&["show"])["now"], frozen["now"]);
    let set = clock(&["set", "2031-01-31T12:00:00Z"]);
    assert_eq!(set["now"], "2031-01-31T12:00:00Z");
    let advanced = clock(&["advance", "90m"]);
    assert_eq!(advanced["now"], "2031-01-31T13:30:00Z");
    assert_eq!(clock(&["resume"])["frozen"], false);
    let reset = clock(&["reset"]);
    assert_eq!(
        (&reset["offsetSeconds"], &reset["frozen"]),
        (&json!(0), &json!(false))
    );
    let text = home.real(&["emulator", "clock", "advance", "2h"]);
    let text = &text.stdout;
    assert!(
        text.trim_end().ends_with(", 2 h ahead of this machine"),
        "{text}"
    );
    stop(running);
    let run = home.real(&["emulator", "clock", "show"]);
    run.assert_error(6, &["no emulator responds at", "`acspass emulator`"]);
}

#[test]
fn faults_are_added_listed_and_deleted_by_commands() {
    let mut home = home();
    let other = super::home();
    let (running, ready) = start(&other, &["--fault-seed=7"]);
    let url = ready["httpUrl"].as_str().expect("a URL");
    home.set("ACSPASS_EMULATOR_URL", url);
    let fault = |words: &[&str]| run(&home, &[&["fault"], words].concat());
    let words = ["throttled", "--route=keys", "--times=2", "--set=seconds=5"];
    assert_eq!(fault(&words), json!({"id": 1}));
    let words = ["hang", "--probability=0.5", "--user=ben@contoso.example"];
    assert_eq!(fault(&words), json!({"id": 2}));
    let keys = || {
        let page = UserAgent::default().browse(&format!("{url}/common/discovery/v2.0/keys"));
        let page = page.expect("a response");
        let headers = page.headers.into_iter();
        let mut after = headers.filter(|(name, _)| name == "retry-after");
        (page.status, after.next().map(|(_, value)| value))
    };
    assert_eq!(keys(), (429, Some("5".to_owned())));
    let listed = fault(&["--list"]);
    assert_eq!(
        (&listed["seed"], &ready["faultSeed"]),
        (&json!(7), &json!(7))
    );
    let left = &listed["faults"];
    assert_eq!(
        (&left[0]["left"], &left[0]["affected"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(left[1]["user"], "ben@contoso.example");
    let text = home.real(&["emulator", "fault", "--list"]).stdout;
    assert!(
        text.contains("1: throttled at keys, the next request\n"),
        "{text}"
    );
    assert_eq!(fault(&["--clear", "1"]), json!({}));
    assert_eq!(keys(), (200, None));
    assert_eq!(fault(&["--list"])["faults"][0]["id"], 2);
    fault(&["--clear"]);
    assert_eq!(fault(&["--list"])["faults"], json!([]));
    let run = home.real(&["emulator", "fault", "--clear", "1"]);
    run.assert_error(2, &["1"]);
    stop(running);
}

#[test]
fn a_wrong_fault_is_refused_with_the_value() {
    let home = home();
    for (words, quoted) in [
        (&["throtled"][..], "`throtled`"),
        (&["hang", "--route", "tokens"], "`tokens`"),
        (&["hang", "--probability", "1.5"], "`1.5`"),
        (&["hang", "--times", "0"], "`0`"),
        (&["latency", "--set", "soon"], "`soon`"),
        (
            &["hang", "--times", "1", "--probability", "1"],
            "--probability",
        ),
        (&["--list", "hang"], "--list"),
        (&["--list", "--times", "2"], "--times"),
        (&["--clear", "1", "--user", "u"], "--user"),
        (&[], "NAME"),
    ] {
        let run = home.real(&[&["emulator", "fault"], words].concat());
        run.assert_error(2, &[quoted]);
    }
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let mut home = home();
    for wrong in ["https://localhost:8486", "http://evil.test", "localhost"] {
        home.set("ACSPASS_EMULATOR_URL", wrong);
        let run = home.real(&["emulator", "clock", "show"]);
        run.assert_error(
            2,
            &["invalid address of the emulator", "ACSPASS_EMULATOR_URL"],
        );
    }
}

#[test]
fn the_journal_is_compared_with_expectations() {
    let mut home = home();
    let other = super::home();
    let (running, ready) = start(&other, &[]);
    let url = ready["httpUrl"].as_str().expect("a URL");
    home.set("ACSPASS_EMULATOR_URL", url);
    let agent = UserAgent::default();
    for path in ["/", "/nothing"] {
        agent.browse(&format!("{url}{path}")).expect("a response");
    }
    let verified = run(
        &home,
        &["verify", "--expect", "page==1", "--none", "exchange"],
    );
    let expected = json!({"expectation": "page==1", "actual": 1, "met": true});
    assert_eq!(verified["expectations"][0], expected);
    assert_eq!(verified["refused"][0]["status"], 404);
    let verify = |words: &[&str]| home.real(&[&["emulator", "verify"], words].concat());
    let unmet = verify(&["--expect", "exchange>=1", "--none", "refused"]);
    unmet.assert_error(
        8,
        &[
            "Refused: GET /nothing 404: The emulator has no such page.",
            "expectation not met: exchange>=1 (actual: 0), refused==0 (actual: 1)",
            &format!("Open {url}/_emulator/ to see each request."),
        ],
    );
    assert_eq!(unmet.stdout, "");
    let json = verify(&["--none", "refused", "-o", "json"]);
    json.assert_code(8);
    assert!(
        json.stderr.contains("\"kind\":\"expectation\""),
        "{}",
        json.stderr
    );
    // An operation with the name of a token is no token.
    verify(&[
        "--expect",
        "refresh_token==0",
        "--expect",
        "refresh_token<1",
    ])
    .assert_code(0);
    verify(&["--expect", "refresh_token==0OpaqueValue"])
        .assert_error(2, &["a token was given as `--expect`"]);
    verify(&["--expect", "exchange=1"]).assert_error(
        2,
        &[
            "invalid expectation `exchange=1`",
            "`acspass emulator verify --expect 'exchange>=1'`",
        ],
    );
    verify(&["--none", "exchnge"]).assert_error(2, &["unknown operation `exchnge`"]);
    verify(&[]).assert_error(2, &["no expectation is given"]);
    stop(running);
    verify(&["--none", "refused"]).assert_error(6, &["no emulator responds at"]);
}
