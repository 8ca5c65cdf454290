//! `profile use` and `profile delete`; an unknown name lists the existing ones.

use crate::harness::{Home, TestBrowser};

const TWO: &str = "default-profile = \"work\"\n[profile.work]\ntenant = \"contoso.com\"\n\
                   client-id = \"11111111-2222-3333-4444-555555555555\"\n\
                   endpoint = \"https://contoso.communication.azure.com\"\n\
                   [profile.home]\ntenant = \"fabrikam.com\"\n";

fn file(home: &Home) -> String {
    std::fs::read_to_string(home.config_file()).unwrap_or_default()
}

#[test]
fn use_sets_the_default_profile_and_warns_of_a_variable() {
    let mut home = Home::new();
    home.configure(TWO);
    home.run(&["profile", "use", "home"])
        .assert_code(0)
        .assert_says(&["Default profile set to home."]);
    assert_eq!(home.run(&["config", "get", "profile"]).stdout, "home\n");
    home.set("ACSPASS_PROFILE", "work");
    home.run(&["profile", "use", "default"])
        .assert_code(0)
        .assert_says(&["ACSPASS_PROFILE still selects the profile `work`"]);
}

#[test]
fn an_empty_name_is_no_name() {
    let mut home = Home::new();
    home.configure(TWO);
    home.run(&["--profile", "", "config", "set", "tenant", "adatum.com"])
        .assert_code(0)
        .assert_says(&["Set tenant in profile work."]);
    home.set("ACSPASS_PROFILE", " ");
    home.run(&["config", "unset", "client-id"]).assert_code(0);
    let set = file(&home);
    assert!(set.contains("tenant = \"adatum.com\""), "{set}");
    assert!(!set.contains("client-id"), "{set}");
    assert!(!set.contains("[profile.\"\"]"), "{set}");
}

#[test]
fn the_path_of_a_file_that_cannot_be_read_is_printed() {
    let home = Home::new();
    for text in ["not TOML", "nosuch = 1\n"] {
        home.configure(text);
        home.run(&["config", "list"]).assert_code(2);
        let run = home.run(&["config", "path"]);
        let path = home.config_file().display().to_string();
        assert_eq!(run.assert_code(0).stdout.trim_end(), path);
    }
}

#[test]
fn commands_in_results_and_messages_have_the_profile_and_the_emulator() {
    let home = Home::new();
    home.configure(TWO);
    let run = home.run(&["--profile", "home", "status"]);
    for command in ["login", "config set connection-string"] {
        let command = format!("`acspass --profile home {command}`");
        assert!(run.stdout.contains(&command), "{command}: {}", run.stdout);
    }
    let run = home.real(&["--emulator", "status"]);
    assert!(
        run.stdout.contains("`acspass --emulator login`"),
        "{}",
        run.stdout
    );
    home.run(&["--profile", "home", "setup"])
        .assert_says(&["`acspass --profile home setup`"]);
}

#[test]
fn unknown_name_lists_the_existing_ones() {
    let mut home = Home::new();
    home.configure(TWO);
    for words in [
        &["profile", "use", "wrk"][..],
        &["profile", "delete", "wrk"],
        &["config", "set", "profile", "wrk"],
        &["--profile", "wrk", "status"],
        &["--profile", "wrk", "config", "list"],
    ] {
        let names = "The profiles are default, work, home.";
        let run = home.run(words);
        run.assert_error(2, &["there is no profile `wrk`", names]);
        // What was to be deleted is not to be created.
        let creates = run.stderr.contains("to create it");
        assert_eq!(creates, words[1] != "delete", "{}", run.stderr);
        assert_eq!(file(&home), TWO);
    }
    // A mistake in one command is no reason to change the default.
    home.run(&["--profile", "wrk", "status"])
        .assert_error(2, &["Run `acspass status -vv --profile work`, or run"]);
    home.run(&["profile", "use", "wrk"])
        .assert_error(2, &["Run `acspass profile use work`, or run"]);
    home.set("ACSPASS_PROFILE", "wrk");
    home.run(&["status"])
        .assert_error(2, &["there is no profile `wrk` (ACSPASS_PROFILE)"]);
    home.run(&["profile", "list"])
        .assert_code(0)
        .assert_says(&["there is no profile `wrk`"]);
    home.unset("ACSPASS_PROFILE");
    home.configure(&TWO.replace("\"work\"", "\"gone\""));
    home.run(&["status"]).assert_error(
        2,
        &[
            "there is no profile `gone`",
            "`acspass config unset profile`",
            "work, home",
        ],
    );
    home.run(&["profile", "use", "default"]).assert_code(0);
    home.run(&["config", "list"]).assert_code(0);
}

#[test]
fn delete_removes_the_stored_connection_string_and_says_how_to_sign_out() {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    home.unset("ACSPASS_TENANT_ID");
    home.unset("ACSPASS_CLIENT_ID");
    home.unset("AZURE_AUTHORITY_HOST");
    let key = home.path().join("key");
    acspass::store::create_key_file(&key).unwrap();
    home.set("ACSPASS_STORE_KEY_FILE", key.to_str().unwrap());
    home.unset("ACSPASS_STORE");
    home.configure(&format!(
        "default-profile = \"work\"\n[profile.work]\ntenant = \"{}\"\nclient-id = \"{}\"\n\
         authority-host = \"{}\"\nstore = \"file\"\n",
        emulator.tenant_id(),
        emulator.client_id(),
        emulator.http_url()
    ));
    let text = emulator.http_connection_string();
    let words = ["config", "set", "connection-string"];
    home.call(&words).typing(&text).run().assert_code(0);
    let login = home.call(&["login"]).by(&TestBrowser::walking()).run();
    login.assert_code(0);
    let sealed = home.path().join("state/sealed");
    let count = || std::fs::read_dir(&sealed).map_or(0, Iterator::count);
    let before = count();
    let user = emulator.username();
    let sign_out = format!("acspass logout --account {user}`");
    let run = home.run(&["profile", "delete", "work"]);
    run.assert_code(0).assert_says(&[
        "Deleted profile work and its connection string.",
        "The default profile is default now.",
        &format!("{user} stays signed in."),
        &format!("ACSPASS_CLIENT_ID={}", emulator.client_id()),
        "ACSPASS_STORE=file",
        &sign_out,
    ]);
    assert_eq!(
        count(),
        before - 1,
        "the secret is gone, the session is not"
    );
    assert!(!file(&home).contains("work"), "{}", file(&home));
    // The command of the message works.
    let line = run.stderr.split('`').find(|part| part.contains("logout"));
    let mut words = line.expect("the command").split(' ').peekable();
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        home.set(name, value);
        words.next();
    }
    let words: Vec<&str> = words.skip(1).collect();
    home.run(&words).assert_code(0);
    assert_eq!(count(), before - 2);
}

#[test]
fn confirmations_name_the_value_and_the_profile() {
    let home = Home::new();
    let config = |words: &[&str]| home.run(&[&["config"], words].concat());
    config(&["set", "tenant", "contoso.com"]).assert_says(&["Set tenant in profile default."]);
    config(&["set", "min-validity", "90"])
        .assert_says(&["Set min-validity to 1 min 30 s in profile default."]);
    config(&["unset", "min-validity"]).assert_says(&["Removed min-validity from profile default."]);
    config(&["set", "min-validity", "10x"])
        .assert_error(2, &["invalid duration `10x` for `min-validity`"]);
    let run = config(&["set", "port", "x"]);
    run.assert_error(2, &["invalid port `x`\n"]);
    home.configure("[profile.default]\nmin-validity = \"10x\"\n");
    let place = format!(
        "invalid duration `10x` for `min-validity` in profile default of {}",
        home.config_file().display()
    );
    home.run(&["status"]).assert_error(2, &[&place]);
    home.run(&["get", "--min-validity", "10y"])
        .assert_error(2, &["invalid duration `10y` for --min-validity"]);
}

/// No profile of this machine has this name: its real keyrings may be searched.
const SECRET_OWNER: &str = "secret-owner";

/// A home whose profile [`SECRET_OWNER`] has a connection string in the encrypted files. Commands run as processes
/// without a bus, so that no test searches the keyring of this login.
fn home_with_stored_secret() -> Home {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let key = home.path().join("key");
    acspass::store::create_key_file(&key).unwrap();
    home.set("ACSPASS_STORE_KEY_FILE", key.to_str().unwrap());
    home.set("ACSPASS_STORE", "file");
    let path = home.path().to_owned();
    for (name, folder) in [
        ("HOME", ""),
        ("ACSPASS_CONFIG_DIR", "config"),
        ("ACSPASS_STATE_DIR", "state"),
    ] {
        home.set(name, path.join(folder).to_str().unwrap());
    }
    home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let text = emulator.http_connection_string();
    let set = [
        "--profile",
        SECRET_OWNER,
        "config",
        "set",
        "connection-string",
    ];
    home.call(&set).typing(&text).run().assert_code(0);
    home
}

/// The commands that delete the stored secret.
const DELETIONS: [&[&str]; 2] = [
    &["profile", "delete", SECRET_OWNER],
    &[
        "--profile",
        SECRET_OWNER,
        "config",
        "unset",
        "connection-string",
    ],
];

/// Returns the number of encrypted files.
fn sealed(home: &Home) -> usize {
    let folder = home.path().join("state/sealed");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_lock = |name: std::ffi::OsString| name.to_string_lossy().contains("lock");
    files.filter(|file| !is_lock(file.file_name())).count()
}

#[test]
fn connection_string_is_deleted_from_the_store_that_has_it() {
    for words in DELETIONS {
        let mut home = home_with_stored_secret();
        assert_eq!(sealed(&home), 1);
        let emulated: Vec<&str> = [&["--emulator"][..], words].concat();
        home.real(&emulated)
            .assert_error(2, &["Run the command without --emulator."]);
        assert_eq!(sealed(&home), 1);
        home.set("ACSPASS_STORE", "memory");
        let run = home.real(words);
        run.assert_code(0);
        assert!(!run.stderr.contains("No stored"), "{}", run.stderr);
        assert_eq!(sealed(&home), 0, "{words:?}");
    }
}

#[test]
fn missing_secret_is_not_reported_as_deleted() {
    for words in DELETIONS {
        let home = home_with_stored_secret();
        std::fs::remove_dir_all(home.path().join("state")).unwrap();
        assert_eq!(sealed(&home), 0);
        let run = home.real(words);
        run.assert_code(0)
            .assert_says(&["No stored connection string was found."]);
        assert!(!run.stderr.contains("and its"), "{}", run.stderr);
    }
}

#[test]
fn comments_at_the_top_of_the_file_stay() {
    const HEADER: &str = "# Settings of the team\n\n# Ask before a change\n";
    let home = Home::new();
    let check = |text: &str, words: &[&str], rest: &str| {
        home.configure(&format!("{HEADER}{text}"));
        home.run(words).assert_code(0);
        assert_eq!(file(&home), format!("{HEADER}{rest}"), "{words:?}");
    };
    let delete = ["profile", "delete", "work"];
    let work = "[profile.work]\ntenant = \"contoso.com\"\n";
    let other = "\n# At home\n[profile.home]\ntenant = \"fabrikam.com\"\n";
    check(work, &delete, "");
    check(&format!("{work}{other}"), &delete, other);
    check(
        &format!("default-profile = \"work\"\n{work}{other}"),
        &delete,
        other,
    );
    let unset = ["config", "unset", "profile"];
    check(&format!("default-profile = \"work\"\n{work}"), &unset, work);
    // A comment of a profile below the first item goes with the profile.
    check(
        &format!("{work}{other}"),
        &["profile", "delete", "home"],
        work,
    );
}

#[test]
fn profile_as_an_inline_table_is_refused_as_such() {
    let home = Home::new();
    for name in ["work", "default"] {
        home.configure(&format!(
            "[profile]\n{name} = {{ tenant = \"a.example\" }}\n"
        ));
        let run = home.run(&["profile", "delete", name]);
        run.assert_error(2, &[&format!("`profile.{name}` is not a table")]);
    }
}

#[cfg(unix)]
#[test]
fn secret_is_deleted_before_a_file_that_cannot_be_written_and_a_retry_works() {
    let home = home_with_stored_secret();
    home.configure(&format!("# mine\n{}", file(&home)));
    let mut shell = std::process::Command::new("/bin/sh");
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" profile delete secret-owner";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_acspass")]);
    let output = shell.env_clear().envs(&home.variables).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("could not write"), "{said}");
    assert!(
        said.contains("The connection string is deleted, but not its setting."),
        "{said}"
    );
    assert_eq!(sealed(&home), 0);
    home.real(&["profile", "delete", SECRET_OWNER])
        .assert_code(0)
        .assert_says(&["Deleted profile secret-owner. No stored connection string was found."]);
}
