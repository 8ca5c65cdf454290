//! The examples run to their end on the emulator, do what they say, and print no token.

#![expect(
    clippy::duplicate_mod,
    reason = "two examples share their sign-in, as programs of their own do"
)]

#[path = "../../examples/credential_from_service.rs"]
#[expect(dead_code, reason = "its main function")]
mod credential_from_service;
#[path = "../../examples/credential_in_process.rs"]
#[expect(dead_code, reason = "its main function")]
mod credential_in_process;
#[path = "../../examples/direct_exchange.rs"]
#[expect(dead_code, reason = "its main function")]
mod direct_exchange;
#[path = "../../examples/identity_quickstart.rs"]
#[expect(dead_code, reason = "its main function")]
mod identity_quickstart;
#[path = "../../examples/identity_with_entra.rs"]
#[expect(dead_code, reason = "its main function")]
mod identity_with_entra;
#[path = "../../examples/teams_user_exchange.rs"]
#[expect(dead_code, reason = "its main function")]
mod teams_user_exchange;

use crate::harness::Home;

/// The lines of an example's output, which holds no token and no key.
macro_rules! lines_of {
    ($example:ident $(, $argument:expr)*) => {{
        let mut out = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let outcome = runtime.unwrap().block_on($example::run($($argument,)* &mut out));
        outcome.expect("it runs to its end");
        let text = String::from_utf8(out).expect("text");
        for secret in ["eyJ", "accesskey", "d29ydGhsZXNz"] {
            assert!(!text.contains(secret), "{text}");
        }
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    }};
}

#[test]
fn the_quickstart_with_a_connection_string_runs() {
    let lines = lines_of!(identity_quickstart);
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert!(lines[0].starts_with("Created 8:acs:"));
    assert_eq!(
        lines[4],
        "Revoked the tokens. Is a token still valid: false"
    );
    assert!(lines[7].starts_with("Exchanged the token of ada@contoso.example "));
}

#[test]
fn the_quickstart_with_an_entra_credential_runs() {
    let lines = lines_of!(identity_with_entra);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(
        lines[2],
        "Revoked the tokens. Is a token still valid: false"
    );
}

#[test]
fn the_exchange_for_a_teams_user_runs() {
    let lines = lines_of!(teams_user_exchange);
    assert_eq!(lines[0], "Signed in as ada@contoso.example.");
    assert_eq!(lines[2], "Expires with the Entra token: true");
}

#[test]
fn the_exchange_without_an_access_key_runs() {
    let lines = lines_of!(direct_exchange);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("Entra: ada@contoso.example has a token of "));
    assert!(lines[1].starts_with("TeamsExtension: ada@contoso.example has a token of "));
}

#[test]
fn the_credential_in_a_program_renews_by_itself() {
    let lines = lines_of!(credential_in_process);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("The token expires at "), "{lines:?}");
    let [second, third] = &lines[1..] else {
        unreachable!()
    };
    assert!(
        second.starts_with("The next token expires at "),
        "{lines:?}"
    );
    assert!(third > second, "each expires later than the one before");
}

#[test]
fn the_credential_over_the_token_service_has_its_token() {
    let (home, _emulator) = Home::with_keyring();
    home.login();
    let words = ["serve", "--port", "0", "-o", "json"];
    let service = home.call(&words).plainly().spawn();
    let line: serde_json::Value = serde_json::from_str(&service.next_line()).expect("JSON");
    let url = line["url"].as_str().expect("its address").to_owned();
    let secret_file = line["secretFile"].as_str().expect("its secret's file");
    let lines = lines_of!(credential_from_service, &url, secret_file.into());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("The token expires at "), "{lines:?}");
    service.signal("INT");
    service.end().assert_code(0);
}
