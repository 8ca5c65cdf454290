//! Hints whose command fits this command line: its options, its settings and their sources.

use std::net::TcpListener;

use crate::harness::{Home, Terminal};

fn home() -> Home {
    let mut home = Home::new();
    let key_file = home.path().join("key");
    acspass::store::create_key_file(&key_file).expect("a key file");
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", &key_file.to_string_lossy());
    home
}

#[test]
fn taken_port_is_changed_by_the_option_of_the_command() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = holder.local_addr().expect("bound").port().to_string();
    for (option, other) in [
        ("--https-port", "--http-port"),
        ("--http-port", "--https-port"),
    ] {
        Home::new()
            .run(&["emulator", option, &port, other, "0"])
            .assert_error(2, &["`acspass emulator --https-port 0 --http-port 0`"]);
    }
    let home = Home::new();
    home.configure(&format!("[profile.default]\nport = {port}\n"));
    let words = ["get", "--emulator", "--interactive"];
    home.run(&words)
        .assert_error(2, &[&port, "`acspass config set port 0`"]);
    let words = ["login", "--emulator", "--redirect-uri"];
    let uri = format!("http://localhost:{port}");
    home.configure("");
    home.run(&[&words[..], &[&uri]].concat()).assert_error(
        2,
        &["`acspass --emulator login --redirect-uri http://localhost`"],
    );
}

#[test]
fn unknown_account_is_signed_out_by_a_listed_name() {
    let home = home();
    home.run(&["get", "--emulator", "--account", "ben"])
        .assert_code(0);
    for (name, step) in [
        (
            "bne",
            "`acspass --emulator logout --account ben@contoso.example`",
        ),
        ("zoe", "`acspass --emulator logout --account USER`"),
    ] {
        home.run(&["logout", "--emulator", "--account", name])
            .assert_error(4, &[step, "  ben@contoso.example  (tenant"]);
    }
}

#[test]
fn connection_string_is_not_saved_for_the_emulator() {
    let home = home();
    home.call(&["--emulator", "config", "set", "connection-string"])
        .typing("endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0")
        .run()
        .assert_error(
            2,
            &[
                "none is needed",
                "`acspass config set connection-string` without --emulator",
            ],
        );
    assert!(!home.path().join("state/emulator").exists());
}

#[test]
fn key_of_another_profile_is_removed_by_the_command_of_the_hint() {
    let home = home();
    home.configure("[profile.work]\n\"my.colour\" = \"red\"\n");
    let step = "`acspass --profile work config unset my.colour`";
    home.run(&["status"]).assert_error(2, &[step]);
    home.run(&["config", "unset", "my.colour"])
        .assert_error(2, &[step]);
    home.run(&["--profile", "work", "config", "unset", "my.colour"])
        .assert_code(0);
    home.run(&["config", "list"]).assert_code(0);
}

#[test]
fn changed_setting_that_a_variable_overrides_is_reported() {
    let mut home = home();
    home.set("ACSPASS_TENANT_ID", "contoso.com");
    let step =
        "ACSPASS_TENANT_ID has precedence over tenant in this shell: run `unset ACSPASS_TENANT_ID`";
    for words in [&["set", "tenant", "b.example"][..], &["unset", "tenant"]] {
        home.run(&[&["config"], words].concat())
            .assert_code(0)
            .assert_says(&[step]);
    }
    home.run(&["config", "set", "tenant", "contoso.com"])
        .assert_code(0)
        .assert_does_not_say("precedence");
}

#[test]
#[cfg(unix)]
fn wrong_variable_is_changed_by_the_commands_of_the_hint() {
    let (mut home, _emulator) = Home::with_emulator();
    home.set("ACSPASS_TENANT_ID", "bad tenant");
    let commands = [
        "`export ACSPASS_TENANT_ID=TENANT`",
        "`unset ACSPASS_TENANT_ID`",
    ];
    home.run(&["get"]).assert_error(2, &commands);
    home.unset("ACSPASS_TENANT_ID");
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "endpoint=https://resource.invalid/;accesskey=c2VjcmV0",
    );
    let command = "`unset COMMUNICATION_SERVICES_CONNECTION_STRING`";
    home.real(&["user", "create"])
        .assert_error(6, &["resource.invalid", "the endpoint of", command]);
}

#[test]
fn wrong_value_of_the_resource_names_the_variable_that_has_it() {
    const ENDPOINT: &str = "COMMUNICATION_SERVICES_ENDPOINT";
    const KEY: &str = "COMMUNICATION_SERVICES_ACCESSKEY";
    const STRING: &str = "COMMUNICATION_SERVICES_CONNECTION_STRING";
    let valid = "https://contoso.communication.azure.com";
    let wrong_key = format!("endpoint={valid};accesskey=@@");
    for (variables, named) in [
        (&[(ENDPOINT, valid), (KEY, "@@")][..], KEY),
        (&[(STRING, &wrong_key)], STRING),
        (
            &[("AZURE_COMMUNICATION_CONNECTION_STRING", "@@")],
            "AZURE_COMMUNICATION_CONNECTION_STRING",
        ),
        (&[(ENDPOINT, "@@")], ENDPOINT),
    ] {
        let mut home = home();
        for (name, value) in variables {
            home.set(name, value);
        }
        let run = home.run(&["user", "create"]);
        run.assert_error(2, &[named]).assert_does_not_say("@@");
        let (message, _) = run.stderr.split_once("\n\nhint: ").expect("a hint");
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn access_key_is_no_setting_and_the_way_for_it_is_named() {
    let home = home();
    let way = "`acspass config set connection-string`";
    home.run(&["config", "set", "access-key"])
        .assert_error(2, &["there is no setting for an access key", way])
        .assert_does_not_say("history");
    let random = "k3yQ7dX0pLm2Rw9vTz5cB8nHs4uJ6eGfA1iOoPqSxDtYhWbNlMjKrZgVcUeIaF0=";
    for (words, secret) in [
        (&["access-key", "hunter2"][..], "hunter2"),
        (&["accessKey", "hunter2"], "hunter2"),
        (&["access-key", random], random),
        (&["primary_key", random], random),
    ] {
        home.run(&[&["config", "set"], words].concat())
            .assert_error(2, &[way, "history of the shell", "regenerate the key"])
            .assert_does_not_say(secret);
    }
}

#[test]
fn wrong_tenant_is_quoted_as_it_was_typed() {
    home()
        .run(&["config", "set", "tenant", "TENANT"])
        .assert_error(2, &["invalid tenant `TENANT`"]);
}

#[test]
fn sign_in_that_ends_without_a_user_is_repeated_with_the_options_of_the_command() {
    let (home, emulator) = Home::with_emulator();
    let (tenant, id) = (emulator.tenant_id(), emulator.client_id());
    let options = ["--tenant", tenant, "--client-id", id, "--timeout=1s"];
    let of_user = ["--account", "o'neil@contoso.example"];
    let command = format!("acspass login --tenant {tenant} --client-id {id}");
    let user = match cfg!(windows) {
        true => "\"o'neil@contoso.example\"",
        false => "'o'\\''neil@contoso.example'",
    };
    for (method, steps) in [
        (
            &["--device-code"][..],
            format!("`{command} --account {user} --device-code --timeout 15m` for more time"),
        ),
        (
            &["--no-browser", "--redirect-uri", "http://localhost/here"],
            format!(
                "`{command} --redirect-uri http://localhost/here --no-browser --account {user} \
                 --timeout 15m` for more time"
            ),
        ),
        (
            &["--paste", "--redirect-uri", "https://app.example/back"],
            format!(
                "`{command} --redirect-uri https://app.example/back --account {user} --paste` at a \
                 terminal"
            ),
        ),
    ] {
        let words = [&["login"][..], &options, &of_user, method].concat();
        home.run(&words).assert_error(3, &[&steps]);
    }
    let words = [&["login", "--paste"][..], &options].concat();
    let step = format!("`{command} --paste --timeout 15m`, and paste the address");
    let mut terminal = Terminal::start(&home, &words);
    terminal.sees("sign-in timed out after 1 s");
    let shown = terminal.ends(3);
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(&step), "{shown}");
}

#[test]
fn time_limit_of_no_time_is_a_usage_error() {
    let home = Home::new();
    for command in ["login", "get", "exec"] {
        home.run(&[command, "--timeout", "0"]).assert_error(
            2,
            &[
                "invalid duration `0` for --timeout",
                "Use a duration of 1s or more",
            ],
        );
    }
}
