//! The scripts of the SDKs' and the browser's suites: what they install by sees the user's proxy and
//! its certificate authority, and what they test does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Variables by which pip, npm, cargo and their like get through a TLS-inspecting proxy.
const PROXY: [(&str, &str); 9] = [
    ("HTTPS_PROXY", "http://proxy.example:3128"),
    ("REQUESTS_CA_BUNDLE", "/etc/proxy-ca.pem"),
    ("CURL_CA_BUNDLE", "/etc/proxy-ca.pem"),
    ("SSL_CERT_FILE", "/etc/proxy-ca.pem"),
    ("SSL_CERT_DIR", "/etc/proxy-ca"),
    ("NODE_EXTRA_CA_CERTS", "/etc/proxy-ca.pem"),
    ("PIP_INDEX_URL", "https://pypi.example/simple"),
    ("PIP_CERT", "/etc/proxy-ca.pem"),
    ("npm_config_registry", "https://npm.example/"),
];
/// Variables that would lead a suite's client elsewhere, or to another authority.
const FORGOTTEN: [&str; 6] = [
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "AZURE_AUTHORITY_HOST",
];

/// Puts a program into a folder that notes its environment under its own name.
fn noting(folder: &Path, name: &str, then: &str) {
    let path = folder.join(name);
    let text = format!("#!/bin/sh\nenv >>\"$NOTES/{name}\"\n{then}\n");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
}

#[test]
fn installations_go_through_the_users_proxy_and_suites_do_not() {
    for script in ["tests/conformance/run.sh", "tests/browser/run.sh"] {
        let scratch = tempfile::tempdir().expect("a folder");
        let programs = scratch.path().join("bin");
        let notes = scratch.path().join("notes");
        let built = scratch.path().join("target/debug");
        for folder in [&programs, &notes, &built] {
            fs::create_dir_all(folder).expect("a folder");
        }
        noting(&programs, "pip", "");
        noting(&programs, "node", "echo v22.0.0");
        noting(&programs, "cargo", "");
        for name in ["apt-get", "chromium"] {
            noting(&programs, name, "");
        }
        noting(&programs, "sudo", "exec \"$@\"");
        let modules = "mkdir -p node_modules/.bin && cp \"$BIN/node\" node_modules/.bin/node";
        noting(&programs, "npm", modules);
        let environment =
            "[ \"$2\" != venv ] || { mkdir -p \"$3/bin\" && cp \"$BIN/pip\" \"$3/bin/pip\"; }";
        noting(&programs, "python3", environment);
        // The suites get no emulator, and end there.
        noting(&built, "acspass", "exit 1");

        let run = Command::new("bash")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script))
            .env_clear()
            .envs(PROXY)
            .env("AZURE_AUTHORITY_HOST", "https://elsewhere.example")
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .env("BIN", &programs)
            .env("NOTES", &notes)
            .env("CARGO_TARGET_DIR", scratch.path().join("target"))
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(!run.status.success(), "{script} has no suite to pass");
        let noted = |name: &str| {
            let text = fs::read_to_string(notes.join(name));
            text.unwrap_or_else(|_| panic!("{script} did not get to {name}: {said}"))
        };
        let mut installers = vec!["npm", "cargo"];
        if script.contains("conformance") {
            installers.push("pip");
        }
        for name in installers {
            for (variable, value) in PROXY {
                let line = format!("{variable}={value}\n");
                assert!(noted(name).contains(&line), "{script}: {name} lacks {line}");
            }
        }
        for variable in FORGOTTEN {
            let start = format!("\n{variable}=");
            assert!(!noted("acspass").contains(&start), "{script}: {variable}");
        }
    }
}
