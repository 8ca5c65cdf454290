//! A service that an attacker has taken over: what the confinement leaves to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use acspass::emulator::{Emulator, Options};

use super::Service;
use crate::harness::http;
use crate::harness::{Home, TestBrowser};

/// What the confinement probe of debug builds tries outside the service's folders.
const ATTEMPTS: [&str; 8] = [
    "read", "write", "create", "move", "list", "link", "symlink", "run",
];

fn home() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let other = home.path().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("file"), "of the user").expect("a file");
    home.set(
        "ACSPASS_TEST_INTRUDER",
        &other.join("file").display().to_string(),
    );
    (home, emulator)
}

/// Starts a service, asks `doctor` about it, and returns what both said.
fn said(home: &Home) -> (String, String) {
    let service = Service::start(home, &[]);
    service.get("/status").assert_status(200);
    let doctor = home.real(&["doctor", "--offline"]).stdout;
    let status = format!("/proc/{}/status", service.process.id());
    let status = fs::read_to_string(status).expect("it runs");
    let is_confined = status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2");
    assert_eq!(
        is_confined,
        doctor.contains("cannot start programs"),
        "{status}"
    );
    let run = service.stop();
    run.assert_code(0);
    (run.stderr, doctor)
}

#[test]
fn compromised_service_opens_no_other_file_and_starts_no_program() {
    let (home, _emulator) = home();
    let (said, doctor) = said(&home);
    for thread in ["serving", "new"] {
        for attempt in ATTEMPTS {
            let line = said
                .lines()
                .find(|line| line.contains(&format!("intruder: {thread} {attempt}: ")));
            let line = line.unwrap_or_else(|| panic!("{thread} {attempt}: {said}"));
            let is_refused = ["PermissionDenied", "CrossesDevices"]
                .iter()
                .any(|kind| line.ends_with(kind));
            assert!(is_refused, "{line}");
        }
        assert!(
            said.contains(&format!("intruder: {thread} own: done")),
            "{said}"
        );
    }
    let folder = home.path().join("other");
    assert_eq!(
        fs::read_to_string(folder.join("file")).expect("a file"),
        "of the user"
    );
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 1);
    let line = doctor.lines().find(|line| line.contains(" confinement "));
    let line = line.expect("the check");
    assert!(line.starts_with("ok "), "{line}");
    assert!(line.contains("cannot start programs"), "{line}");
}

#[test]
fn service_with_the_credential_of_a_program_is_not_confined_and_says_so() {
    let (mut home, emulator) = home();
    let programs = home.path().join("bin");
    fs::create_dir(&programs).expect("a folder");
    let az = programs.join("az");
    fs::write(&az, "#!/bin/sh\nexit 1\n").expect("a program");
    fs::set_permissions(&az, fs::Permissions::from_mode(0o755)).expect("it can be run");
    home.set("PATH", &programs.display().to_string());
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", &emulator.http_url());
    let (said, doctor) = said(&home);
    assert!(said.contains("The service is not confined"), "{said}");
    for thread in ["serving", "new"] {
        for attempt in ATTEMPTS {
            assert!(
                said.contains(&format!("intruder: {thread} {attempt}: done")),
                "{thread} {attempt}: {said}"
            );
        }
    }
    let line = doctor.lines().find(|line| line.contains(" confinement "));
    assert!(line.expect("the check").starts_with("warn "), "{line:?}");
}

/// Both places are compiled for debug builds only, and no other place knows the variable.
#[test]
fn confinement_probe_is_not_in_a_release() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |name: &str| fs::read_to_string(source.join(name)).expect("source");
    let only_in_debug = |text: &str, line: &str| {
        let (before, _) = text.split_once(line).expect("the line");
        assert!(
            before.trim_end().ends_with("#[cfg(debug_assertions)]"),
            "{line}"
        );
        assert_eq!(text.matches(line).count(), 1, "{line}");
    };
    only_in_debug(&read("cli/service/mod.rs"), "mod confinement_probe;");
    only_in_debug(
        &read("cli/service/confinement.rs"),
        "super::confinement_probe::act(",
    );
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("Cargo.toml");
    assert!(!manifest.contains("debug-assertions"), "a release has none");
}

/// A home in which a user is signed in over https, with sealed files as the store. The authority is
/// in `certs/ca.pem` and the key in `keys/key`.
fn signed_in_over_https() -> (Home, Arc<Emulator>) {
    let options = Options {
        https_port: Some(0),
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let pem = emulator.ca_pem().expect("https");
    let mut home = Home::new();
    home.point_at(&emulator);
    home.set(
        "AZURE_AUTHORITY_HOST",
        &emulator.https_url().expect("https"),
    );
    let set = |home: &mut Home, name: &str, path: &str| {
        let path = home.path().join(path).display().to_string();
        home.set(name, &path);
    };
    set(&mut home, "ACSPASS_STATE_DIR", "state");
    set(&mut home, "ACSPASS_STORE_KEY_FILE", "keys/key");
    set(&mut home, "ACSPASS_CA_FILE", "certs/ca.pem");
    home.set("ACSPASS_STORE", "file");
    for folder in ["certs", "keys"] {
        fs::create_dir(home.path().join(folder)).expect("a folder");
    }
    fs::write(home.path().join("certs/ca.pem"), &pem).expect("a file");
    let key = home.path().join("keys/key");
    acspass::store::create_key_file(&key).expect("a key file");
    home.login_as(&TestBrowser::trusting(&pem)).assert_code(0);
    (home, emulator)
}

/// Puts a new file with the same bytes in the place of this one, as package and settings tools do.
fn replace(file: &Path) {
    let new = file.with_extension("new");
    fs::copy(file, &new).expect("a copy");
    fs::rename(new, file).expect("it is replaced");
}

/// Starts a service, changes the files, and has the service renew the session.
fn renews_after(home: &Home, emulator: &Emulator, change: impl FnOnce()) {
    let service = Service::start(home, &[]);
    // It responds once it is confined, which is after the ready line.
    service.get("/healthz").assert_status(200);
    let doctor = home.real(&["doctor", "--offline"]).stdout;
    assert!(doctor.contains("cannot start programs"), "{doctor}");
    change();
    let before = emulator.count("refresh_token");
    service.get("/token?min-validity=23h").assert_status(200);
    assert_eq!(emulator.count("refresh_token"), before + 1);
    service.stop().assert_code(0);
}

#[test]
fn authority_and_key_that_are_replaced_by_new_files_are_read_at_the_first_renewal() {
    let (home, emulator) = signed_in_over_https();
    renews_after(&home, &emulator, || {
        replace(&home.path().join("certs/ca.pem"));
        replace(&home.path().join("keys/key"));
    });
}

#[test]
fn authority_behind_links_that_are_replaced_is_read_at_the_first_renewal() {
    let (home, emulator) = signed_in_over_https();
    let certs = home.path().join("certs");
    // As Kubernetes mounts a ConfigMap.
    fs::create_dir(certs.join("..1")).expect("a folder");
    fs::rename(certs.join("ca.pem"), certs.join("..1/ca.pem")).expect("it moves");
    symlink("..1", certs.join("..data")).expect("a link");
    symlink("..data/ca.pem", certs.join("ca.pem")).expect("a link");
    renews_after(&home, &emulator, || {
        fs::create_dir(certs.join("..2")).expect("a folder");
        fs::copy(certs.join("..1/ca.pem"), certs.join("..2/ca.pem")).expect("a copy");
        symlink("..2", certs.join("..new")).expect("a link");
        fs::rename(certs.join("..new"), certs.join("..data")).expect("it is replaced");
        fs::remove_dir_all(certs.join("..1")).expect("it goes");
    });
}

#[test]
fn authority_that_appears_after_the_start_is_read_at_the_first_renewal() {
    let (mut home, emulator) = signed_in_over_https();
    home.unset("ACSPASS_CA_FILE");
    let later = home.path().join("certs/later.pem");
    home.set("REQUESTS_CA_BUNDLE", &later.display().to_string());
    let file = home.path().join("certs/ca.pem");
    renews_after(&home, &emulator, || {
        fs::copy(&file, &later).expect("a copy");
    });
}

#[test]
fn each_folder_of_a_list_of_certificate_folders_is_read_with_its_links() {
    let (mut home, emulator) = signed_in_over_https();
    home.unset("ACSPASS_CA_FILE");
    for folder in ["empty", "hashed"] {
        fs::create_dir(home.path().join(folder)).expect("a folder");
    }
    // The loader reads names as `c_rehash` makes them.
    symlink("../certs/ca.pem", home.path().join("hashed/0a1b2c3d.0")).expect("a link");
    let folders = ["empty", "hashed"].map(|folder| home.path().join(folder));
    let folders = std::env::join_paths(folders).expect("a list");
    home.set("SSL_CERT_DIR", folders.to_str().expect("text"));
    renews_after(&home, &emulator, || {});
}

#[test]
fn service_that_opened_a_browser_command_is_confined_in_all_threads() {
    let (mut home, _emulator) = home();
    // Outside the home, whose files are searched for secrets.
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    // A browser that stays until a line is written.
    let pipe_text = pipe.display().to_string();
    let browser = ["/bin/sh", "-c", "read line < \"$0\"", &pipe_text];
    home.set("BROWSER", &shell_words::join(browser));
    let words = ["serve", "--open", "--port", "0"];
    let words = [&[env!("CARGO_BIN_EXE_acspass")][..], &words].concat();
    let mut terminal = Command::new("script")
        .args(["-qfec", &shell_words::join(words), "/dev/null"])
        .env_clear()
        .envs(&home.variables)
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("script, of bsdutils");
    // The service writes the outcome to its lock file, and `doctor` reads it there.
    let start = Instant::now();
    let line = loop {
        let doctor = home.real(&["doctor", "--offline"]).stdout;
        let line = doctor.lines().find(|line| line.contains(" confinement "));
        let line = line.expect("the check").to_owned();
        let is_recorded = line.contains("the running service") && !line.contains("not confined");
        if is_recorded || start.elapsed() > http::TIMEOUT {
            break line;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    fs::write(&pipe, "end\n").expect("the browser command runs");
    terminal.kill().expect("it runs");
    terminal.wait().expect("it ends");
    assert!(line.starts_with("ok "), "{line}");
    assert!(line.contains("cannot start programs"), "{line}");
}
