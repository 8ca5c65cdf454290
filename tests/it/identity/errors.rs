//! Every row of the resource's table in docs/reference/errors.md, as a user meets it: the emulator refuses,
//! and the command names cause and next step. What the command would catch before the service does,
//! the emulator is told to answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use acspass::emulator::{Emulator, Fault, FaultKind, MissingIdentity, Options, Route};
use acspass::text::as_sentence;
use acspass::time::{Clock, SettableClock, SystemClock};

use crate::harness::{Home, Run, TestBrowser, for_variables};

const PAGE: &str = include_str!("../../../docs/reference/errors.md");

/// The cells of each row.
fn rows() -> Vec<Vec<&'static str>> {
    let (_, table) = PAGE
        .split_once("\n## Errors of the ACS resource")
        .expect("the resource's part");
    let (table, _) = table.split_once("\n## ").unwrap_or((table, ""));
    let lines = table.lines().filter(|line| line.starts_with("| "));
    lines
        .skip(2)
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(str::trim).collect()
        })
        .collect()
}

#[track_caller]
fn assert_advised(run: &Run, known_by: &str, exit: i32, code: &str) {
    let all = rows();
    let row = all.iter().find(|row| row[0] == known_by);
    let row = row.unwrap_or_else(|| panic!("{known_by} is not in docs/reference/errors.md"));
    let (before, after) = row[1].split_once('…').unwrap_or((row[1], ""));
    let admin = match row[3] {
        "" => String::new(),
        admin => format!("\nFor the admin: {admin}."),
    };
    run.assert_error(
        exit,
        &[
            &format!("error: {before}"),
            after,
            "\n\nhint: ",
            &format!("  code: {code}\n"),
        ],
    );
    // After a sign-in, the commands of the hint name the account.
    let hint = for_variables(&as_sentence(row[2]));
    let hint = format!("\n\nhint: {hint}{admin}");
    let general = ["ada", "ben", "cleo"]
        .into_iter()
        .fold(run.stderr.clone(), |text, name| {
            text.replace(&format!(" --account {name}@contoso.example"), "")
        });
    assert!(general.contains(&hint), "no {hint:?} in {general}");
}

/// The emulator answers with this from now on.
fn refuse(emulator: &Emulator, route: Route, status: u16, code: &str, target: Option<&str>) {
    let mut error = serde_json::json!({"code": code, "message": "No."});
    if let Some(target) = target {
        error["target"] = target.into();
    }
    emulator.clear_faults();
    emulator.add_fault(Fault {
        route,
        times: None,
        what: FaultKind::Status {
            status,
            retry_after: Some("0".to_owned()),
            content_type: "application/json".to_owned(),
            body: serde_json::json!({"error": error}).to_string(),
        },
    });
}

fn get(home: &Home, user: &str) -> Run {
    let words = ["get", "--interactive"];
    home.call(&words).by(&TestBrowser::of(user)).run()
}

#[test]
fn what_the_emulator_refuses_by_itself() {
    let (mut home, emulator) = Home::with_emulator();
    let licence = get(&home, "cleo@contoso.example");
    assert_advised(&licence, "403 at the exchange with the key", 5, "Forbidden");
    home.set("ACSPASS_EXCHANGE", "teams-extension");
    let without_key = get(&home, "dora@fabrikam.example");
    assert_advised(
        &without_key,
        "403 at an exchange without a key",
        5,
        "Forbidden",
    );
    home.unset("ACSPASS_EXCHANGE");

    let ids = [emulator.client_id(), emulator.object_id()];
    let words = [
        "token",
        "exchange",
        "--client-id",
        ids[0],
        "--user-id",
        ids[1],
    ];
    let opaque = home.call(&words).typing("opaque-and-nobodys").run();
    assert_advised(&opaque, "401 InvalidAccessToken", 5, "InvalidAccessToken");

    let foreign = home.run(&["user", "delete", &emulator.foreign_identity()]);
    assert_advised(&foreign, "401 IdentityNotOwned", 5, "IdentityNotOwned");
    let id = super::created(&home);
    let scope = home.run(&["token", "issue", "--user", &id, "--scope", "chat.lead"]);
    // The unknown scope is named.
    scope.assert_error(
        5,
        &[
            "error: the ACS resource does not accept the scope `chat.lead`",
            "--scope chat`, or another one of chat, voip,",
        ],
    );

    let ahead = SettableClock::new(SystemClock.now().plus(Duration::from_secs(3600)));
    let late = home.call(&["user", "create"]).by_clock(&ahead).run();
    let clocks = "401 while the clocks are more than 5 minutes apart";
    assert_advised(&late, clocks, 5, "Denied");
    let wrong = format!("endpoint={}/;accesskey=d3Jvbmc=", emulator.http_url());
    home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &wrong);
    let denied = home.run(&["user", "create"]);
    assert_advised(&denied, "401 Denied", 5, "Denied");
    let signed = home.run(&["api", "POST", "/identities"]);
    signed.assert_error(5, &["refused the signature of the request", "disabled key"]);
}

#[test]
fn an_identity_that_is_no_more() {
    let options = Options {
        missing_identity: MissingIdentity::NotFound,
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let mut home = Home::new();
    home.point_at(&emulator);
    home.set("ACSPASS_STORE", "memory");
    let id = super::created(&home);
    home.run(&["user", "delete", &id]).assert_code(0);
    let gone = home.run(&["token", "revoke", "--user", &id]);
    assert_advised(&gone, "404 IdentityNotFound", 5, "IdentityNotFound");
}

/// Route, status, code and field that the emulator answers with; row and exit code.
type Staged = (
    Route,
    u16,
    &'static str,
    Option<&'static str>,
    &'static str,
    i32,
);

const STAGED: &[Staged] = &[
    (
        Route::Identities,
        403,
        "Forbidden",
        None,
        "403 at any other operation",
        5,
    ),
    (
        Route::Identities,
        400,
        "ValidationError",
        Some("expiresInMinutes"),
        "400 ValidationError, expiresInMinutes",
        5,
    ),
    (
        Route::Identities,
        400,
        "ValidationError",
        Some("customId"),
        "400 ValidationError",
        5,
    ),
    (
        Route::Identities,
        400,
        "UnsupportedApiVersion",
        None,
        "400 ApiVersionUnspecified or UnsupportedApiVersion",
        5,
    ),
    (Route::Identities, 404, "NotFound", None, "404", 5),
    (
        Route::Identities,
        409,
        "Conflict",
        None,
        "any other refusal",
        5,
    ),
    (
        Route::Identities,
        429,
        "TooManyRequests",
        None,
        "429, after the retries",
        6,
    ),
    (
        Route::Identities,
        503,
        "ServiceUnavailable",
        None,
        "5xx, after the retries",
        6,
    ),
    (
        Route::Exchange,
        400,
        "ValidationError",
        Some("appId"),
        "400 ValidationError, appId or userId",
        5,
    ),
];

#[test]
fn what_the_emulator_is_told_to_answer() {
    let (mut home, emulator) = Home::with_emulator();
    for (route, status, code, field, known_by, exit) in STAGED {
        refuse(&emulator, *route, *status, code, *field);
        let run = match route {
            Route::Exchange => get(&home, emulator.username()),
            _ => home.run(&["user", "create"]),
        };
        assert_advised(&run, known_by, *exit, code);
    }
    home.set("ACSPASS_EXCHANGE", "entra");
    refuse(&emulator, Route::Exchange, 401, "Denied", None);
    let run = get(&home, emulator.username());
    assert_advised(&run, "401 at an exchange without a key", 5, "Denied");
}

#[test]
fn every_row_is_met_by_one_of_these_tests() {
    let mut met: BTreeSet<&str> = STAGED.iter().map(|staged| staged.4).collect();
    met.extend([
        "403 at the exchange with the key",
        "403 at an exchange without a key",
        "401 InvalidAccessToken",
        "401 IdentityNotOwned",
        "400 ValidationError, scopes",
        "401 while the clocks are more than 5 minutes apart",
        "401 Denied",
        "401 Denied at `api`, with the access key",
        "404 IdentityNotFound",
        "401 at an exchange without a key",
    ]);
    // Only apps meet this refusal, so that acspass cannot: the page alone has it.
    met.insert("401 at a call or a chat, with a token that has not expired");
    let written: BTreeSet<&str> = rows().into_iter().map(|row| row[0]).collect();
    assert_eq!(met, written);
}
