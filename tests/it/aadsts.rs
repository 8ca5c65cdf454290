//! Every row of docs/reference/errors.md, as a user meets it: the emulator refuses with that code or suberror,
//! and the command names cause, next step, code and ids.

use std::collections::BTreeSet;
use std::sync::Arc;

use acspass::emulator::{Emulator, Fault, FaultKind, Route};
use acspass::text::as_sentence;

use crate::harness::{Home, Run, TestBrowser, for_variables};

const PAGE: &str = include_str!("../../docs/reference/errors.md");

/// Refusals of a renewal, with the word that they come with.
const AT_RENEWAL: &[(&str, &[&str])] = &[
    (
        "invalid_grant",
        &[
            "50034",
            "50055",
            "50057",
            "50072",
            "50076",
            "50078",
            "50079",
            "50132",
            "50133",
            "50144",
            "50173",
            "50196",
            "53000",
            "53001",
            "53003",
            "65001",
            "70000",
            "700003",
            "70008",
            "700082",
            "700084",
            "70043",
            "90072",
            "basic_action",
            "additional_action",
            "message_only",
            "user_password_expired",
            "bad_token",
            "token_expired",
            "client_mismatch",
        ],
    ),
    (
        "interaction_required",
        &[
            "16000", "50074", "50097", "50158", "70044", "53002", "53004", "50105",
        ],
    ),
    ("consent_required", &["consent_required"]),
    (
        "unauthorized_client",
        &["53005", "protection_policy_required", "7000112", "70001"],
    ),
    (
        "invalid_client",
        &["7000218", "7000215", "7000222", "650056"],
    ),
    (
        "invalid_request",
        &[
            "90002", "90038", "90014", "900144", "90056", "900561", "9002313",
        ],
    ),
    ("invalid_resource", &["500011", "650057"]),
    ("invalid_scope", &["28000", "70011", "700022"]),
    (
        "temporarily_unavailable",
        &["90006", "90024", "90033", "90055", "90090"],
    ),
    ("access_denied", &["device_authentication_failed"]),
];

/// Refusals by which the browser leads back instead of a code.
const AT_AUTHORIZE: &[(&str, &[&str])] = &[
    (
        "access_denied",
        &[
            "50020", "50053", "50126", "50131", "500021", "500022", "530032", "530035", "65004",
            "90094", "90095", "90099",
        ],
    ),
    ("login_required", &["50058"]),
    (
        "interaction_required",
        &["50140", "50199", "50089", "50056"],
    ),
    (
        "invalid_request",
        &[
            "50011", "50059", "50128", "50147", "501491", "50194", "900382", "900971", "9002332",
        ],
    ),
    ("unauthorized_client", &["700016", "65005", "650052"]),
    ("unsupported_response_type", &["700054"]),
    ("invalid_instance", &["50049"]),
];

/// Refusals of a code that the browser brought, and of a device's.
const AT_REDEMPTION: &[(&str, &[&str])] = &[
    ("invalid_grant", &["501481", "54005", "700005"]),
    ("invalid_client", &["700025"]),
    ("invalid_request", &["9002325", "9002327"]),
    (
        "authorization_declined",
        &["70016", "70018", "70019", "90120"],
    ),
];

/// A refusal that names another API than ACS.
const MISSING_API: &str = "500011 for another API";

/// The cells of each row, the first one without its marks.
fn rows() -> Vec<Vec<String>> {
    let lines = PAGE.lines().filter(|line| line.starts_with("| `"));
    lines
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .map(|mut cells: Vec<String>| {
            cells[0] = cells[0].trim_matches('`').replace("AADSTS", "");
            cells
        })
        .collect()
}

fn row(name: &str) -> Vec<String> {
    let found = rows().into_iter().find(|cells| cells[0] == name);
    found.unwrap_or_else(|| panic!("{name} is not in docs/reference/errors.md"))
}

fn refuse(emulator: &Emulator, route: Route, error: &str, name: &str) {
    let code = name.parse().ok();
    emulator.clear_faults();
    emulator.add_fault(Fault {
        route,
        times: None,
        what: FaultKind::Refusal {
            error: error.to_owned(),
            code,
            suberror: code.is_none().then(|| name.to_owned()),
        },
    });
}

#[track_caller]
fn assert_advised(run: &Run, name: &str, exit: i32) {
    let cells = row(name);
    let code = match name.parse::<u32>() {
        Ok(_) => format!("  code: AADSTS{name}\n"),
        Err(_) => "  code: AADSTS9000000\n".to_owned(),
    };
    let admin = match cells[3].as_str() {
        "" => String::new(),
        admin => format!("\nFor the admin: {admin}.\nWhere: {}", cells[4]),
    };
    // A refused renewal knows its account.
    let hint = match exit {
        3 => as_sentence(&cells[2]),
        _ => naming_account(&as_sentence(&cells[2])),
    };
    run.assert_error(
        exit,
        &[
            &format!("error: {}\n", cells[1]),
            &format!("\n\nhint: {}{admin}\n", for_variables(&hint)),
            &code,
            "caused by: Entra says: AADSTS",
            " (trace id ",
            ", time 20",
            "  correlation id: ",
        ],
    );
}

/// The hint as it is with a known account.
fn naming_account(hint: &str) -> String {
    let named = |hint: String, command: &str| {
        let with = format!("`{command} --account ada@contoso.example");
        hint.replace(&format!("`{command}"), &with).replace(
            &format!("{with} --prompt select_account"),
            &format!("`{command} --prompt select_account"),
        )
    };
    let commands = ["acspass login", "acspass get"];
    commands.into_iter().fold(hint.to_owned(), named)
}

#[test]
fn a_refused_renewal_says_why_and_what_to_do() {
    let (home, emulator) = Home::with_keyring();
    home.login();
    for (error, names) in AT_RENEWAL {
        let exit = match *error {
            "invalid_grant" | "interaction_required" | "consent_required" => 4,
            _ => 5,
        };
        for name in *names {
            refuse(&emulator, Route::Token, error, name);
            let run = home.real(&["get", "--force-refresh", "--no-interactive"]);
            assert_advised(&run, name, exit);
        }
    }
    emulator.clear_faults();
    home.real(&["get", "--force-refresh"]).token();
}

fn refused_sign_ins(route: Route, table: &[(&str, &[&str])]) {
    let (home, emulator) = Home::with_emulator();
    for (error, names) in table {
        for name in *names {
            refuse(&emulator, route, error, name);
            let run = login(&home);
            assert_advised(&run, name, 3);
            // There it begins with a capital.
            let page = run.pages[0].html.replace("&#39;", "'");
            let is_told = page.contains(&row(name)[1][1..]);
            assert!(is_told, "the browser is told of {name} too");
        }
    }
}

fn login(home: &Home) -> Run {
    let browser: Arc<TestBrowser> = TestBrowser::walking();
    home.call(&["login"]).by(&browser).run()
}

#[test]
fn a_sign_in_that_entra_refuses_says_why_and_what_to_do() {
    refused_sign_ins(Route::Authorize, AT_AUTHORIZE);
}

#[test]
fn a_code_that_entra_does_not_redeem_says_why_and_what_to_do() {
    refused_sign_ins(Route::Token, AT_REDEMPTION);
}

#[test]
fn the_api_that_the_tenant_lacks_is_named() {
    let (home, _emulator) = Home::with_emulator();
    let cells = row(MISSING_API);
    let cause = cells[1].replace('\u{2026}', "`api://orders`");
    let steps = as_sentence(&cells[2])
        .replace(
            "`acspass config unset scopes`, ",
            "`acspass login --device-code` without `--scope`, ",
        )
        .replace(
            "`acspass login`",
            "`acspass login --scope api://orders/Read --device-code`",
        );
    let hint = format!(
        "\n\nhint: {steps}\nFor the admin: {}.\nWhere: {}\n",
        cells[3], cells[4]
    );
    let words = ["login", "--device-code", "--scope", "api://orders/Read"];
    home.run(&words).assert_error(
        3,
        &[
            &format!("error: {cause}\n"),
            &hint,
            "  code: AADSTS500011\n",
        ],
    );
}

#[test]
fn the_ids_to_paste_are_in_the_json_too() {
    let (home, emulator) = Home::with_emulator();
    refuse(&emulator, Route::Token, "access_denied", "53003");
    let run = home
        .call(&["login", "-o", "json"])
        .by(&TestBrowser::walking())
        .run();
    let error = run.assert_code(3).json_error();
    assert_eq!(error["code"], "AADSTS53003");
    assert_eq!(error["kind"], "sign_in_refused");
    assert_eq!(error["correlationId"].as_str().map(str::len), Some(36));
    let message = error["message"].as_str().unwrap_or_default();
    for part in [
        row("53003")[1].as_str(),
        "Entra says: ",
        "trace id ",
        ", time ",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn every_row_is_met_by_one_of_these_tests() {
    let here: Vec<&str> = [AT_RENEWAL, AT_AUTHORIZE, AT_REDEMPTION]
        .into_iter()
        .flatten()
        .flat_map(|(_, names)| *names)
        .copied()
        .chain([MISSING_API])
        .collect();
    let met: BTreeSet<String> = here.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(met.len(), here.len(), "each once");
    let written: BTreeSet<String> = rows().into_iter().map(|cells| cells[0].clone()).collect();
    assert_eq!(met, written);
}
