//! `config set` and `config unset`: a value is checked within its profile. Issue 10, item 14.

use crate::harness::Home;

const NATIVE: &str = "https://login.microsoftonline.com/common/oauth2/nativeclient";
const US: &str = "https://login.microsoftonline.us";
const US_SCOPE: &str = "https://auth.msft.communication.azure.us/Teams.ManageCalls";
const US_EXTENSION: &str = "https://auth.msft.communication.azure.us/TeamsExtension.ManageCalls";
const COM_SCOPE: &str = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
const CLIENTS: &str = "https://communication.azure.com/clients/.default";

/// Runs `config` with these words.
#[track_caller]
fn config(home: &Home, words: &[&str], code: i32) -> String {
    let run = home.run(&[&["config"], words].concat());
    run.assert_code(code);
    run.stderr
}

/// The settings of the profile, as the file has them.
fn file(home: &Home) -> String {
    std::fs::read_to_string(home.config_file()).unwrap_or_default()
}

#[test]
fn value_that_is_right_in_its_profile_is_accepted() {
    for changes in [
        &[("sign-in", "paste"), ("redirect-uri", NATIVE)][..],
        &[("sign-in", "device-code"), ("redirect-uri", NATIVE)],
        &[
            ("sign-in", "paste"),
            ("redirect-uri", "msauth.com.contoso.app://auth"),
        ],
        &[("authority-host", US), ("scopes", US_SCOPE)],
        &[
            ("authority-host", US),
            ("exchange", "teams-extension"),
            ("scopes", US_EXTENSION),
        ],
        &[("exchange", "entra"), ("scopes", CLIENTS)],
        &[("scopes", CLIENTS), ("exchange", "entra")],
        &[
            ("exchange", "teams-extension"),
            ("scopes", "TeamsExtension.ManageCalls"),
        ],
        &[
            ("authority-host", "http://localhost:1"),
            ("scopes", US_SCOPE),
        ],
        // A cloud without known names takes scopes by their whole names, set first.
        &[
            ("scopes", "https://acs.example.cn/Teams.ManageCalls"),
            ("authority-host", "https://login.partner.microsoftonline.cn"),
        ],
    ] {
        let home = Home::new();
        for (key, value) in changes {
            config(&home, &["set", key, value], 0);
        }
        for (key, value) in changes {
            assert!(file(&home).contains(value), "{key} in {}", file(&home));
            assert!(home.run(&["config", "get", key]).stdout.contains(value));
        }
        // The profile as a whole is one that every command can use.
        config(
            &home,
            &["set", "client-id", "11111111-2222-3333-4444-555555555555"],
            0,
        );
        config(&home, &["set", "store", "memory"], 0);
        home.run(&["account", "list"]).assert_code(0);
    }
}

#[test]
fn value_that_contradicts_its_profile_is_refused_and_the_hint_leads_on() {
    for (before, change, words) in [
        (
            &[][..],
            ["set", "redirect-uri", NATIVE],
            &[
                "requires `sign-in = \"paste\"`",
                "`",
                "acspass config set sign-in paste",
            ][..],
        ),
        (
            &[["set", "sign-in", "paste"], ["set", "redirect-uri", NATIVE]],
            ["set", "sign-in", "browser"],
            &["acspass config unset redirect-uri"],
        ),
        (
            &[["set", "sign-in", "paste"], ["set", "redirect-uri", NATIVE]],
            ["unset", "sign-in", ""],
            &["acspass config unset redirect-uri"],
        ),
        (
            &[],
            ["set", "scopes", US_SCOPE],
            &["belongs to the US Government cloud", US],
        ),
        (
            &[["set", "authority-host", US], ["set", "scopes", US_SCOPE]],
            ["unset", "authority-host", ""],
            &[
                "belongs to the US Government cloud",
                "acspass config unset scopes",
            ],
        ),
        (
            &[["set", "scopes", COM_SCOPE]],
            ["set", "authority-host", US],
            &["belongs to the public cloud", "acspass config unset scopes"],
        ),
        (
            &[["set", "exchange", "entra"]],
            ["set", "scopes", "Teams.ManageCalls"],
            &[
                "does not match the setting `exchange`",
                "acspass config unset scopes",
            ],
        ),
        (
            &[["set", "exchange", "entra"], ["set", "scopes", CLIENTS]],
            ["set", "exchange", "teams-extension"],
            &[
                "does not match the setting `exchange`",
                "acspass config unset scopes",
            ],
        ),
        (
            &[["set", "authority-host", US]],
            ["set", "exchange", "entra"],
            &["is known in the US Government cloud"],
        ),
    ] {
        let home = Home::new();
        for step in before {
            config(
                &home,
                &step.map(str::to_owned).each_ref().map(String::as_str),
                0,
            );
        }
        let kept = file(&home);
        let change: Vec<&str> = change.into_iter().filter(|word| !word.is_empty()).collect();
        let run = home.run(&[&["config"], &change[..]].concat());
        run.assert_error(2, words);
        assert_eq!(file(&home), kept, "a refused change changes nothing");
    }
}

#[test]
fn value_is_checked_within_the_profile_that_is_named() {
    let home = Home::new();
    config(&home, &["--profile", "us", "set", "authority-host", US], 0);
    config(&home, &["set", "scopes", US_SCOPE], 2);
    config(&home, &["--profile", "us", "set", "scopes", US_SCOPE], 0);
    config(&home, &["set", "profile", "us"], 0);
    config(&home, &["set", "scopes", US_SCOPE, US_EXTENSION], 0);
}

#[test]
fn value_that_fits_the_environment_or_the_profile_alone_is_kept_with_a_warning() {
    let mut home = Home::new();
    home.set("AZURE_AUTHORITY_HOST", US);
    let said = config(&home, &["set", "scopes", US_SCOPE], 0);
    assert!(
        said.contains("is valid only with the environment variables of this shell"),
        "{said}"
    );
    config(&home, &["unset", "scopes"], 0);
    let said = config(&home, &["set", "scopes", COM_SCOPE], 0);
    assert!(
        said.contains("conflicts with the environment variables of this shell"),
        "{said}"
    );
    // The variable of the setting itself does not hide what is wrong with a new value.
    home.set("ACSPASS_CLIENT_ID", "11111111-2222-3333-4444-555555555555");
    config(&home, &["set", "client-id", "x"], 2);
}

#[test]
fn profile_with_a_wrong_value_is_repaired_setting_by_setting() {
    let mut home = Home::new();
    home.set("ACSPASS_STORE", "memory");
    home.configure(
        "[profile.default]\nredirect-uri = \"https://contoso.example/\"\nclient-id = \"x\"\n\
         min-validity = \"soon\"\nendpoint = \"http://contoso.example\"\n",
    );
    home.run(&["status"]).assert_code(2);
    home.run(&["config", "list"]).assert_code(0);
    // Other settings can be changed, and what is left is said.
    let said = config(&home, &["set", "tenant", "contoso.example"], 0);
    assert!(said.contains("the profile has another problem"), "{said}");
    config(&home, &["set", "client-id", "y"], 2);
    let guid = "11111111-2222-3333-4444-555555555555";
    config(&home, &["set", "client-id", guid], 0);
    config(&home, &["unset", "min-validity"], 0);
    config(&home, &["unset", "endpoint"], 0);
    let said = config(&home, &["set", "sign-in", "paste"], 0);
    assert!(!said.contains("problem"), "{said}");
    home.run(&["account", "list"]).assert_code(0);
}

#[test]
fn file_with_a_misspelt_key_or_a_wrong_type_is_repaired_key_by_key() {
    let home = Home::new();
    home.configure(
        "tenant = \"outside\"\n[profile.default]\ntennant = \"a.example\"\nport = \"80\"\n\
         cae = \"yes\"\nconnection-string = \"endpoint=https://a.communication.azure.com/;accesskey=a2V5\"\n",
    );
    home.run(&["config", "list"])
        .assert_error(2, &["unknown key `tenant`", "config unset tenant"]);
    let said = config(
        &home,
        &["set", "client-id", "11111111-2222-3333-4444-555555555555"],
        0,
    );
    assert!(said.contains("config.toml has another problem"), "{said}");
    config(&home, &["unset", "tenant"], 0);
    config(&home, &["unset", "tennant"], 0);
    config(&home, &["unset", "connection-string"], 0);
    config(&home, &["set", "port", "81"], 0);
    config(&home, &["unset", "nosuch"], 2);
    let said = config(&home, &["unset", "cae"], 0);
    assert!(!said.contains("problem"), "{said}");
    let list = home.run(&["config", "list"]).assert_code(0).stdout.clone();
    assert!(list.contains("11111111") && list.contains(" 81 "), "{list}");
    assert!(!file(&home).contains("accesskey"));
}

#[test]
fn profile_that_does_not_exist_is_refused_and_the_others_are_listed() {
    let home = Home::new();
    config(
        &home,
        &["--profile", "work", "set", "tenant", "a.example"],
        0,
    );
    config(
        &home,
        &["--profile", "home", "set", "tenant", "b.example"],
        0,
    );
    let run = home.run(&["config", "set", "profile", "nosuch"]);
    run.assert_error(2, &["there is no profile `nosuch`", "work", "home"]);
    assert!(!file(&home).contains("nosuch"));
    config(&home, &["set", "profile", "work"], 0);
    assert_eq!(home.run(&["config", "get", "profile"]).stdout, "work\n");
    // The default profile may have no table.
    config(&home, &["set", "profile", "default"], 0);
    // A file that names one that was deleted since can be repaired.
    home.configure("default-profile = \"gone\"\n[profile.work]\ntenant = \"a.example\"\n");
    home.run(&["config", "list"]).assert_error(
        2,
        &[
            "there is no profile `gone`",
            "acspass config unset profile",
            "work",
        ],
    );
    config(&home, &["unset", "profile"], 0);
    config(&home, &["list"], 0);
}

#[test]
fn endpoint_of_a_stored_connection_string_is_not_changed_without_it() {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let key = home.path().join("key");
    acspass::store::create_key_file(&key).unwrap();
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", key.to_str().unwrap());
    let text = emulator.http_connection_string();
    let words = ["config", "set", "connection-string"];
    home.call(&words).typing(&text).run().assert_code(0);
    let kept = file(&home);
    for (words, next) in [
        (
            &["set", "endpoint", "https://other.communication.azure.com"][..],
            "acspass config set connection-string",
        ),
        (
            &["unset", "endpoint"],
            "acspass config unset connection-string",
        ),
    ] {
        let said = config(&home, words, 2);
        assert!(said.contains(next), "{said}");
        assert_eq!(file(&home), kept);
    }
    home.unset("ACSPASS_STORE");
    let said = config(&home, &["set", "store", "file"], 0);
    assert!(said.contains("stays in the previous store"), "{said}");
    // A wrong value elsewhere does not lock the secret in.
    let broken = file(&home).replace("[profile.default]", "[profile.default]\nclient-id = \"x\"");
    home.configure(&broken);
    config(&home, &["unset", "connection-string"], 0);
    assert!(!file(&home).contains("endpoint"), "{}", file(&home));
}

#[test]
fn sign_in_by_device_code_ignores_an_address_that_belongs_to_paste() {
    let (home, _emulator) = Home::with_emulator();
    home.configure(&format!(
        "[profile.default]\nsign-in = \"paste\"\nredirect-uri = \"{NATIVE}\"\n"
    ));
    home.run(&["login", "--no-browser"])
        .assert_error(2, &["must start with http://", "`acspass login --paste`"]);
    let run = home
        .call(&["login", "--device-code", "--timeout", "1s"])
        .run();
    run.assert_code(3).assert_says(&["enter the code"]);
}
