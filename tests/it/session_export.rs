//! `session export` and `session import`: one session, encrypted, on another machine.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use acspass::emulator::{Emulator, FaultSelection};
use acspass::store::create_key_file;

use crate::harness::{Home, Terminal, TestBrowser};

/// A machine with sealed files and its own folders.
fn machine(emulator: &Arc<Emulator>) -> Home {
    let mut home = Home::new();
    home.point_at(emulator);
    let folder = home.path().join("acspass");
    for variable in ["ACSPASS_CONFIG_DIR", "ACSPASS_STATE_DIR"] {
        home.set(variable, folder.to_str().unwrap());
    }
    let key = home.path().join("store.key");
    create_key_file(&key).unwrap();
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", key.to_str().unwrap());
    home
}

/// Two machines with one emulator. On the first one, its user is signed in.
fn machines() -> (Home, Home, Arc<Emulator>) {
    let (_, emulator) = Home::with_emulator();
    let [first, second] = [machine(&emulator), machine(&emulator)];
    first.login();
    (first, second, emulator)
}

fn login_as(home: &Home, username: &str) {
    home.login_as(&TestBrowser::of(username));
}

/// The key of exports, and the path of an export.
fn files(home: &Home) -> (String, String) {
    let key = home.path().join("export.key");
    if !key.exists() {
        create_key_file(&key).unwrap();
    }
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    (text(key), text(home.path().join("ada.acspass")))
}

fn export(home: &Home, key: &str, file: &str) {
    let run = home.real(&["session", "export", "--key-file", key, file]);
    run.assert_code(0);
}

#[test]
fn imported_session_gets_tokens_without_a_sign_in() {
    let (first, second, emulator) = machines();
    let (key, file) = files(&first);
    let user = emulator.username();
    let words = ["session", "export", "--key-file", &key, &file, "-o", "json"];
    let run = first.real(&words);
    run.assert_code(0).assert_says(&[
        &format!("Exported the session of {user} to `{file}`, encrypted with a key file."),
        "Content: the refresh token",
        "No access token and no access key.",
        "unused for 90 days",
        &format!("Permitted users: only {user}"),
        "the first machine to refresh wins",
    ]);
    let json = run.json();
    assert_eq!(json["file"], file);
    assert_eq!(json["account"]["username"], user);
    assert_eq!(json["clientId"], emulator.client_id());
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    // The clear text names neither the account nor its tenant.
    let bytes = fs::read(&file).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for hidden in [user, emulator.tenant_id(), emulator.client_id()] {
        assert!(!text.contains(hidden), "{hidden}");
    }

    let sign_ins = emulator.count("authorization_code");
    let import = ["session", "import", "--key-file", &key, &file];
    let run = second.real(&[&import[..], &["-o", "json"]].concat());
    run.assert_code(0);
    let json = run.json();
    assert_eq!(
        (&json["active"], &json["saved"]),
        (&true.into(), &true.into())
    );
    assert_eq!(json["store"], "file");
    second.real(&["get", "--no-interactive"]).token();
    assert_eq!(emulator.count("authorization_code"), sign_ins);
    // Both machines go on: the emulator accepts the earlier refresh token, as Entra ID does.
    first.real(&["get", "--force-refresh"]).token();
    second.real(&["get", "--force-refresh"]).token();
}

#[test]
fn same_session_is_imported_once_and_a_newer_one_stays() {
    let (first, second, emulator) = machines();
    let (key, file) = files(&first);
    export(&first, &key, &file);
    let import = ["session", "import", "--key-file", &key, &file];
    second
        .real(&import)
        .assert_code(0)
        .assert_says(&["Imported the session of"]);
    second
        .real(&import)
        .assert_code(0)
        .assert_says(&["is saved already"]);

    // The age of a refresh token is by the service's clock.
    emulator.advance_clock(Duration::from_secs(120));
    second.real(&["get", "--force-refresh"]).token();
    let before = second.real(&["status", "-o", "json"]).json();
    second
        .real(&import)
        .assert_error(2, &["is newer than the export", "--force"]);
    assert_eq!(second.real(&["status", "-o", "json"]).json(), before);
    let forced = [&import[..], &["--force"]].concat();
    second
        .real(&forced)
        .assert_code(0)
        .assert_says(&["Imported the session of"]);

    // An export of a newer session replaces the older one.
    emulator.advance_clock(Duration::from_secs(120));
    first.real(&["get", "--force-refresh"]).token();
    let (_, newer) = files(&first);
    fs::remove_file(&newer).unwrap();
    export(&first, &key, &newer);
    second
        .real(&import)
        .assert_code(0)
        .assert_says(&["Imported the session of"]);
}

#[test]
fn imported_account_becomes_active_only_if_no_other_is() {
    let (first, second, emulator) = machines();
    let (key, file) = files(&first);
    export(&first, &key, &file);
    login_as(&second, "ben@contoso.example");
    let run = second.real(&["session", "import", "--key-file", &key, &file]);
    let user = emulator.username();
    let switch = format!("`acspass account switch {user}`");
    run.assert_code(0)
        .assert_says(&["Another account is active", &switch]);
    let accounts = second.real(&["status", "-o", "json"]).json()["accounts"].clone();
    assert_eq!(accounts[0]["username"], "ben@contoso.example");
    assert_eq!(
        (&accounts[0]["active"], &accounts[1]["active"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn wrong_files_and_keys_end_with_2_and_change_nothing() {
    let (first, second, _emulator) = machines();
    let (key, file) = files(&first);
    export(&first, &key, &file);
    let whole = fs::read(&file).unwrap();
    let sealed = fs::read_dir(first.path().join("acspass/sealed")).unwrap();
    let mut sealed = sealed.map(|entry| entry.unwrap().path());
    let sealed = sealed.find(|path| path.extension().is_some_and(|end| end == "sealed"));
    let replaced = |from: &str, to: &str| {
        let text = String::from_utf8_lossy(&whole[..60]).replace(from, to);
        [text.as_bytes(), &whole[60..]].concat()
    };
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let (damaged, other) = (
        "the export is damaged or incomplete",
        "from another version",
    );
    let none = "the file is not an export of a session";
    for (bytes, message) in [
        (whole[..whole.len() - 1].to_vec(), damaged),
        (whole[..200].to_vec(), damaged),
        (whole[..120].to_vec(), damaged),
        (whole[..9].to_vec(), damaged),
        (changed, damaged),
        (replaced("sealed 1", "sealed 2"), other),
        (Vec::new(), none),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n".to_vec(), none),
        (fs::read(sealed.unwrap()).unwrap(), none),
        (vec![b'a'; 1024 * 1024 + 1], "is longer than 1 MiB"),
    ] {
        let wrong = second.path().join("wrong");
        fs::write(&wrong, bytes).unwrap();
        let wrong = wrong.to_str().unwrap();
        let run = second.real(&["session", "import", "--key-file", &key, wrong]);
        run.assert_error(2, &[message]);
    }
    let (other_key, missing) = (files(&second).0, second.path().join("missing"));
    let missing = missing.to_str().unwrap();
    for (key, file, message) in [
        (
            other_key.as_str(),
            file.as_str(),
            "does not decrypt the export",
        ),
        (key.as_str(), missing, "could not read"),
        (missing, file.as_str(), "could not read the key file"),
        (
            key.as_str(),
            second.path().to_str().unwrap(),
            "is not a regular file",
        ),
    ] {
        let run = second.real(&["session", "import", "--key-file", key, file]);
        run.assert_error(2, &[message])
            .assert_does_not_say("logout");
    }
    second.real(&["status"]).assert_code(4);
    second
        .real(&["session", "import", "--key-file", &key, &file])
        .assert_code(0);
}

#[test]
fn session_for_other_settings_names_the_settings() {
    let (first, mut second, emulator) = machines();
    let (key, file) = files(&first);
    export(&first, &key, &file);
    let import = ["session", "import", "--key-file", &key, &file];
    second.unset("ACSPASS_CLIENT_ID");
    second.unset("ACSPASS_TENANT_ID");
    let id = emulator.client_id();
    let [tenant, client] = [
        format!("`acspass config set tenant {}`", emulator.tenant_id()),
        format!("`acspass config set client-id {id}`"),
    ];
    second.real(&import).assert_error(
        2,
        &["the exported session needs the tenant", &tenant, &client],
    );
    second.set("ACSPASS_TENANT_ID", emulator.tenant_id());
    let run = second.real(&import);
    run.assert_error(2, &[&format!("needs the client id `{id}`"), &client]);
    second.set("ACSPASS_CLIENT_ID", id);
    second.real(&import).assert_code(0);
    second.set("ACSPASS_STORE", "memory");
    second
        .real(&import)
        .assert_error(2, &["the store `memory` loses the session"]);
    second.set("ACSPASS_STORE", "keyring");
    second.set("DBUS_SESSION_BUS_ADDRESS", "disabled:");
    second
        .real(&import)
        .assert_error(7, &["no D-Bus session bus"]);
}

#[test]
fn export_overwrites_no_file_unless_asked_and_needs_a_place_for_binary_data() {
    let (first, second, _emulator) = machines();
    let (key, file) = files(&first);
    let words = ["session", "export", "--key-file", &key];
    fs::write(&file, "precious").unwrap();
    let to_file = [&words[..], &[&file]].concat();
    first
        .real(&to_file)
        .assert_error(2, &["exists already", "--force"]);
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    let forced = [&to_file[..], &["--force"]].concat();
    first.real(&forced).assert_code(0);
    let link = first.path().join("link");
    std::os::unix::fs::symlink("/dev/null", &link).unwrap();
    for (place, message) in [
        (link.to_str().unwrap(), "is not a regular file"),
        ("/dev/null", "is not a regular file"),
        ("/nowhere/at/all", "a folder that exists"),
    ] {
        let run = first.real(&[&words[..], &["--force", place]].concat());
        run.assert_error(2, &[message]);
    }
    let run = first.real(&[&words[..], &["-o", "json"]].concat());
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    let line = [&[env!("CARGO_BIN_EXE_acspass")], &words[..]].concat();
    let mut terminal = Terminal::run(&first, &line);
    terminal.sees("standard output is a terminal, and an export is binary");
    terminal.ends(2);
    let left = fs::read_dir(first.path()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(
        left.into_iter()
            .all(|name| !name.contains(".acspass-export"))
    );

    // A pipe takes it, and standard input gives it.
    let mut piped = Command::new(env!("CARGO_BIN_EXE_acspass"));
    piped.args(words).env_clear().envs(&first.variables);
    let exported = piped.output().expect("an export");
    assert!(exported.status.success());
    let mut import = Command::new(env!("CARGO_BIN_EXE_acspass"));
    import.args(["session", "import", "--key-file", &key, "-"]);
    import
        .env_clear()
        .envs(&second.variables)
        .stdin(Stdio::piped());
    let mut import = import.spawn().expect("an import");
    let mut stdin = import.stdin.take().expect("its input");
    stdin.write_all(&exported.stdout).expect("it reads");
    drop(stdin);
    assert!(import.wait().expect("it ends").success());
    second.real(&["get", "--no-interactive"]).token();
}

#[test]
fn passphrase_is_asked_for_twice_and_a_wrong_one_loses_nothing() {
    const NEW: &str = "New passphrase for the export (not shown): ";
    const OPEN: &str = "Passphrase of the export (not shown): ";
    let (first, second, _emulator) = machines();
    let (key, file) = files(&first);
    let mut terminal = Terminal::start(&first, &["session", "export", &file]);
    terminal.sees(NEW).types("dragée\n");
    terminal.sees("Confirm passphrase: ").types("other\n");
    terminal
        .sees("The passphrases differ")
        .sees(NEW)
        .types("dragée\n");
    terminal.sees("Confirm passphrase: ").types("dragée\n");
    let shown = terminal
        .sees("encrypted with a passphrase")
        .shown()
        .to_owned();
    terminal.ends(0);
    assert!(!shown.contains("drag"), "{shown}");

    let import = ["session", "import", &file];
    let mut terminal = Terminal::start(&second, &import);
    for _ in 0..3 {
        terminal.sees(OPEN).types("wrong\n");
    }
    terminal.sees("error: wrong passphrase");
    terminal.ends(2);
    second.real(&["status"]).assert_code(4);
    let mut terminal = Terminal::start(&second, &import);
    terminal
        .sees(OPEN)
        .types("dragée\n")
        .sees("Imported the session of");
    terminal.ends(0);
    let with_key = ["session", "import", "--key-file", &key, &file];
    let message = "the export is encrypted with a passphrase, not with a key file";
    second.real(&with_key).assert_error(2, &[message]);
    // Without a terminal there is no prompt.
    let mut alone = Command::new("setsid");
    alone
        .args(["-w", env!("CARGO_BIN_EXE_acspass")])
        .args(import);
    let alone = alone
        .env_clear()
        .envs(&second.variables)
        .env("PATH", "/usr/bin:/bin")
        .output();
    let alone = alone.expect("setsid, of util-linux");
    assert_eq!(alone.status.code(), Some(2));
    let said = String::from_utf8_lossy(&alone.stderr);
    assert!(
        said.contains("there is no terminal to ask for it"),
        "{said}"
    );
}

#[test]
fn if_refresh_tokens_end_with_their_use_the_first_machine_to_refresh_wins() {
    let (first, second, emulator) = machines();
    let (key, file) = files(&first);
    export(&first, &key, &file);
    let import = ["session", "import", "--key-file", &key, &file];
    second.real(&import).assert_code(0);
    let selection = FaultSelection {
        times: Some(10),
        ..FaultSelection::named("refresh-token-rotated")
    };
    emulator.select_fault(selection).unwrap();
    second.real(&["get"]).token();
    let run = first.real(&["get", "--force-refresh", "--no-interactive"]);
    run.assert_error(4, &["`acspass login"]);
    second.real(&["get", "--force-refresh"]).token();
}
