//! What Entra wants proved when it refuses to renew: passed on to the sign-in, in the same run or
//! in a later one, merged with what we ask for ourselves, and forgotten once it is met.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use acspass::Kind;
use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route, UserAgent};
use acspass::time::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::harness::brisk_clock::BriskClock;
use crate::harness::browser::parameter;
use crate::harness::teams_user::TeamsUser;
use crate::harness::{Home, Run, TestBrowser};

const STEP_UP: &str = "step-up@contoso.example";
const RENEW: [&str; 3] = ["get", "--force-refresh", "--no-interactive"];

/// A home that keeps its sessions from one call to the next.
fn lasting((mut home, emulator): (Home, Arc<Emulator>)) -> (Home, Arc<Emulator>) {
    let key_file = home.path().join("key");
    acspass::store::create_key_file(&key_file).expect("a key");
    home.set("ACSPASS_STORE", "file");
    home.set(
        "ACSPASS_STORE_KEY_FILE",
        key_file.to_str().expect("a plain path"),
    );
    (home, emulator)
}

fn with_profile(text: &str) -> (Home, Arc<Emulator>) {
    let (home, emulator) = lasting(Home::with_emulator());
    home.configure(&format!("[profile.default]\n{text}"));
    (home, emulator)
}

/// Signs in by the browser; returns the `claims` of the address that was opened.
fn sign_in(home: &Home, words: &[&str]) -> (Run, Option<Value>) {
    let browser = TestBrowser::walking();
    let run = home.call(words).by(&browser).run();
    run.assert_code(0);
    (run, claims(&browser))
}

fn claims(browser: &TestBrowser) -> Option<Value> {
    let text = browser.parameter("claims")?;
    Some(serde_json::from_str(&text).expect("JSON"))
}

fn login(home: &Home, user: &str) -> Option<Value> {
    sign_in(home, &["login", "--account", user]).1
}

fn policy(claims: &Value) -> &Value {
    &claims["access_token"]["capolids"]
}

/// What the Entra token tells of the client.
fn told(run: &Run) -> Value {
    let token = run.token();
    let payload = token.split('.').nth(1).expect("a payload");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("Base64url");
    let claims: Value = serde_json::from_slice(&bytes).expect("JSON");
    claims["xms_cc"].clone()
}

#[test]
fn a_challenge_goes_into_the_sign_in_of_the_same_run() {
    let (home, _emulator) = with_profile("");
    assert_eq!(login(&home, STEP_UP), None, "nothing was asked for yet");
    let (run, asked) = sign_in(&home, &["get", "--force-refresh", "--interactive"]);
    run.token();
    let asked = asked.expect("the challenge");
    assert_eq!(policy(&asked)["essential"], true);
    assert!(asked["access_token"].get("xms_cc").is_none(), "{asked}");
    home.run(&RENEW).token();
}

#[test]
fn a_challenge_is_remembered_for_the_next_sign_in_and_then_forgotten() {
    let (home, _emulator) = with_profile("");
    login(&home, STEP_UP);
    for _ in 0..2 {
        let refused = home.run(&RENEW);
        refused.assert_error(4, &["AADSTS50076", "multifactor", "acspass login"]);
    }
    let asked = login(&home, STEP_UP).expect("the challenge");
    assert_eq!(policy(&asked)["essential"], true);
    home.run(&RENEW).token();
    assert_eq!(login(&home, STEP_UP), None, "it was met");
}

#[test]
fn challenge_outlives_a_sign_in_that_times_out() {
    let (home, _emulator) = with_profile("");
    login(&home, "moved@contoso.example");
    let words = ["get", "--force-refresh", "--interactive", "--timeout=1s"];
    let unfinished = home.call(&words).by(&TestBrowser::idle()).run();
    unfinished.assert_error(3, &["sign-in timed out"]);
    // The active account is meant, and its name is not asked for again.
    let browser = TestBrowser::of("moved@contoso.example");
    home.call(&["login"]).by(&browser).run().assert_code(0);
    assert_eq!(
        policy(&claims(&browser).expect("the challenge"))["essential"],
        true
    );
    home.run(&RENEW).token();
}

#[test]
fn another_user_is_not_asked_for_it_and_does_not_clear_it() {
    let (home, _emulator) = with_profile("");
    login(&home, STEP_UP);
    home.run(&RENEW).assert_code(4);
    assert_eq!(login(&home, "ben@contoso.example"), None);
    assert!(login(&home, STEP_UP).is_some());
}

#[test]
fn a_challenge_goes_with_a_device_code_too() {
    let clock = BriskClock::new();
    let (home, emulator) = lasting(clock.home(Options::default()));
    let at_desk = |words: &[&str]| {
        let browser = TestBrowser::walking();
        home.call(words).by_clock(&clock).by(&browser).run()
    };
    let may_pass = clock.stands_still();
    at_desk(&["login", "--account", STEP_UP]).assert_code(0);
    at_desk(&RENEW).assert_error(4, &["AADSTS50076"]);
    may_pass.store(true, Ordering::Release);
    let (at_page, page) = (emulator.clone(), emulator.device_page());
    clock.meanwhile(move |slept| {
        if let Some(code) = at_page.user_codes().first().filter(|_| slept > 0) {
            let person = UserAgent::new(Some(STEP_UP.to_owned())).typing(code.clone());
            person.browse(&page).expect("it walks");
        }
    });
    at_desk(&["login", "--device-code", "--account", STEP_UP]).assert_code(0);
    at_desk(&RENEW).token();
}

#[test]
fn nothing_is_declared_unless_the_profile_says_so() {
    let (home, _emulator) = with_profile("");
    assert_eq!(login(&home, "ada@contoso.example"), None);
    assert_eq!(told(&home.run(&["get", "--entra"])), Value::Null);
    let renewed = home.run(&["get", "--entra", "--force-refresh"]);
    assert_eq!(told(&renewed), Value::Null);
}

#[test]
fn continuous_access_is_declared_in_every_request_and_merged_with_a_challenge() {
    let (home, _emulator) = with_profile("cae = true\n");
    let able: Value = serde_json::json!(["cp1"]);
    let own = serde_json::json!({"access_token": {"xms_cc": {"values": able}}});
    assert_eq!(login(&home, "ada@contoso.example"), Some(own.clone()));
    assert_eq!(told(&home.run(&["get", "--entra"])), able);
    assert_eq!(
        told(&home.run(&["get", "--entra", "--force-refresh"])),
        able
    );
    assert_eq!(login(&home, STEP_UP), Some(own));
    home.run(&RENEW).assert_code(4);
    let asked = login(&home, STEP_UP).expect("claims");
    assert_eq!(asked["access_token"]["xms_cc"]["values"], able);
    assert_eq!(policy(&asked)["essential"], true);
    home.run(&RENEW).token();
}

#[test]
fn continuous_access_is_declared_for_a_device_code() {
    let clock = BriskClock::new();
    let (home, emulator) = lasting(clock.home(Options::default()));
    home.configure("[profile.default]\ncae = true\n");
    clock.meanwhile(move |slept| {
        if slept == 5 {
            let codes = emulator.user_codes();
            let person = UserAgent::new(None).typing(codes[0].clone());
            person.browse(&emulator.device_page()).expect("it walks");
        }
    });
    let words = ["login", "--device-code"];
    home.call(&words).by_clock(&clock).run().assert_code(0);
    let run = home.call(&["get", "--entra"]).by_clock(&clock).run();
    assert_eq!(told(&run), serde_json::json!(["cp1"]));
}

#[test]
fn config_takes_the_switch_and_nothing_else_for_it() {
    let (home, _emulator) = Home::with_emulator();
    home.run(&["config", "set", "cae", "yes"])
        .assert_error(2, &["invalid switch `yes` for `cae`"]);
    home.run(&["config", "set", "cae", "true"]).assert_code(0);
    let file = std::fs::read_to_string(home.config_file()).expect("the file");
    assert!(file.contains("cae = true"), "{file}");
    assert_eq!(home.run(&["config", "get", "cae"]).stdout, "true\n");
}

/// What the emulator was asked for after it took a token back.
fn taken_back(user: &TeamsUser) -> (usize, usize) {
    user.login();
    user.clock.advance(Duration::from_secs(60));
    user.emulator.revoke_access();
    user.get().expect("a token");
    (
        user.emulator.count("exchange"),
        user.emulator.count("refresh_token"),
    )
}

#[test]
fn a_token_that_the_resource_takes_back_is_asked_for_anew() {
    let life = Duration::from_secs(75 * 60);
    let capable = TeamsUser::with_continuous_access(life);
    assert_eq!(taken_back(&capable), (2, 1));
    assert_eq!(
        taken_back(&TeamsUser::with_token_life(life)),
        (1, 0),
        "nobody is told"
    );
}

#[test]
fn a_new_token_that_is_taken_back_as_well_is_a_refusal() {
    let user = TeamsUser::with_continuous_access(Duration::from_secs(75 * 60));
    user.login();
    user.clock.advance(Duration::from_secs(60));
    user.emulator.revoke_access();
    user.clock
        .set(user.clock.now().minus(Duration::from_secs(30)));
    let error = user.get().expect_err("it is taken back again");
    assert_eq!(
        (error.kind(), error.code()),
        (Kind::Refused, Some("InvalidAccessToken"))
    );
    assert_eq!(user.emulator.count("refresh_token"), 1, "it never loops");
}

/// The token endpoint refuses so many times, and wants something proved.
fn refuse(emulator: &Emulator, times: Option<u32>, suberror: &str) {
    let body = serde_json::json!({
        "error": "interaction_required", "error_codes": [50076], "suberror": suberror,
        "error_description": "AADSTS50076: More is needed.",
        "claims": r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#,
    });
    emulator.clear_faults();
    emulator.add_fault(Fault {
        route: Route::Token,
        times,
        what: FaultKind::Status {
            status: 400,
            retry_after: None,
            content_type: "application/json".to_owned(),
            body: body.to_string(),
        },
    });
}

#[test]
fn a_sign_in_whose_code_is_refused_with_claims_is_asked_for_once_more() {
    let (home, emulator) = Home::with_emulator();
    for (times, suberror, opened, exit) in [
        (Some(1), "basic_action", 2, 0),
        (None, "basic_action", 2, 3),
        (None, "message_only", 1, 3),
    ] {
        refuse(&emulator, times, suberror);
        let browser = TestBrowser::walking();
        let run = home.call(&["login"]).by(&browser).run();
        run.assert_code(exit);
        let asked: Vec<Option<String>> = browser
            .opened()
            .iter()
            .map(|url| parameter(url, "claims"))
            .collect();
        assert_eq!(asked.len(), opened, "{suberror}");
        assert_eq!(asked[0], None);
        for second in &asked[1..] {
            let second = second.as_deref().expect("the challenge");
            assert!(second.contains(r#""acrs""#), "{second}");
        }
    }
}
