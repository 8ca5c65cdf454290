//! `--env-file`.

use std::os::unix::fs::PermissionsExt;

use super::{home, start, stop};

#[test]
fn file_is_there_while_the_emulator_runs_and_leads_to_it() {
    let home = home();
    let path = home.path().join(".env");
    let option = format!("--env-file={}", path.display());
    let (running, ready) = start(&home, &[&option]);
    let text = std::fs::read_to_string(&path).expect("the file is written before the line");
    let mode = std::fs::metadata(&path)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let variables: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    let mut client = super::home();
    for (name, value) in &variables {
        client.set(name, value);
    }
    let value = |name: &str| {
        variables
            .iter()
            .find(|(found, _)| *found == name)
            .map(|found| found.1)
    };
    assert_eq!(value("AZURE_AUTHORITY_HOST"), ready["url"].as_str());
    assert_eq!(value("ACSPASS_EMULATOR_URL"), ready["httpUrl"].as_str());
    let bundle = value("SSL_CERT_FILE").expect("a bundle").to_owned();
    for name in ["REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        assert_eq!(value(name), Some(bundle.as_str()));
    }
    // Over https, trusted by the bundle.
    client.real(&["user", "create"]).assert_code(0);

    let second = super::home();
    let words = ["emulator", "--https-port=0", "--http-port=0", &option];
    second
        .real(&words)
        .assert_error(2, &["belongs to a running emulator"]);
    assert_eq!(std::fs::read_to_string(&path).expect("it stays"), text);
    stop(running);
    assert!(!path.exists());
}

#[test]
fn file_of_a_killed_emulator_is_replaced_and_that_of_a_user_is_not() {
    let home = home();
    let path = home.path().join(".env");
    let option = format!("--env-file={}", path.display());
    let (running, _) = start(&home, &[&option]);
    running.signal("KILL");
    running.end();
    assert!(path.exists());
    let (running, _) = start(&home, &[&option]);
    stop(running);
    assert!(!path.exists());

    std::fs::write(&path, "SETTING=1\n").expect("a file");
    let words = ["emulator", "--https-port=0", "--http-port=0", &option];
    home.real(&words)
        .assert_error(2, &["was not written by an emulator"]);
    assert_eq!(
        std::fs::read_to_string(&path).expect("it stays"),
        "SETTING=1\n"
    );
}
