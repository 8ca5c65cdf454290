//! Input with one meaning is accepted, however an editor, a shell or a tool wrote it; input without a
//! meaning gets a sentence that names it.

use std::io::Cursor;

use acspass::emulator::Emulator;
use serde_json::json;

use crate::harness::{Home, Run, TestBrowser};

const MARK: &str = "\u{feff}";

/// The text as Windows writes it: with a mark in UTF-8, and in UTF-16 of both orders.
fn as_windows_writes(text: &str) -> [Vec<u8>; 3] {
    let marked = format!("{MARK}{}", text.replace('\n', "\r\n"));
    let units = || marked.encode_utf16();
    [
        marked.as_bytes().to_vec(),
        units().flat_map(u16::to_le_bytes).collect(),
        units().flat_map(u16::to_be_bytes).collect(),
    ]
}

fn with(home: &Home, words: &[&str], bytes: Vec<u8>) -> Run {
    home.call(words).reading(Cursor::new(bytes)).run()
}

fn created(home: &Home) -> String {
    home.run(&["user", "create"]).stdout.trim().to_owned()
}

/// A home whose store keeps what is set, without a resource in its environment.
fn home_with_file_store() -> (Home, std::sync::Arc<Emulator>) {
    let (mut home, emulator) = Home::with_emulator();
    let key = home.path().join("key");
    std::fs::write(&key, [7; 32]).expect("a key file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&key, mode).expect("its mode");
    }
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", &key.to_string_lossy());
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    (home, emulator)
}

#[test]
fn a_connection_string_is_accepted_as_tools_write_it() {
    let (home, emulator) = home_with_file_store();
    let string = emulator.http_connection_string();
    let name = "COMMUNICATION_SERVICES_CONNECTION_STRING";
    let mut written: Vec<Vec<u8>> = as_windows_writes(&format!("{string}\n")).to_vec();
    written.extend(
        [
            format!("\"{string}\"\n"),
            format!("{name}={string}\n"),
            format!("export {name}='{string}'\n"),
            format!("$env:{name} = \"{string}\"\r\n"),
            format!("# the resource\nOTHER=1\n{name}=\"{string}\"\n"),
            json!({"primaryConnectionString": string, "primaryKey": "x"}).to_string(),
        ]
        .map(String::into_bytes),
    );
    for bytes in written {
        with(&home, &["config", "set", "connection-string"], bytes).assert_code(0);
        home.run(&["user", "create"]).assert_code(0);
        home.run(&["config", "unset", "connection-string"])
            .assert_code(0);
    }
    let run = with(
        &home,
        &["config", "set", "connection-string"],
        b"\xff\xff".to_vec(),
    );
    run.assert_error(2, &["standard input", "UTF-16"]);
    let run = with(&home, &["config", "set", "connection-string"], Vec::new());
    run.assert_error(2, &["is empty", "standard input"]);
}

#[test]
fn a_value_in_the_environment_may_keep_its_quotes() {
    let (mut home, emulator) = Home::with_emulator();
    let quoted = format!("\"{}\"", emulator.http_connection_string());
    home.set("COMMUNICATION_SERVICES_CONNECTION_STRING", &quoted);
    for name in [
        "ACSPASS_TENANT_ID",
        "ACSPASS_CLIENT_ID",
        "AZURE_AUTHORITY_HOST",
    ] {
        let quoted = format!("'{}'", home.variables[name]);
        home.set(name, &quoted);
    }
    home.run(&["user", "create"]).assert_code(0);
    home.call(&["get", "--interactive"])
        .by(&TestBrowser::walking())
        .run()
        .token();
}

#[test]
fn a_list_of_ids_is_accepted_as_tools_write_it() {
    let (home, _emulator) = Home::with_emulator();
    let delete = ["user", "delete", "-", "-o", "json"];
    let lines = || format!("{}\n{}\n", created(&home), created(&home));
    let mut written: Vec<Vec<u8>> = as_windows_writes(&lines()).to_vec();
    written.extend([
        format!("\"{}\",\"{}\"\n", created(&home), created(&home)).into_bytes(),
        format!("{}, {}", created(&home), created(&home)).into_bytes(),
        json!([created(&home), created(&home)])
            .to_string()
            .into_bytes(),
        home.run(&["user", "create", "--count", "2", "-o", "json"])
            .stdout
            .into_bytes(),
        [0, 0]
            .map(|_| {
                home.run(&["user", "create", "-o", "json", "--scope", "chat"])
                    .stdout
            })
            .concat()
            .into_bytes(),
    ]);
    for bytes in written {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let run = with(&home, &delete, bytes);
        run.assert_code(0);
        let deleted = run.json()["deleted"].as_array().expect("a list").len();
        assert_eq!(deleted, 2, "{shown}");
    }
    let run = with(&home, &delete[..3], b"\xff\xff".to_vec());
    run.assert_error(2, &["standard input"]);
}

#[test]
fn a_token_is_inspected_as_tools_print_it() {
    let (home, _emulator) = Home::with_emulator();
    let user = ["user", "create", "--scope", "chat"];
    let lines = home.run(&user).stdout;
    let object = home.run(&[&user[..], &["-o", "json"]].concat()).stdout;
    let token = lines.lines().nth(1).expect("a token");
    let mut written: Vec<Vec<u8>> = as_windows_writes(token).to_vec();
    written.extend(
        [
            lines.clone(),
            object,
            format!("Bearer {token}"),
            format!("Authorization: Bearer {token}\n"),
            format!("export AZURE_COMMUNICATION_ACCESS_TOKEN='{token}'"),
            json!({"accessToken": token, "tokenType": "Bearer"}).to_string(),
            json!({"token": token}).to_string(),
            format!("{}\n{}\n", &token[..80], &token[80..]),
        ]
        .map(String::into_bytes),
    );
    for bytes in written {
        let run = with(&home, &["inspect", "-o", "json"], bytes);
        run.assert_code(0);
        assert!(run.json()["claims"]["skypeid"].is_string());
    }
    let run = with(&home, &["inspect"], b"\xff\xff".to_vec());
    run.assert_error(2, &["standard input"]);
}

#[test]
fn get_in_json_is_inspected_and_exchanged() {
    let (home, _emulator) = Home::with_emulator();
    let get = ["get", "--interactive", "--entra", "-o", "json"];
    let run = home.call(&get).by(&TestBrowser::walking()).run();
    run.assert_code(0);
    for words in [&["inspect"][..], &["token", "exchange"]] {
        home.call(words).typing(&run.stdout).run().assert_code(0);
    }
}

#[test]
fn scopes_may_stand_in_one_list() {
    let (home, emulator) = Home::with_emulator();
    for scopes in [
        &["--scope", "chat,voip"][..],
        &["--scope", "chat, voip"],
        &["--scope", "chat voip", "--scope=voip"],
    ] {
        let run = home.run(&[&["user", "create"], scopes].concat());
        run.assert_code(0);
        let sent = emulator.requests();
        let sent = sent.last().expect("a request");
        assert_eq!(sent.scopes.as_deref(), Some("chat voip"));
        let token = run.tokens().remove(0);
        let claims = acspass::jwt::decode(&token).expect("a token").claims;
        let granted = claims["acsScope"].as_str().expect("scopes");
        assert_eq!(granted.split(',').count(), 2, "{granted}");
    }
    let asked = emulator.requests().len();
    for scopes in [["--scope", ","], ["--scope", ""], ["--scope", " "]] {
        home.run(&[&["user", "create"][..], &scopes].concat())
            .assert_error(2, &["is not a scope"]);
    }
    assert_eq!(emulator.requests().len(), asked);
}

#[test]
fn a_lifetime_is_never_shortened_silently() {
    let (home, emulator) = Home::with_emulator();
    for (life, words) in [
        ("1440", &["24 min", "`24h`", "60 to 1440"][..]),
        ("86401", &["86401 s", "60 to 1440"]),
        ("24h59s", &["60 to 1440"]),
        ("61m30s", &["whole minutes", "3690 s"]),
        ("3601", &["whole minutes"]),
    ] {
        home.run(&["user", "create", "--scope", "chat", "--valid-for", life])
            .assert_error(2, words);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn an_id_without_a_user_is_not_sent() {
    let (home, emulator) = Home::with_emulator();
    let id = "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776";
    for words in [
        &["user", "delete", id][..],
        &["token", "revoke", "--user", id],
        &["token", "issue", "--scope", "chat", "--user", id],
    ] {
        home.run(words)
            .assert_error(2, &[id, "is not the id of an ACS identity"]);
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_host_without_a_scheme_is_an_endpoint() {
    let (mut home, _emulator) = Home::with_emulator();
    home.unset("COMMUNICATION_SERVICES_CONNECTION_STRING");
    for host in [
        "contoso.communication.azure.com",
        "contoso.communication.azure.com/",
        "contoso.communication.azure.com:443",
    ] {
        home.run(&["config", "set", "endpoint", host])
            .assert_code(0);
        let run = home.run(&["doctor", "--offline"]);
        assert!(run.stdout.contains("resource"), "{}", run.stdout);
        home.set("AZURE_AUTHORITY_HOST", "login.microsoftonline.com");
        let run = home.run(&["get", "--no-interactive"]);
        run.assert_code(4);
    }
}

#[test]
fn settings_that_an_editor_of_windows_wrote_are_read() {
    for bytes in as_windows_writes("[profile.default]\ntenant = \"contoso.com\"\n") {
        let home = Home::new();
        home.configure("");
        std::fs::write(home.config_file(), bytes).expect("the file");
        let run = home.run(&["config", "get", "tenant"]);
        assert_eq!(run.stdout, "contoso.com\n");
        home.run(&["config", "set", "port", "8400"]).assert_code(0);
        let run = home.run(&["config", "get", "tenant"]);
        assert_eq!(run.stdout, "contoso.com\n");
    }
}
