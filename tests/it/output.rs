//! What is printed: the result on standard output and nothing else, JSON in the contract's shapes,
//! an error as the last line.

use acspass::time::Timestamp;
use serde_json::{Value, json};

use crate::harness::{Home, TestBrowser};

const ADA: &str = "ada@contoso.example";
const BEN: &str = "ben@contoso.example";

fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().expect("an object");
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[track_caller]
fn assert_time(value: &Value) {
    let text = value.as_str().expect("a text");
    assert!(text.ends_with('Z'), "UTC: {text}");
    let time = Timestamp::parse_rfc3339(text).expect("RFC 3339");
    assert_eq!(time.to_string(), text);
}

#[track_caller]
fn assert_account(account: &Value, username: &str) {
    assert_eq!(account["username"], username);
    for name in ["homeAccountId", "tenantId"] {
        assert!(account[name].is_string(), "{account}");
    }
    let home = account["homeAccountId"].as_str().unwrap();
    assert_eq!(home.split('.').count(), 2, "uid.utid: {home}");
}

#[test]
fn get_prints_token_expiry_and_account_as_json() {
    let (home, emulator) = Home::with_emulator();
    for words in [
        &["get", "--interactive", "-o", "json"][..],
        &["get", "--interactive", "--entra", "-o", "json"],
    ] {
        let run = home.call(words).by(&TestBrowser::walking()).run();
        let json = run.assert_code(0).json();
        assert_eq!(
            keys(&json),
            ["account", "expiresInSeconds", "expiresOn", "token"]
        );
        assert_eq!(
            keys(&json["account"]),
            ["homeAccountId", "tenantId", "username"]
        );
        assert_account(&json["account"], ADA);
        assert_eq!(json["account"]["tenantId"], emulator.tenant_id());
        assert_time(&json["expiresOn"]);
        let left = json["expiresInSeconds"].as_u64().unwrap();
        assert!((4400..=4500).contains(&left), "{left}");
    }
}

#[test]
fn the_entra_token_is_printed_where_it_is_asked_for_and_no_resource_is_needed() {
    let (mut home, emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    let words = ["get", "--entra", "--interactive"];
    let token = home.call(&words).by(&TestBrowser::walking()).run().token();
    let claims = acspass::jwt::decode(&token).expect("a token").claims;
    assert_eq!(claims["aud"], "https://auth.msft.communication.azure.com");
    assert_eq!(emulator.count("exchange"), 0);
}

#[test]
fn login_status_account_and_logout_print_the_contracts_shapes() {
    let (home, emulator) = Home::with_keyring();
    let json_of = |words: &[&str], code: i32| {
        let words = [words, &["-o", "json"]].concat();
        home.real(&words).assert_code(code).json()
    };
    let nobody = json_of(&["status"], 4);
    assert_eq!(
        nobody,
        json!({"profile": "default", "store": "keyring", "accounts": []})
    );
    assert_eq!(json_of(&["account", "list"], 0), json!({"accounts": []}));

    for user in [ADA, BEN] {
        let login = home
            .call(&["login", "-o", "json"])
            .by(&TestBrowser::of(user));
        let json = login.spawn().end().assert_code(0).json();
        assert_eq!(keys(&json), ["account", "expiresOn"]);
        assert_account(&json["account"], user);
        assert_time(&json["expiresOn"]);
    }
    home.real(&["get"]).token();
    assert_eq!(emulator.count("exchange"), 1);

    let status = json_of(&["status"], 0);
    assert_eq!(keys(&status), ["accounts", "profile", "store"]);
    let accounts = status["accounts"].as_array().unwrap();
    let of = |user: &str| {
        accounts
            .iter()
            .find(|account| account["username"] == user)
            .unwrap()
    };
    let (ada, ben) = (of(ADA), of(BEN));
    let shape = [
        "active",
        "communicationToken",
        "entraToken",
        "homeAccountId",
        "tenantId",
        "username",
    ];
    assert_eq!(keys(ada), shape);
    assert_eq!(
        (&ada["active"], &ben["active"]),
        (&json!(false), &json!(true)),
        "the last one in"
    );
    assert_eq!(ada["communicationToken"], Value::Null);
    for token in [
        &ada["entraToken"],
        &ben["entraToken"],
        &ben["communicationToken"],
    ] {
        assert_eq!(keys(token), ["expiresOn", "fresh"]);
        assert_eq!(token["fresh"], true);
        assert_time(&token["expiresOn"]);
    }
    assert_eq!(
        json_of(&["account", "list"], 0),
        json!({"accounts": accounts})
    );

    let switched = json_of(&["account", "switch", "Ada@contoso.example"], 0);
    assert_eq!(keys(&switched), ["account", "expiresOn"]);
    assert_account(&switched["account"], ADA);
    let active = home.real(&["get", "-o", "json"]).json();
    assert_account(&active["account"], ADA);
    let named = home.real(&["get", "--account", BEN, "-o", "json"]).json();
    assert_account(&named["account"], BEN);

    assert_eq!(json_of(&["logout"], 0), json!({}));
    let left = json_of(&["status"], 4);
    assert_eq!(left["accounts"][0]["username"], BEN);
    assert_eq!(
        left["accounts"][0]["active"], false,
        "nobody is active unasked"
    );
    let lacks = "no account is active";
    for words in [["status"].as_slice(), &["account", "list"]] {
        let text = home.real(words).stdout;
        assert!(text.contains("`acspass account switch`"), "{text}");
    }
    home.real(&["get", "--no-interactive"])
        .assert_error(4, &[lacks, "acspass account switch ben@contoso.example"]);
    assert_eq!(json_of(&["logout", "--all"], 0), json!({}));
    assert_eq!(json_of(&["status"], 4), nobody);
}

#[test]
fn a_command_that_reads_at_a_terminal_says_what_it_waits_for() {
    let home = Home::new();
    for (words, asks) in [
        (["inspect", "-"], "Paste the token"),
        (["token", "exchange"], "Paste the token"),
    ] {
        let typed = home.call(&words).typing("").at_terminal().run();
        typed.assert_code(2);
        assert!(typed.stderr.starts_with(asks), "{}", typed.stderr);
        assert!(
            typed.stderr.contains("there is no token"),
            "{}",
            typed.stderr
        );
        let piped = home.call(&words).typing("").run();
        let command = words.join(" ");
        let pipe = format!("| acspass {}`", command.trim_end_matches(" -"));
        piped.assert_error(2, &["there is no token", &pipe]);
        assert!(!piped.stderr.contains(asks), "{}", piped.stderr);
    }
    let (home, _emulator) = Home::with_emulator();
    let ids = home.call(&["user", "delete", "-"]).typing("").at_terminal();
    let ids = ids.run();
    assert!(
        ids.stderr.starts_with("Type or paste ids"),
        "{}",
        ids.stderr
    );
    let piped = home.call(&["user", "delete", "-"]).typing("").run();
    assert_eq!(piped.assert_code(0).stderr, "");
}

#[test]
fn the_manual_pages_go_into_a_folder_that_is_made() {
    let home = Home::new();
    let folder = tempfile::TempDir::new().expect("a folder");
    let pages = folder.path().join("share/man/man1");
    home.run(&["man", "--folder", pages.to_str().expect("a text")])
        .assert_code(0);
    assert!(pages.join("acspass.1").exists());
    assert!(pages.join("acspass-login.1").exists());
}

#[test]
fn status_as_text_says_what_the_next_get_will_do() {
    let (home, _emulator) = Home::with_keyring();
    let nobody = home.real(&["status"]);
    assert!(
        nobody
            .stdout
            .contains("No account is signed in. Run `acspass login`.")
    );
    home.login();
    let signed_in = home.real(&["status"]).stdout;
    assert!(signed_in.contains("* ada@contoso.example"), "{signed_in}");
    assert!(
        signed_in.contains("exchanges the Entra token"),
        "{signed_in}"
    );
    home.real(&["get"]).token();
    let kept = home.real(&["whoami"]).stdout;
    assert!(
        kept.contains("returns the cached token, without network access"),
        "{kept}"
    );
}

#[test]
fn an_error_is_one_line_of_json_and_the_last_on_standard_error() {
    let (home, emulator) = Home::with_emulator();
    let shape = ["code", "correlationId", "hint", "kind", "message"];
    let fails = |words: &[&str], browser: &std::sync::Arc<TestBrowser>| {
        let words = [words, &["-o", "json"]].concat();
        let run = home.call(&words).by(browser).run();
        assert_eq!(run.stdout, "");
        let error = run.json_error();
        assert_eq!(keys(&error), shape);
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert!(error["hint"].as_str().is_some_and(|text| !text.is_empty()));
        (run.code, error)
    };
    let never = TestBrowser::never();
    let (code, error) = fails(&["get"], &never);
    assert_eq!((code, &error["kind"]), (Some(4), &json!("sign_in_needed")));
    assert_eq!(error["code"], Value::Null);
    let (code, error) = fails(&["get", "--tenant", "x"], &never);
    assert_eq!((code, &error["kind"]), (Some(2), &json!("usage")));
    let (code, error) = fails(&["login"], &TestBrowser::cancelling());
    assert_eq!((code, &error["kind"]), (Some(3), &json!("sign_in_refused")));
    assert_eq!(error["code"], "AADSTS65004");
    let cleo = TestBrowser::of("cleo@contoso.example");
    let (code, error) = fails(&["get", "--interactive"], &cleo);
    assert_eq!((code, &error["kind"]), (Some(5), &json!("refused")));
    assert_eq!(error["code"], "Forbidden");
    emulator.withhold_scope("Teams.ManageCalls");
    emulator.withhold_scope("Teams.ManageChats");
    let (code, error) = fails(&["login"], &TestBrowser::walking());
    assert_eq!((code, &error["code"]), (Some(3), &json!("AADSTS65001")));
    assert!(
        error["correlationId"].is_string(),
        "Entra's own id: {error}"
    );
}

#[test]
fn inspect_shows_header_and_claims_and_says_that_nothing_was_verified() {
    let home = Home::new();
    let token = home.real(&["get", "--emulator"]).token();
    let run = home.call(&["inspect", "-o", "json"]).typing(&token).run();
    run.assert_code(0)
        .assert_says(&["Not verified: signature, issuer and expiry."]);
    let json = run.json();
    assert_eq!(keys(&json), ["claims", "expiresOn", "header"]);
    assert_eq!(json["header"]["alg"], "RS256");
    assert_time(&json["expiresOn"]);
    let text = home.call(&["inspect"]).typing(&format!("{token}\n")).run();
    assert!(text.stdout.contains("skypeid"), "{}", text.stdout);
    let exp = text
        .stdout
        .lines()
        .find(|line| line.trim_start().starts_with("exp"));
    assert!(
        exp.is_some_and(|line| line.contains("in 1 h") && !line.contains('Z')),
        "local times, in words: {exp:?}"
    );

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token.txt");
    std::fs::write(&file, &token).unwrap();
    let of_file = home.run(&["inspect", file.to_str().unwrap()]);
    assert_eq!(of_file.stdout, text.stdout);
    home.run(&["inspect", "/nowhere/at/all"])
        .assert_error(2, &["could not open the file"]);
    home.call(&["inspect"])
        .typing("nonsense")
        .run()
        .assert_error(2, &["the token has no readable content"]);
}

#[test]
fn a_token_given_as_the_argument_is_refused_unrepeated() {
    let home = Home::new();
    let token = home.real(&["get", "--emulator"]).token();
    // A home of its own: here the argument itself holds the token.
    let elsewhere = Home::new();
    for words in [
        &["inspect", &token][..],
        &["inspect", &token[..200]],
        &["inspect", "-o", "json", &token],
        &["decode", &token],
        &["inspect", &token, &token],
        &["get", &token],
        &["get", &format!("--timeout={token}")],
        &["login", "--prompt", &token],
    ] {
        let run = elsewhere.call(words).run();
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert_eq!(run.stdout, "");
        assert!(!run.stderr.contains(&token[..60]), "{}", run.stderr);
    }
    // A name in no form of a known secret.
    let opaque = format!("{}.b", "a".repeat(100));
    elsewhere
        .call(&["inspect", &opaque])
        .run()
        .assert_error(2, &["a token was passed as an argument"])
        .assert_does_not_say(&opaque);
}

#[test]
fn config_sets_lists_and_unsets_and_says_where_each_value_comes_from() {
    let (mut home, _emulator) = Home::with_emulator();
    let path = home.run(&["config", "path"]).stdout;
    assert_eq!(path.trim_end(), home.config_file().display().to_string());
    home.unset("ACSPASS_TENANT_ID");
    home.run(&["config", "set", "tenant", "contoso.example"])
        .assert_code(0);
    home.run(&["config", "set", "scopes", "Teams.ManageCalls"])
        .assert_code(0);
    assert_eq!(
        home.run(&["config", "get", "tenant"]).stdout,
        "contoso.example\n"
    );
    let list = home.run(&["config", "list", "-o", "json"]).json();
    let expected = [
        ("tenant", "contoso.example", "profile"),
        ("store", "memory", "environment ACSPASS_STORE"),
        ("min-validity", "10m", "default"),
        (
            "connection-string",
            "(secret)",
            "environment COMMUNICATION_SERVICES_CONNECTION_STRING",
        ),
    ];
    for (key, value, origin) in expected {
        assert_eq!(
            list[key],
            json!({"value": value, "origin": origin}),
            "{key}"
        );
    }
    home.run(&["config", "unset", "tenant"]).assert_code(0);
    assert_eq!(
        home.run(&["config", "get", "tenant"]).stdout,
        "organizations\n"
    );
    home.run(&["config", "get", "store", "-o", "json"])
        .assert_code(0);
    for words in [
        &["config", "set", "tennant", "x"][..],
        &["config", "set", "tenant", "not a tenant"],
        &["config", "set", "client-id", "x"],
        &["config", "set", "port", "70000"],
        &["config", "get", "endpoint-of-nothing"],
        &[
            "config",
            "set",
            "connection-string",
            "endpoint=x;accesskey=eA==",
        ],
    ] {
        home.run(words).assert_error(2, &[]);
    }
}

#[test]
fn profiles_are_chosen_by_flag_then_environment_then_file() {
    let (mut home, _emulator) = Home::with_emulator();
    home.unset("ACSPASS_TENANT_ID");
    for (profile, tenant) in [
        ("work", "work.example"),
        ("play", "play.example"),
        ("file", "file.example"),
    ] {
        home.run(&["--profile", profile, "config", "set", "tenant", tenant])
            .assert_code(0);
    }
    home.run(&["config", "set", "profile", "file"])
        .assert_code(0);
    let tenant = |home: &Home, words: &[&str]| {
        home.run(&[&["config", "get", "tenant"], words].concat())
            .stdout
    };
    assert_eq!(tenant(&home, &[]), "file.example\n");
    home.set("ACSPASS_PROFILE", "play");
    assert_eq!(tenant(&home, &[]), "play.example\n");
    assert_eq!(tenant(&home, &["--profile", "work"]), "work.example\n");
    home.run(&["status", "--profile", "nowhere"])
        .assert_error(2, &["there is no profile `nowhere`", "work"]);
}

#[test]
fn the_emulator_prints_one_line_and_runs_until_it_is_stopped() {
    let home = crate::emulator::home();
    let running = home
        .call(&["emulator", "-o", "json", "--https-port=0", "--http-port=0"])
        .spawn();
    let line: Value = serde_json::from_str(&running.next_line()).expect("JSON");
    let shape = [
        "caFile",
        "clientId",
        "connectionString",
        "faultSeed",
        "httpUrl",
        "objectId",
        "tenantId",
        "url",
        "username",
    ];
    assert_eq!(keys(&line), shape);
    let text = |name: &str| line[name].as_str().unwrap().to_owned();
    assert!(text("url").starts_with("https://localhost:"));
    assert!(text("httpUrl").starts_with("http://localhost:"));
    let ca = std::fs::read_to_string(text("caFile")).expect("its certificate");
    assert!(ca.contains("BEGIN CERTIFICATE") && !ca.contains("PRIVATE KEY"));

    // Another process signs in there, over https and with that CA file alone.
    let mut client = Home::new();
    client.set("AZURE_AUTHORITY_HOST", &text("url"));
    client.set("ACSPASS_TENANT_ID", &text("tenantId"));
    client.set("ACSPASS_CLIENT_ID", &text("clientId"));
    client.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        &text("connectionString"),
    );
    client.set("ACSPASS_CA_FILE", &text("caFile"));
    client.set("ACSPASS_STORE", "memory");
    let agent = TestBrowser::trusting(&ca);
    let words = ["get", "--interactive"];
    client.call(&words).by(&agent).spawn().end().token();

    running.signal("INT");
    let run = running.end();
    run.assert_code(0)
        .assert_says(&["For tests only", "stopped"]);
    assert_eq!(run.stdout.lines().count(), 1, "one line");
    let kept = std::fs::read_to_string(text("caFile")).expect("the next run has the same");
    assert_eq!(kept, ca);
}

#[test]
fn text_from_outside_loses_its_control_characters() {
    let (home, emulator) = Home::with_emulator();
    emulator.add_fault(acspass::emulator::Fault {
        route: acspass::emulator::Route::Exchange,
        times: None,
        what: acspass::emulator::FaultKind::Status {
            status: 403,
            retry_after: None,
            content_type: "application/json".to_owned(),
            body: json!({"error": {"code": "Bad\u{1b}[2J", "message": "red\u{1b}[31m\u{202e}x"}})
                .to_string(),
        },
    });
    let words = ["get", "--interactive"];
    let run = home.call(&words).by(&TestBrowser::walking()).run();
    run.assert_error(5, &["Bad[2J"]);
    assert!(
        !run.stderr.contains(['\u{1b}', '\u{202e}']),
        "{:?}",
        run.stderr
    );
}

#[test]
fn nothing_is_said_where_quiet_is_asked_for_but_errors() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::walking();
    let quiet = home
        .call(&["login", "--quiet"])
        .plainly()
        .by(&browser)
        .run();
    quiet.assert_code(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let wrong = home.call(&["get", "--quiet"]).plainly().run();
    wrong.assert_error(4, &["no account is signed in"]);
}

#[test]
fn messages_end_their_lines_at_words_on_a_terminal_and_are_whole_elsewhere() {
    let home = Home::new();
    let elsewhere = home.call(&["get"]).plainly().run();
    let hint = elsewhere.stderr.lines().last().expect("a hint");
    assert!(hint.chars().count() > 100, "{hint}");

    let call = home.call(&["get", "--no-interactive"]).plainly();
    let at_terminal = call.at_terminal().run();
    let (_, wrapped) = at_terminal.stderr.split_once("\n\n").expect("a hint");
    let lines: Vec<&str> = wrapped.lines().collect();
    assert!(lines.len() > 2, "{wrapped}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
    assert!(lines[1..].iter().all(|line| line.starts_with("      ")));
    assert!(wrapped.contains("`acspass config set connection-string`"));
    let joined: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    assert_eq!(joined.join(" "), hint, "the words are the same");

    let json = home.call(&["get", "--no-interactive", "-o", "json"]);
    let json = json.plainly().at_terminal().run();
    assert_eq!(json.stderr.lines().count(), 1, "{}", json.stderr);
}
