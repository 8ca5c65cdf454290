//! Folders and files whose names are not UTF-8.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with such a name.
fn raw(home: &TempDir) -> PathBuf {
    let folder = home.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&folder).expect("a file system that takes such names");
    folder
}

fn run(variables: &[(&str, &OsStr)], words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acspass"));
    command.args(words).env_clear().env("PATH", "/usr/bin:/bin");
    command.envs(variables.iter().copied());
    command.output().expect("it starts")
}

#[track_caller]
fn ok(output: Output) -> Vec<u8> {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    output.stdout
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    names
}

#[test]
fn folders_whose_names_are_not_utf8_are_used_as_named() {
    let home = TempDir::new().expect("a home");
    let folder = raw(&home);
    let [config, state, key] = ["config", "state", "key"].map(|name| folder.join(name));
    acspass::store::create_key_file(&key).expect("a key");
    let variables = [
        ("ACSPASS_CONFIG_DIR", config.as_os_str()),
        ("ACSPASS_STATE_DIR", state.as_os_str()),
        ("ACSPASS_STORE", OsStr::new("file")),
        ("ACSPASS_STORE_KEY_FILE", key.as_os_str()),
    ];
    ok(run(
        &variables,
        &["config", "set", "tenant", "contoso.example"],
    ));
    ok(run(&variables, &["get", "--emulator"]));
    assert_eq!(
        names(home.path()),
        [OsString::from_vec(b"caf\xe9".to_vec())]
    );
    assert_eq!(names(&folder), ["config", "key", "state"]);
    assert_eq!(names(&config), ["config.toml", "config.toml.lock"]);
    let got = ok(run(&variables, &["config", "get", "tenant"]));
    assert_eq!(got, b"contoso.example\n");
    let path = ok(run(&variables, &["config", "path"]));
    let file = config.join("config.toml");
    assert_eq!(path, [file.as_os_str().as_bytes(), b"\n"].concat());
}

#[test]
fn home_whose_name_is_not_utf8_is_used_as_named() {
    for (name, config) in [("HOME", ".config/acspass"), ("XDG_CONFIG_HOME", "acspass")] {
        let home = TempDir::new().expect("a home");
        let folder = raw(&home);
        let variables = [
            ("HOME", home.path().as_os_str()),
            (name, folder.as_os_str()),
        ];
        ok(run(
            &variables,
            &["config", "set", "tenant", "contoso.example"],
        ));
        assert!(folder.join(config).join("config.toml").is_file(), "{name}");
        assert_eq!(names(home.path()).len(), 1);
    }
}

#[test]
fn authority_file_whose_name_is_not_utf8_is_read() {
    let home = TempDir::new().expect("a home");
    let file = raw(&home).join("ca.pem");
    fs::write(&file, "no certificate").expect("a file");
    let variables = [
        ("HOME", home.path().as_os_str()),
        ("ACSPASS_CA_FILE", file.as_os_str()),
        (
            "ACSPASS_CLIENT_ID",
            OsStr::new("11111111-1111-1111-1111-111111111111"),
        ),
    ];
    let output = run(&variables, &["doctor", "--offline"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("it contains no PEM certificate"), "{said}");
}

#[test]
fn unit_is_refused_if_a_folder_of_it_is_not_utf8() {
    let home = TempDir::new().expect("a home");
    let folder = raw(&home);
    let config = home.path().join("config");
    let text = "[profile.default]\nclient-id = \"11111111-1111-1111-1111-111111111111\"\n\
                endpoint = \"https://x.communication.azure.com\"\n";
    fs::create_dir(&config).expect("a folder");
    fs::write(config.join("config.toml"), text).expect("settings");
    for name in ["ACSPASS_STATE_DIR", "SSL_CERT_FILE"] {
        let variables = [
            ("HOME", home.path().as_os_str()),
            ("ACSPASS_CONFIG_DIR", config.as_os_str()),
            (name, folder.as_os_str()),
        ];
        let output = run(&variables, &["serve", "--install"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("cannot be written into the definition of the service"),
            "{name}: {said}"
        );
        assert!(!home.path().join(".config/systemd").exists());
    }
}
