//! `profile list`: the target of each profile, and the accounts that are signed in there, by the
//! configuration and the index alone.

use std::sync::Arc;

use acspass::emulator::Emulator;
use serde_json::{Value, json};

use crate::harness::{Home, Run, TestBrowser};

const ADA: &str = "ada@contoso.example";
const BEN: &str = "ben@contoso.example";
const CLEO: &str = "cleo@contoso.example";

/// A home with these accounts in encrypted files: Ada and then Ben with the profile `work`, Cleo with
/// `test`, and none with `home` and `default`.
fn team() -> (Home, Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    for name in [
        "AZURE_AUTHORITY_HOST",
        "ACSPASS_TENANT_ID",
        "ACSPASS_CLIENT_ID",
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
    ] {
        home.unset(name);
    }
    let key = home.path().join("key");
    acspass::store::create_key_file(&key).expect("a key");
    home.set("ACSPASS_STORE_KEY_FILE", key.to_str().expect("UTF-8"));
    home.set("ACSPASS_STORE", "file");
    let (authority, client) = (emulator.http_url(), emulator.client_id());
    let tenant = emulator.tenant_id();
    let bound = |tenant| {
        format!(
            "tenant = \"{tenant}\"\nclient-id = \"{client}\"\nauthority-host = \"{authority}\"\n"
        )
    };
    home.configure(&format!(
        "default-profile = \"work\"\n[profile.work]\n{}endpoint = \"{authority}\"\n\
         [profile.test]\n{}exchange = \"entra\"\n[profile.home]\ntenant = \"fabrikam.com\"\n\
         endpoint = \"https://contoso.communication.azure.com\"\n",
        bound(tenant),
        bound("contoso.example"),
    ));
    for (profile, user) in [("work", ADA), ("work", BEN), ("test", CLEO)] {
        let login = ["login", "--profile", profile, "--account", user];
        let run = home.call(&login).by(&TestBrowser::walking()).run();
        run.assert_code(0);
    }
    (home, emulator)
}

fn list(home: &Home, more: &[&str]) -> Run {
    let run = home.call(&[&["profile", "list"], more].concat());
    let run = run.plainly().run();
    run.assert_code(0);
    run
}

/// The accounts of each profile in JSON.
fn accounts(run: &Run) -> Vec<(String, Value)> {
    let json = run.json();
    let profiles = json["profiles"].as_array().expect("profiles");
    let row = |profile: &Value| {
        let name = profile["name"].as_str().expect("a name").to_owned();
        (name, profile["accounts"].clone())
    };
    profiles.iter().map(row).collect()
}

#[test]
fn each_profile_has_its_target_and_its_own_accounts() {
    let (home, emulator) = team();
    let (authority, client) = (emulator.http_url(), emulator.client_id().to_owned());
    let (authority, tenant) = (authority.as_str(), emulator.tenant_id().to_owned());
    let requests = emulator.requests().len();
    let expected = format!(
        "  default
    Tenant     organizations
    Client id  not set
    Resource   not set
    Account    none
* work (in use)
    Tenant     {tenant} at {authority}
    Client id  {client}
    Resource   {authority}
    Account    {BEN}, active
    Account    {ADA}
  test
    Tenant     contoso.example at {authority}
    Client id  {client}
    Resource   not set, exchange entra
    Account    {CLEO}, active
  home
    Tenant     fabrikam.com
    Client id  not set
    Resource   https://contoso.communication.azure.com
    Account    none
"
    );
    let run = list(&home, &[]);
    assert_eq!(run.stdout.replace("/\n", "\n"), expected);
    assert_eq!(run.stderr, "");
    let run = list(&home, &["-o", "json"]);
    let of = |name: &str| {
        let json = run.json();
        let profiles = json["profiles"].as_array().expect("profiles").iter();
        let mut profiles = profiles.filter(|profile| profile["name"] == name);
        profiles.next().expect("the profile").clone()
    };
    let (work, test) = (of("work"), of("test"));
    let ids = work["accounts"].as_array().expect("accounts").iter();
    let ids: Vec<&Value> = ids.map(|account| &account["homeAccountId"]).collect();
    let user = |id: &Value| {
        let id = id
            .as_str()
            .expect("an id")
            .split_once('.')
            .expect("two ids");
        assert_eq!(id.1, tenant);
        emulator
            .users()
            .into_iter()
            .find(|user| user.object_id == id.0)
    };
    let names = ids.iter().map(|id| user(id).expect("a user").username);
    assert_eq!(names.collect::<Vec<_>>(), [BEN, ADA]);
    assert_eq!(
        work["accounts"],
        json!([
            {"username": BEN, "homeAccountId": ids[0], "active": true},
            {"username": ADA, "homeAccountId": ids[1], "active": false},
        ])
    );
    assert_eq!(test["accounts"][0]["username"], CLEO);
    assert_eq!(test["exchange"], "entra");
    let home_profile = json!({
        "name": "home", "active": false, "tenant": "fabrikam.com", "clientId": null,
        "authorityHost": "https://login.microsoftonline.com",
        "endpoint": "https://contoso.communication.azure.com", "exchange": "key", "accounts": [],
    });
    assert_eq!(of("home"), home_profile);
    assert_eq!(emulator.requests().len(), requests, "no service is called");
}

#[test]
fn list_needs_no_store_and_no_key() {
    let (mut home, _emulator) = Home::with_keyring();
    home.login();
    let config = home.path().join("config");
    std::fs::create_dir(&config).expect("a folder");
    let value = |name: &str| home.variables[name].clone();
    let text = format!(
        "[profile.work]\ntenant = \"{}\"\nclient-id = \"{}\"\nauthority-host = \"{}\"\n",
        value("ACSPASS_TENANT_ID"),
        value("ACSPASS_CLIENT_ID"),
        value("AZURE_AUTHORITY_HOST"),
    );
    std::fs::write(config.join("config.toml"), text).expect("a file");
    let config = config.display().to_string();
    home.set("ACSPASS_CONFIG_DIR", &config);
    // No keyring can be reached from now on.
    home.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let run = home.real(&["profile", "list"]);
    run.assert_code(0);
    assert!(
        run.stdout.contains(&format!("{ADA}, active\n")),
        "{}",
        run.stdout
    );
    // The variables of this shell have precedence, and the list is of the profiles.
    run.assert_says(&["ACSPASS_TENANT_ID, ACSPASS_CLIENT_ID", "`acspass status`"]);

    let (home, _emulator) = team();
    std::fs::remove_file(home.path().join("key")).expect("the key");
    std::fs::remove_dir_all(home.path().join("state/sealed")).expect("the store");
    let listed = accounts(&list(&home, &["-o", "json"]));
    assert_eq!(listed[1].1.as_array().map(Vec::len), Some(2), "{listed:?}");
}

/// The number of warnings.
fn warnings(run: &Run) -> usize {
    run.stderr.matches("warning: ").count()
}

#[test]
fn broken_index_gives_one_warning_and_the_list() {
    let (home, _emulator) = team();
    let index = home.path().join("state/index.json");
    let whole = std::fs::read_to_string(&index).expect("an index");
    std::fs::write(&index, "not an index").expect("a file");
    let run = list(&home, &[]);
    assert_eq!(warnings(&run), 1, "{}", run.stderr);
    let advice = "    Account    incomplete: run `acspass --profile work doctor`\n";
    assert!(run.stdout.contains(advice), "{}", run.stdout);
    assert!(run.stdout.contains("  home\n"), "{}", run.stdout);
    // One line is damaged: the others stay.
    let broken = whole.replacen(ADA, "\u{1}", 1);
    assert_ne!(broken, whole);
    std::fs::write(&index, broken).expect("a file");
    let run = list(&home, &["-o", "json"]);
    assert_eq!(warnings(&run), 1, "{}", run.stderr);
    let listed = accounts(&run);
    assert_eq!(listed[1].1.as_array().map(Vec::len), Some(1), "{listed:?}");
    assert_eq!(listed[2].1.as_array().map(Vec::len), Some(1), "{listed:?}");
}

#[test]
fn unreadable_index_gives_one_warning_and_the_list() {
    let (mut home, _emulator) = team();
    // Two stores share the index.
    home.unset("ACSPASS_STORE");
    let text = std::fs::read_to_string(home.config_file()).expect("a file");
    let file = "exchange = \"entra\"\nstore = \"file\"";
    home.configure(&text.replace("exchange = \"entra\"", file));
    let index = home.path().join("state/index.json");
    std::fs::remove_file(&index).expect("the index");
    std::fs::create_dir(&index).expect("a folder");
    let run = list(&home, &["-o", "json"]);
    assert_eq!(warnings(&run), 1, "{}", run.stderr);
    run.assert_says(&["could not list the accounts: ", "index.json"]);
    let listed = accounts(&run);
    let of = |name: &str| {
        let mut rows = listed.iter().filter(|(other, _)| other == name);
        rows.next().expect("the profile").1.clone()
    };
    assert_eq!(of("work"), Value::Null, "not known");
    assert_eq!(of("test"), Value::Null, "not known");
    assert_eq!(of("home"), json!([]), "without a client id there is none");
    let run = list(&home, &[]);
    assert_eq!(warnings(&run), 1, "{}", run.stderr);
    assert_eq!(
        run.stdout.matches("not readable").count(),
        2,
        "{}",
        run.stdout
    );
}

#[test]
fn wrong_settings_of_one_profile_leave_the_others() {
    let (mut home, _emulator) = team();
    home.unset("ACSPASS_STORE");
    let text = std::fs::read_to_string(home.config_file()).expect("a file");
    let text = text.replace(
        "exchange = \"entra\"",
        "exchange = \"entra\"\nstore = \"file\"",
    );
    let client = "client-id = \"11111111-2222-3333-4444-555555555555\"\n";
    home.configure(&format!(
        "{text}[profile.a]\n{client}tenant = \"not a tenant\"\n\
         [profile.b]\n{client}authority-host = \"http://evil.example\"\n\
         [profile.c]\n{client}store = \"vault\"\n[profile.d]\nclient-id = \"mine\"\n\
         [profile.e]\n{client}scopes = [\"nonsense\"]\nport = 99999\nstore = \"file\"\n"
    ));
    let run = list(&home, &["-o", "json"]);
    assert_eq!(warnings(&run), 1, "{}", run.stderr);
    run.assert_says(&["vault"]);
    let listed = accounts(&run);
    let test = listed.iter().find(|(name, _)| name == "test");
    assert_eq!(
        test.expect("a profile").1[0]["username"],
        CLEO,
        "{listed:?}"
    );
    for (name, accounts) in listed {
        let expected = match name.as_str() {
            "test" => continue,
            "c" => Value::Null,
            _ => json!([]),
        };
        assert_eq!(accounts, expected, "{name}");
    }
}

#[test]
fn accounts_of_the_emulator_and_others_are_apart() {
    let (home, _emulator) = team();
    let emulated = list(&home, &["-o", "json", "--emulator"]);
    for (name, accounts) in accounts(&emulated) {
        assert_eq!(accounts, json!([]), "{name}");
    }
    home.run(&["get", "--emulator"]).assert_code(0);
    let emulated = list(&home, &["-o", "json", "--emulator"]);
    for (name, accounts) in accounts(&emulated) {
        assert_eq!(accounts[0]["username"], ADA, "{name}");
    }
    let real = accounts(&list(&home, &["-o", "json"]));
    assert_eq!(real[0].1, json!([]), "{real:?}");
    assert_eq!(real[2].1[0]["username"], CLEO, "{real:?}");
}

#[test]
fn profile_in_use_is_the_selected_one() {
    let (mut home, _emulator) = team();
    for (flag, variable, in_use) in [
        (&[][..], None, "work"),
        (&[], Some("home"), "home"),
        (&["--profile", "test"], Some("home"), "test"),
    ] {
        if let Some(name) = variable {
            home.set("ACSPASS_PROFILE", name);
        }
        let run = list(&home, flag);
        let marked: Vec<&str> = run
            .stdout
            .lines()
            .filter(|line| line.starts_with('*'))
            .collect();
        assert_eq!(marked, [format!("* {in_use} (in use)")]);
    }
}
