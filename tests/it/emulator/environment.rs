//! `emulator env`.

use std::process::Command;

use serde_json::Value;

use super::{home, start, state_folder, stop};

const ACSPASS: &str = env!("CARGO_BIN_EXE_acspass");

#[test]
fn shell_lines_lead_a_new_shell_to_the_running_emulator() {
    let home = home();
    let (running, ready) = start(&home, &[]);
    let script = format!(
        "eval \"$({ACSPASS} emulator env)\" && unset ACSPASS_STATE_DIR && \
         {ACSPASS} config get authority-host && {ACSPASS} user create"
    );
    let run = Command::new("sh")
        .args(["-c", &script])
        .env_clear()
        .env("HOME", home.path())
        .env("ACSPASS_STATE_DIR", state_folder(&home))
        .env(
            "ACSPASS_EMULATOR_URL",
            ready["httpUrl"].as_str().expect("a URL"),
        )
        .output()
        .expect("a shell");
    assert!(run.status.success(), "{run:?}");
    let printed = String::from_utf8_lossy(&run.stdout).into_owned();
    let url = ready["url"].as_str().expect("a URL");
    assert!(printed.starts_with(&format!("{url}\n8:acs:")), "{printed}");
    stop(running);
}

#[test]
fn each_format_has_the_same_variables_and_the_bundle_keeps_the_certificates_of_this_shell() {
    let server = home();
    let (running, ready) = start(&server, &[]);
    let mut client = home();
    let state = state_folder(&server).display().to_string();
    client.set("ACSPASS_STATE_DIR", &state);
    client.set(
        "ACSPASS_EMULATOR_URL",
        ready["httpUrl"].as_str().expect("a URL"),
    );
    let company = rcgen::generate_simple_self_signed(vec!["company.test".to_owned()]);
    let company = company.expect("a certificate").cert.pem();
    let file = client.path().join("company-ca.pem");
    std::fs::write(&file, &company).expect("a file");
    client.set("NODE_EXTRA_CA_CERTS", &file.display().to_string());
    let print = |format: &str| {
        let run = client.real(&["emulator", "env", "-o", format]);
        run.assert_code(0).stdout.clone()
    };
    let json: Value = serde_json::from_str(&print("json")).expect("JSON");
    let members = json.as_object().expect("an object");
    assert_eq!(members.len(), 9, "{json}");
    let (shell, dotenv) = (print("text"), print("dotenv"));
    for (name, value) in members {
        let value = value.as_str().expect("text");
        assert!(
            dotenv.lines().any(|line| line == format!("{name}={value}")),
            "{dotenv}"
        );
        assert!(shell.contains(&format!("export {name}=")), "{shell}");
    }
    let bundle = json["SSL_CERT_FILE"].as_str().expect("a path");
    let bundle = std::fs::read_to_string(bundle).expect("the bundle");
    let ca = std::fs::read_to_string(ready["caFile"].as_str().expect("a path"));
    let lines = |pem: &str| {
        pem.lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join("\n")
    };
    for certificate in [company, ca.expect("the certificate")] {
        assert!(lines(&bundle).contains(&lines(&certificate)), "{bundle}");
    }
    stop(running);
}

#[test]
fn without_a_bundle_of_this_user_no_variable_names_certificates() {
    let server = home();
    let (running, ready) = start(&server, &[]);
    let mut client = home();
    client.set(
        "ACSPASS_EMULATOR_URL",
        ready["httpUrl"].as_str().expect("a URL"),
    );
    let run = client.real(&["emulator", "env"]);
    run.assert_code(0)
        .assert_says(&["is not from the authority of this state folder"]);
    assert!(!run.stdout.contains("SSL_CERT_FILE"), "{}", run.stdout);
    stop(running);
    let run = client.real(&["emulator", "env"]);
    run.assert_error(6, &["no emulator responds", "Run `acspass emulator`"]);
    let run = client.real(&["get", "-o", "dotenv"]);
    run.assert_error(2, &["only `emulator env` accepts it"]);
}
