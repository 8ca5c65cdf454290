//! Names of the embedded emulator's users, for `--account`: prefixes, ambiguous and unknown ones.

use serde_json::Value;

use crate::harness::{Home, Run, TestBrowser};

const BEN: &str = "ben@contoso.example";
/// Ben's object id. Those of all ordinary users begin alike.
const BEN_ID: &str = "ac5ba55e-05e4-4000-8000-000000000002";
const CONTOSO: &str = "ac5ba55e-7e4a-4000-8000-000000000001";
const FABRIKAM: &str = "ac5ba55e-7e4a-4000-8000-000000000002";

/// Each command that signs a user in, for this name.
fn commands(home: &Home, name: &str) -> [Run; 4] {
    [
        &["get", "--emulator", "--account", name][..],
        &["get", "--emulator", "--entra", "--account", name],
        &["exec", "--emulator", "--account", name, "--", "/bin/true"],
        &["login", "--emulator", "--account", name],
    ]
    .map(|words| home.real(words))
}

fn account(run: &Run) -> Value {
    run.assert_code(0).json()["account"].clone()
}

#[test]
fn emulators_user_is_named_by_any_unambiguous_prefix() {
    let home = Home::new();
    for name in ["ben", " BEN@contoso.EXAMPLE", BEN_ID] {
        for run in commands(&home, name) {
            run.assert_code(0);
            run.assert_says(&[&format!("built-in user agent signs in as {BEN}")]);
        }
    }
    for (name, user) in [
        ("do", "dora@fabrikam.example"),
        ("mfa", "mfa@contoso.example"),
        ("con", "consent@contoso.example"),
    ] {
        let words = ["get", "--emulator", "--account", name, "-o", "json"];
        assert_eq!(account(&home.run(&words))["username"], user);
    }
    // What `get` tells is a name of the account too.
    let words = ["get", "--emulator", "--account", "ben", "-o", "json"];
    let ben = account(&home.run(&words));
    let id = ben["homeAccountId"].as_str().expect("an id");
    assert!(id.starts_with(BEN_ID), "{id}");
    let words = ["get", "--emulator", "--account", id, "-o", "json"];
    assert_eq!(account(&home.run(&words)), ben);
}

#[test]
fn emulators_user_is_named_by_a_prefix_for_a_device_code_and_for_a_browser() {
    let home = Home::new();
    home.configure("[profile.default]\nsign-in = \"device-code\"\n");
    let run = home.run(&["get", "--emulator", "--account", "ben", "-o", "json"]);
    assert_eq!(account(&run)["username"], BEN);
    std::fs::remove_file(home.config_file()).expect("the file");
    let browser = TestBrowser::walking();
    let words = ["get", "--emulator", "--interactive", "--account", "ben"];
    let words = [&words[..], &["-o", "json"]].concat();
    let run = home.call(&words).by(&browser).run();
    assert_eq!(account(&run)["username"], BEN);
}

#[test]
fn prefix_of_several_emulators_users_is_refused_with_their_tenants() {
    let home = Home::new();
    let disabled = format!("  disabled@contoso.example  (tenant {CONTOSO})");
    let dora = format!("  dora@fabrikam.example  (tenant {FABRIKAM})");
    for run in commands(&home, "d") {
        run.assert_error(2, &["`d` is ambiguous: 2 accounts", &disabled, &dora]);
        run.assert_does_not_say("signs in as");
    }
    let words = ["get", "--emulator", "--account", &BEN_ID[..30]];
    let run = home.run(&words);
    run.assert_error(2, &["is ambiguous", BEN, "revoked@contoso.example"]);
    run.assert_does_not_say("account list");
}

#[test]
fn name_of_no_emulators_user_is_refused_with_the_users_named() {
    let home = Home::new();
    for name in ["eve", "ben@contoso.example.org", "en@contoso.example"] {
        for run in commands(&home, name) {
            let why = format!("the emulator has no user `{name}`");
            run.assert_error(2, &[&why, "ada@contoso.example", BEN]);
            run.assert_says(&["dora@fabrikam.example", "revoked@contoso.example"]);
            run.assert_does_not_say("signs in as");
        }
    }
    for run in commands(&home, " ") {
        run.assert_error(2, &["the account name is empty"]);
    }
}

#[test]
fn kept_session_of_an_emulators_user_is_found_by_a_prefix() {
    let mut home = Home::new();
    let key_file = home.path().join("key");
    acspass::store::create_key_file(&key_file).expect("a key file");
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", &key_file.to_string_lossy());
    let get = |name| home.run(&["get", "--emulator", "--account", name, "-o", "json"]);
    assert_eq!(account(&get("be"))["username"], BEN);
    // Only Ben is signed in: his kept token comes, and no other user is asked for.
    for name in ["b", "BEN@contoso", BEN_ID] {
        let run = get(name);
        assert_eq!(account(&run)["username"], BEN);
        run.assert_does_not_say("signs in as");
    }
    // A signed-in account comes before users that are not signed in, as in other commands.
    get("d").assert_code(2).assert_says(&["is ambiguous"]);
    for name in ["dora", "d"] {
        assert_eq!(account(&get(name))["username"], "dora@fabrikam.example");
    }
}
