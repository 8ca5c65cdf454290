//! `config.toml` and its folder.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::Path;

use super::run;
use crate::harness::users::{ADA, EVE, Ended, Machine, owner_and_mode, set_mode};

#[test]
fn settings_that_another_user_can_change_are_refused_with_the_repair() {
    let machine = Machine::new();
    let own = machine.home(ADA).join("config");
    let file = own.join("config.toml");
    ADA.sh(
        "mkdir -m 755 \"$1\"; printf '[profile.default]\\ntenant = \"own.example\"\\n' > \"$2\"",
        &[&own, &file],
    );
    let list = |folder: &Path| {
        let folders: &[(&str, &Path)] = &[("ACSPASS_CONFIG_DIR", folder)];
        run(ADA, &machine, folders, &["config", "get", "tenant"])
    };
    let give = |path: &Path, to: u32| chown(path, Some(to), Some(to)).expect("root gives it");
    set_mode(&file, 0o644);
    assert_eq!(list(&own).assert_code(0).stderr, "");

    set_mode(&file, 0o664);
    let ended = list(&own);
    let repair = format!("chmod g-w {}", file.display());
    ended.assert_code(0).assert_says(&["warning: ", &repair]);
    assert_eq!(ended.stderr.matches("warning: ").count(), 1);

    set_mode(&file, 0o646);
    let repair = format!("chmod o-w {}", file.display());
    list(&own)
        .assert_code(2)
        .assert_says(&["every user can write", &repair]);
    ADA.sh(&repair, &[]);
    list(&own).assert_code(0);

    give(&file, EVE.id);
    list(&own)
        .assert_code(2)
        .assert_says(&["belongs to another user (uid 61002)", "chown"]);
    give(&file, 0);
    assert_eq!(list(&own).assert_code(0).stdout, "own.example\n");

    set_mode(&own, 0o777);
    let repair = format!("chmod go-w {}", own.display());
    list(&own).assert_code(2).assert_says(&[&repair]);
    set_mode(&own, 0o755);
    give(&own, EVE.id);
    list(&own)
        .assert_code(2)
        .assert_says(&["the folder", "(uid 61002)"]);
    // The folder of a package or of a container's configuration.
    give(&own, 0);
    list(&own).assert_code(0);
}

#[test]
fn link_to_settings_is_followed_if_link_and_target_are_the_users_own() {
    let machine = Machine::new();
    let home = machine.home(ADA);
    let (config, dotfiles) = (home.join("config"), home.join("dotfiles"));
    ADA.sh("mkdir \"$@\"", &[&config, &dotfiles]);
    let target = dotfiles.join("acspass.toml");
    let text = "[profile.default]\ntenant = \"own.example\"\n";
    fs::write(&target, text).expect("settings");
    ADA.owns(&target);
    let shared = machine.shared();
    let get = |folder: &Path| {
        let folders: &[(&str, &Path)] = &[("ACSPASS_CONFIG_DIR", folder)];
        run(ADA, &machine, folders, &["config", "get", "tenant"])
    };
    ADA.sh(
        "ln -s ../dotfiles/acspass.toml \"$1\"",
        &[&config.join("config.toml")],
    );
    assert_eq!(get(&config).assert_code(0).stdout, "own.example\n");
    // In a folder like /tmp, Eve can plant a link.
    let link = shared.join("config.toml");
    EVE.sh("ln -s \"$1\" \"$2\"", &[&target, &link]);
    get(&shared)
        .assert_code(2)
        .assert_says(&["the link", "(uid 61002)"]);
    fs::remove_file(&link).expect("root removes it");
    let planted = shared.join("planted.toml");
    EVE.sh(
        "printf '[profile.default]\\ntenant = \"eve.example\"\\n' > \"$1\"",
        &[&planted],
    );
    ADA.sh("ln -s \"$1\" \"$2\"", &[&planted, &link]);
    get(&shared)
        .assert_code(2)
        .assert_says(&["planted.toml", "(uid 61002)"]);
    fs::remove_file(&link).expect("root removes it");
    symlink(&target, &link).expect("root's link");
    get(&shared).assert_code(0);
}

#[test]
fn authorities_that_another_user_can_change_are_used_with_a_warning() {
    let machine = Machine::new();
    let home = machine.home(ADA);
    let (certs, link) = (home.join("certs"), home.join("link.pem"));
    let file = certs.join("ca.pem");
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    ADA.sh("mkdir -m 755 \"$1\"", &[&certs]);
    fs::write(&file, signed.expect("a certificate").cert.pem()).expect("a file");
    ADA.sh("ln -s \"$1\" \"$2\"", &[&file, &link]);
    ADA.owns(&certs);
    set_mode(&file, 0o644);
    // The address is https, so that the authorities are needed. There is no listener.
    let create = |named_by: &str, path: &Path| {
        let resource = "endpoint=https://127.0.0.1:9/;accesskey=c2VjcmV0";
        let variables = [
            ("ACSPASS_STORE", OsStr::new("memory")),
            (
                "COMMUNICATION_SERVICES_CONNECTION_STRING",
                resource.as_ref(),
            ),
            (named_by, path.as_os_str()),
        ];
        Ended::of(ADA.acspass(&machine, &variables).args(["user", "create"]))
    };
    let warning = |ended: &Ended| {
        ended.assert_code(6);
        let lines = ended.stderr.lines();
        lines
            .filter(|line| line.starts_with("warning: "))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let assert_warns = |path: &Path, words: &str| {
        let found = warning(&create("ACSPASS_CA_FILE", path));
        assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
    };
    let none: [&str; 0] = [];
    assert_eq!(warning(&create("ACSPASS_CA_FILE", &link)), none);
    let give = |path: &Path, to: u32| lchown(path, Some(to), Some(to)).expect("root gives it");
    for (given, through) in [(&file, None), (&certs, Some(&certs)), (&link, Some(&link))] {
        give(given, EVE.id);
        let through =
            through.map_or_else(String::new, |path| format!(" through `{}`", path.display()));
        let words = format!("which the user with id 61002 can change{through}, decides");
        assert_warns(&link, &words);
        // Those of root are no reason for a warning.
        give(given, 0);
        assert_eq!(warning(&create("ACSPASS_CA_FILE", &link)), none);
        give(given, ADA.id);
    }
    set_mode(&file, 0o664);
    assert_warns(&link, "which the group with id 61001 can change, decides");

    let fifo = home.join("fifo");
    ADA.sh("mkfifo \"$1\"", &[&fifo]);
    for (named_by, code) in [
        ("ACSPASS_CA_FILE", 2),
        ("SSL_CERT_FILE", 2),
        ("REQUESTS_CA_BUNDLE", 6),
    ] {
        create(named_by, &fifo)
            .assert_code(code)
            .assert_says(&[named_by, "is not a regular file"]);
    }
}

#[test]
fn folder_of_settings_is_private_whatever_the_umask() {
    let machine = Machine::new();
    for umask in ["000", "022", "077", "277"] {
        let folder = machine.home(ADA).join(umask).join("acspass");
        let script = format!("umask {umask}; exec \"$1\" config set tenant contoso.example");
        let output = ADA
            .command("sh")
            .args(["-c", &script, "sh"])
            .arg(machine.program())
            .env_clear()
            .env("HOME", machine.home(ADA))
            .env("ACSPASS_CONFIG_DIR", &folder)
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{output:?}");
        for made in [folder.parent().expect("its parent"), &folder] {
            assert_eq!(owner_and_mode(made), (ADA.id, 0o700), "umask {umask}");
        }
        for made in ["config.toml", "config.toml.lock"] {
            let found = owner_and_mode(&folder.join(made));
            assert_eq!(found, (ADA.id, 0o600), "umask {umask}");
        }
    }
}
