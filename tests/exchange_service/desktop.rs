//! `acspass` on a machine without a key, with `acspass-exchange`: both programs as processes.

use std::thread;
use std::time::Duration;

use acspass::emulator::{Emulator, Options, Seed};
use serde_json::Value;

use crate::harness::{AUDIENCE, CLIENT, Desktop, Service, until};

const APPLICATION: &str = "ac5ba55e-0c11-4000-8000-0000000000e1";

/// An emulator with the application of the desktops and that of the service.
fn emulator() -> Emulator {
    let seed = format!(
        "[[applications]]\nname = \"Desktop\"\nclientId = \"{CLIENT}\"\n\
         platforms.native = [\"http://localhost\"]\n\
         [[applications]]\nname = \"Exchange service\"\nclientId = \"{APPLICATION}\"\n\
         tenant = \"contoso.example\"\ncertificate = true\n\
         api = {{ identifierUris = [\"{AUDIENCE}\"], scopes = [\"access_as_user\"] }}\n"
    );
    Emulator::start(Options {
        seed: Seed::parse(&seed).expect("a seed"),
        // A refresh token that was used before ends the session.
        strict_refresh: true,
        ..Options::default()
    })
    .expect("an emulator")
}

fn service_on_behalf_of(emulator: &Emulator, folder: &tempfile::TempDir) -> Service {
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, emulator.service_certificate_pem()).expect("written");
    let certificate = certificate.to_str().expect("UTF-8");
    let changes = [
        ("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true"),
        ("AZURE_CLIENT_ID", APPLICATION),
        ("AZURE_TENANT_ID", emulator.tenant_id()),
        ("AZURE_CLIENT_CERTIFICATE_PATH", certificate),
    ];
    Service::start(emulator, &changes)
}

/// Waits for the one decision that the service's audit has since `seen` lines.
#[track_caller]
fn decision(service: &Service, seen: usize) -> Value {
    let decisions = until("a decision", || {
        let lines = service.lines().split_off(seen);
        let lines = lines.iter().map(|line| serde_json::from_str(line));
        let decisions: Vec<Value> = lines
            .filter_map(Result::ok)
            .filter(|line: &Value| line["audit"] == "decision")
            .collect();
        Some(decisions).filter(|decisions| !decisions.is_empty())
    });
    assert_eq!(decisions.len(), 1, "{decisions:?}");
    decisions[0].clone()
}

/// The life of a desktop's tokens: sign-in, exchange, cache, renewal. Each refresh redeems the refresh
/// token `redemptions` times.
fn use_desktop(emulator: &Emulator, service: &Service, desktop: &mut Desktop, redemptions: usize) {
    let (code, _) = desktop.call(&["get"]);
    assert_eq!(code, Some(4), "{}", desktop.said());
    desktop.login();
    assert_eq!(emulator.count("authorization_code"), 1);
    assert_eq!(emulator.count("exchange"), 0);

    let seen = service.lines().len();
    let first = desktop.run(&["get"]);
    assert!(emulator.is_token_valid(first.trim_end()));
    let audit = decision(service, seen);
    assert_eq!(
        (&audit["outcome"], &audit["client"]),
        (&"exchanged".into(), &CLIENT.into())
    );
    assert_eq!(audit["user"], emulator.object_id());
    let refreshed = emulator.count("refresh_token");
    assert_eq!(refreshed, redemptions - 1, "the sign-in brought one token");

    assert_eq!(desktop.run(&["get"]), first, "it is cached");
    assert_eq!(emulator.count("refresh_token"), refreshed);
    let account = desktop.json(&["status"])["accounts"][0].clone();
    assert_eq!(account["communicationToken"]["fresh"], true, "{account}");
    assert_eq!(account["username"], emulator.username());

    // The life is too short for the usual validity. Half of it is enough for two commands.
    emulator.set_token_life(Duration::from_secs(180));
    let second = desktop.run(&["get", "--force-refresh"]);
    assert_ne!(second, first);
    assert_eq!(emulator.count("refresh_token"), refreshed + redemptions);
    assert_eq!(
        desktop.run(&["get"]),
        second,
        "it has more than half of its life left"
    );
    // A stale token is renewed.
    let life = Duration::from_secs(20);
    emulator.set_token_life(life);
    let third = desktop.run(&["get", "--force-refresh"]);
    thread::sleep(life / 2 + Duration::from_secs(1));
    emulator.set_token_life(Duration::from_secs(3600));
    let last = desktop.run(&["get"]);
    assert_ne!(last, third);
    assert!(emulator.is_token_valid(last.trim_end()));
    assert_eq!(emulator.count("refresh_token"), refreshed + 3 * redemptions);
    assert_eq!(emulator.count("authorization_code"), 1);
    assert_eq!(emulator.count("exchange"), 4);
}

/// Looks at `doctor`, and searches all that was printed and written for secrets.
fn assert_healthy(emulator: &Emulator, service: &Service, desktop: &mut Desktop) {
    let report = desktop.json(&["doctor"]);
    let checks = report["checks"].as_array().expect("checks");
    let check = |name: &str| checks.iter().find(|check| check["name"] == name);
    let found = check("service").expect("a check of the service");
    assert_eq!(found["result"], "ok", "{report}");
    let finding = found["finding"].as_str().expect("a text");
    assert!(finding.contains(&service.url()), "{finding}");
    assert_eq!(check("resource").expect("a check")["result"], "skipped");
    assert_eq!(check("entra").expect("a check")["result"], "ok", "{report}");

    let secrets = emulator.secrets();
    assert!(!secrets.is_empty());
    for text in [desktop.said(), &service.lines().join("\n")] {
        for secret in &secrets {
            assert!(!text.contains(secret), "a secret was printed");
        }
    }
    desktop.assert_no_file_contains(&secrets);
}

#[test]
fn a_desktop_without_a_key_gets_tokens_with_two_tokens_of_its_user() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let mut desktop = Desktop::new(&emulator, &service);
    use_desktop(&emulator, &service, &mut desktop, 2);
    assert_eq!(emulator.count("on_behalf_of"), 0);
    assert_healthy(&emulator, &service, &mut desktop);
}

#[test]
fn a_desktop_without_a_key_gets_tokens_on_behalf_of_its_user() {
    let emulator = emulator();
    let folder = tempfile::tempdir().expect("a folder");
    let service = service_on_behalf_of(&emulator, &folder);
    let mut desktop = Desktop::new(&emulator, &service);
    desktop.configure("on-behalf-of", "true");
    use_desktop(&emulator, &service, &mut desktop, 1);
    // The desktop asked for no token for ACS, so it has none that could leave the machine.
    let requests = emulator.requests();
    assert!(emulator.count("on_behalf_of") >= 3, "{requests:?}");
    assert_healthy(&emulator, &service, &mut desktop);
}

#[test]
fn a_desktop_with_the_other_setup_is_told_which_setting_to_change() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let mut desktop = Desktop::new(&emulator, &service);
    desktop.configure("on-behalf-of", "true");
    desktop.login();
    let (code, _) = desktop.call(&["get"]);
    assert_eq!(code, Some(5), "{}", desktop.said());
    assert!(
        desktop.said().contains("on-behalf-of"),
        "{}",
        desktop.said()
    );
    assert_eq!(emulator.count("exchange"), 0);
    desktop.run(&["config", "unset", "on-behalf-of"]);
    desktop.login();
    assert!(emulator.is_token_valid(desktop.run(&["get"]).trim_end()));
}

#[test]
fn a_stopped_service_leaves_the_cached_token_and_a_named_cause() {
    let emulator = emulator();
    let service = Service::start(&emulator, &[]);
    let mut desktop = Desktop::new(&emulator, &service);
    desktop.login();
    let token = desktop.run(&["get"]);
    drop(service);
    assert_eq!(desktop.run(&["get"]), token);
    let (code, stdout) = desktop.call(&["get", "--force-refresh"]);
    assert_eq!((code, stdout.as_str()), (Some(6), ""), "{}", desktop.said());
    let hint = "Start acspass-exchange, or check `exchange-service` in `acspass config list`.";
    assert!(desktop.said().contains(hint), "{}", desktop.said());
    let (code, stdout) = desktop.call(&["doctor"]);
    assert_eq!(code, Some(6), "{}", desktop.said());
    assert!(stdout.contains(hint), "{stdout}");
}
