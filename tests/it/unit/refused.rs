//! What a service that starts by itself would run without, or could not use: refused in words, and
//! before anything is written.

use std::path::PathBuf;

use super::{Desk, PROFILE, free_port};
use crate::harness::Run;

/// Fails unless the call ends with exit code 2, and nothing was written or ordered.
#[track_caller]
fn assert_refused(desk: &Desk, arguments: &[&str], words: &[&str]) -> Run {
    let run = desk.home.run(arguments);
    run.assert_error(2, words);
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
    assert_eq!(desk.orders(), Vec::<String>::new());
    run
}

#[test]
fn a_setting_of_the_environment_is_named_and_belongs_into_the_profile() {
    for (variable, value, key) in [
        ("ACSPASS_TENANT_ID", "contoso.com", "tenant"),
        (
            "ACSPASS_CLIENT_ID",
            "22222222-2222-3333-4444-555555555555",
            "client-id",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "https://login.microsoftonline.us",
            "authority-host",
        ),
        ("ACSPASS_SCOPES", "Teams.ManageCalls", "scopes"),
        ("ACSPASS_EXCHANGE", "teams-extension", "exchange"),
        (
            "COMMUNICATION_SERVICES_ENDPOINT",
            "https://x.communication.azure.com",
            "endpoint",
        ),
        ("ACSPASS_STORE", "memory", "store"),
    ] {
        let mut desk = Desk::new();
        desk.home.set(variable, value);
        let named = format!("{key} ({variable})");
        let next = format!("acspass config set {key}");
        assert_refused(&desk, &["serve", "--install"], &[&named, &next]);
    }
}

#[test]
fn a_secret_of_the_environment_is_named_and_never_shown() {
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
    for variable in [
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "AZURE_COMMUNICATION_CONNECTION_STRING",
        "COMMUNICATION_SERVICES_ACCESSKEY",
    ] {
        let mut desk = Desk::new();
        let text = format!("endpoint=https://x.communication.azure.com/;accesskey={secret}");
        desk.home.set(variable, &text);
        let run = assert_refused(&desk, &["serve", "--install"], &[variable]);
        run.assert_does_not_say(secret);
    }
    for variable in ["AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"] {
        let mut desk = Desk::new();
        desk.home.set(variable, secret);
        let words = [variable, "connection-string"];
        let run = assert_refused(&desk, &["serve", "--install"], &words);
        run.assert_does_not_say(secret);
    }
}

#[test]
fn a_hint_has_the_profiles_name_as_one_word_of_the_shell() {
    let mut desk = Desk::new();
    let name = "a;id>/tmp/x;#";
    let profile = PROFILE.replace("default", &format!("\"{name}\""));
    desk.home.configure(&profile);
    desk.home.set("ACSPASS_STORE", "memory");
    let next = format!("acspass --profile '{name}' config set store");
    let words = ["--profile", name, "serve", "--install"];
    assert_refused(&desk, &words, &[&next]);
}

#[test]
fn a_setting_that_the_profile_has_too_is_not_lost() {
    let mut desk = Desk::new();
    desk.home.set("ACSPASS_EXCHANGE", "entra");
    let run = desk
        .home
        .run(&["serve", "--install", "--port", &free_port()]);
    run.assert_code(0);
}

#[test]
fn a_proxy_with_a_password_is_refused_in_either_form() {
    for proxy in [
        "http://ada:hunter2@proxy.test:3128",
        "ada:hunter2@proxy.test:3128",
    ] {
        let mut desk = Desk::new();
        desk.home.set("https_proxy", proxy);
        let run = assert_refused(&desk, &["serve", "--install"], &["https_proxy", "password"]);
        run.assert_does_not_say("hunter2");
    }
}

#[test]
fn a_store_that_needs_a_person_or_this_login_is_refused() {
    for (store, word) in [
        ("memory", "keeps no sign-in"),
        ("file", "ACSPASS_STORE_KEY_FILE"),
        ("keyutils", "this login's own"),
    ] {
        let desk = Desk::new();
        desk.home
            .configure(&format!("{PROFILE}store = \"{store}\"\n"));
        assert_refused(&desk, &["serve", "--install"], &[word]);
    }
}

#[test]
fn what_cannot_be_installed_is_refused() {
    let desk = Desk::new();
    assert_refused(
        &desk,
        &["serve", "--install", "--emulator"],
        &["a new world in every run"],
    );
    assert_refused(
        &desk,
        &["serve", "--install", "--port", "0"],
        &["a port that stays"],
    );
    let origin = ["serve", "--install", "--allow-origin", "nonsense"];
    assert_refused(&desk, &origin, &["nonsense"]);
    desk.home.configure("[profile.default]\n");
    assert_refused(
        &desk,
        &["serve", "--install"],
        &["no client id is configured"],
    );
}

#[test]
fn a_line_break_writes_no_line_of_a_unit() {
    let mut desk = Desk::new();
    desk.home.set("NO_PROXY", "a\nExecStartPre=/bin/true");
    assert_refused(
        &desk,
        &["serve", "--install"],
        &["cannot be written into a unit"],
    );
}

#[test]
fn without_systemd_the_next_step_is_said() {
    let mut desk = Desk::new();
    desk.fails("Version");
    let run = desk.home.run(&["serve", "--install"]);
    run.assert_error(
        2,
        &["no systemd manager", "told to fail", "run `acspass serve`"],
    );
    desk.home.set("PATH", "/nonexistent");
    let run = desk.home.run(&["serve", "--install"]);
    run.assert_error(2, &["no `systemctl`", "run `acspass serve`"]);
    assert_eq!(desk.left(), Vec::<PathBuf>::new());
}
