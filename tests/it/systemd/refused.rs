//! Settings that an installed service would not have, or could not use, are refused before anything
//! is written.

use std::path::PathBuf;

use super::{PROFILE, SystemdHome, free_port};
use crate::harness::Run;

/// Fails unless the call ends with exit code 2, without unit files and `systemctl` commands.
#[track_caller]
fn assert_refused(systemd: &SystemdHome, arguments: &[&str], words: &[&str]) -> Run {
    let run = systemd.home.run(arguments);
    run.assert_error(2, words);
    assert_eq!(systemd.left(), Vec::<PathBuf>::new());
    assert_eq!(systemd.orders(), Vec::<String>::new());
    run
}

#[test]
fn setting_in_the_environment_is_refused_by_name() {
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
        let mut systemd = SystemdHome::new();
        systemd.home.set(variable, value);
        let named = format!("{key} ({variable})");
        let next = format!("acspass config set {key}");
        assert_refused(&systemd, &["serve", "--install"], &[&named, &next]);
    }
}

#[test]
fn secret_in_the_environment_is_refused_by_name_and_never_printed() {
    let secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ=";
    for variable in [
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "AZURE_COMMUNICATION_CONNECTION_STRING",
        "COMMUNICATION_SERVICES_ACCESSKEY",
    ] {
        let mut systemd = SystemdHome::new();
        let text = format!("endpoint=https://x.communication.azure.com/;accesskey={secret}");
        systemd.home.set(variable, &text);
        let run = assert_refused(&systemd, &["serve", "--install"], &[variable]);
        run.assert_does_not_say(secret);
    }
    for variable in ["AZURE_CLIENT_SECRET", "IDENTITY_ENDPOINT"] {
        let mut systemd = SystemdHome::new();
        systemd.home.set(variable, secret);
        let words = [variable, "connection-string"];
        let run = assert_refused(&systemd, &["serve", "--install"], &words);
        run.assert_does_not_say(secret);
    }
}

#[test]
fn hint_quotes_the_profile_for_the_shell() {
    let mut systemd = SystemdHome::new();
    let name = "a;id>/tmp/x;#";
    let profile = PROFILE.replace("default", &format!("\"{name}\""));
    systemd.home.configure(&profile);
    systemd.home.set("ACSPASS_STORE", "memory");
    let next = format!("acspass --profile '{name}' config set store");
    let words = ["--profile", name, "serve", "--install"];
    assert_refused(&systemd, &words, &[&next]);
}

#[test]
fn setting_that_the_profile_also_has_is_accepted() {
    let mut systemd = SystemdHome::new();
    systemd.home.set("ACSPASS_EXCHANGE", "entra");
    let run = systemd
        .home
        .run(&["serve", "--install", "--port", &free_port()]);
    run.assert_code(0);
}

#[test]
fn proxy_with_a_password_is_refused() {
    for proxy in [
        "http://ada:hunter2@proxy.test:3128",
        "ada:hunter2@proxy.test:3128",
    ] {
        let mut systemd = SystemdHome::new();
        systemd.home.set("https_proxy", proxy);
        let run = assert_refused(
            &systemd,
            &["serve", "--install"],
            &["https_proxy", "password"],
        );
        run.assert_does_not_say("hunter2");
    }
}

#[test]
fn store_that_needs_a_user_or_this_login_is_refused() {
    for (store, word) in [
        ("memory", "cannot use the store `memory`"),
        ("file", "ACSPASS_STORE_KEY_FILE"),
        ("keyutils", "belongs to this login"),
    ] {
        let systemd = SystemdHome::new();
        systemd
            .home
            .configure(&format!("{PROFILE}store = \"{store}\"\n"));
        assert_refused(&systemd, &["serve", "--install"], &[word]);
    }
}

#[test]
fn emulator_port_0_invalid_origin_and_empty_profile_are_refused() {
    let systemd = SystemdHome::new();
    assert_refused(
        &systemd,
        &["serve", "--install", "--emulator"],
        &["--emulator"],
    );
    assert_refused(
        &systemd,
        &["serve", "--install", "--port", "0"],
        &["a fixed port"],
    );
    let origin = ["serve", "--install", "--allow-origin", "nonsense"];
    assert_refused(&systemd, &origin, &["nonsense"]);
    systemd.home.configure("[profile.default]\n");
    assert_refused(
        &systemd,
        &["serve", "--install"],
        &["no client id is configured"],
    );
}

#[test]
fn value_with_a_line_break_is_refused() {
    let mut systemd = SystemdHome::new();
    systemd.home.set("NO_PROXY", "a\nExecStartPre=/bin/true");
    assert_refused(
        &systemd,
        &["serve", "--install"],
        &["cannot be written into the definition of the service"],
    );
}

#[test]
fn missing_systemd_is_an_error_with_a_hint() {
    let mut systemd = SystemdHome::new();
    systemd.fails("Version");
    let run = systemd.home.run(&["serve", "--install"]);
    run.assert_error(
        2,
        &[
            "systemd does not run",
            "told to fail",
            "Run `acspass serve`",
        ],
    );
    systemd.home.set("PATH", "/nonexistent");
    let run = systemd.home.run(&["serve", "--install"]);
    run.assert_error(2, &["`systemctl` was not found", "Run `acspass serve`"]);
    assert_eq!(systemd.left(), Vec::<PathBuf>::new());
}
