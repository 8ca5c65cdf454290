//! What the commands print with `-o json` is what the schemas describe.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use acspass::Kind;
use serde_json::{Value, json};

use crate::files::read;
use crate::json::schemas;
use crate::sandbox::Sandbox;
use crate::schema::check;

/// Checks outputs, and records which schemas were used.
struct Checker {
    sandbox: Sandbox,
    used: BTreeSet<&'static str>,
}

impl Checker {
    /// Runs a command, and checks its standard output. Returns it.
    #[track_caller]
    fn run(&mut self, schema: &'static str, arguments: &[&str]) -> Value {
        let output = self
            .sandbox
            .acspass(arguments)
            .args(["-o", "json"])
            .output();
        let output = output.expect("timeout, of coreutils");
        self.check(schema, arguments, &output.stdout, &output)
    }

    #[track_caller]
    fn check(
        &mut self,
        schema: &'static str,
        arguments: &[&str],
        text: &[u8],
        output: &Output,
    ) -> Value {
        let said = String::from_utf8_lossy(&output.stderr);
        let value: Value = serde_json::from_slice(text)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {said}"));
        self.fits(schema, &value);
        value
    }

    #[track_caller]
    fn fits(&mut self, name: &'static str, value: &Value) {
        let schemas = schemas();
        let schema = schemas
            .get(name)
            .unwrap_or_else(|| panic!("no schema {name}"));
        check(schema, schema, value, name).unwrap_or_else(|why| panic!("{why}"));
        self.used.insert(name);
    }

    /// Runs a command with this on standard input, and checks its standard output.
    #[track_caller]
    fn run_with(&mut self, schema: &'static str, arguments: &[&str], input: &str) -> Value {
        let mut command = self.sandbox.acspass(arguments);
        let child = command
            .args(["-o", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("it starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        self.check(schema, arguments, &output.stdout, &output)
    }

    /// Starts a command that runs until it is stopped, and checks its first line.
    #[track_caller]
    fn ready_line(&mut self, schema: &'static str, arguments: &[&str]) -> Value {
        let mut command = self.sandbox.acspass(arguments);
        let command = command.args(["-o", "json"]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("its output"));
        stdout.read_line(&mut line).expect("text");
        // `timeout` passes the signal on.
        let order = format!("kill -TERM {}", child.id());
        let sent = Command::new("sh").args(["-c", &order]).status();
        assert!(sent.expect("a shell").success());
        child.wait().expect("it ends");
        let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.fits(schema, &value);
        value
    }
}

#[test]
fn outputs_of_commands_match_their_schemas() {
    let mut checker = Checker {
        sandbox: Sandbox::new(),
        used: BTreeSet::new(),
    };
    checker.run("status", &["status"]);
    checker.run("account-list", &["account", "list"]);
    checker.run("login", &["login"]);
    let token = checker.run("get", &["get"]);
    checker.run("get", &["get", "--entra"]);
    let status = checker.run("status", &["status"]);
    assert_eq!(status["accounts"][0]["communicationToken"]["fresh"], true);
    checker.run("account-list", &["account", "list"]);
    checker.run("login", &["account", "switch", "ada@contoso.example"]);
    let token = token["token"].as_str().expect("a token");
    checker.run_with("inspect", &["inspect"], token);

    let created = checker.run("user-create", &["user", "create"]);
    assert_eq!(created.get("accessToken"), None);
    let id = created["identity"]["id"].as_str().expect("an id");
    let words = ["token", "issue", "--user", id, "--scope", "chat"];
    checker.run("token-issue", &words);
    checker.run("user-create", &["user", "create", "--scope", "chat"]);
    checker.run("user-create", &["token", "issue", "--scope", "voip"]);

    checker.run("api", &["api", "POST", "/identities", "--include"]);

    let ids = format!("{id}\nno-id\n");
    checker.run_with("user-delete", &["user", "delete", "-"], &ids);

    let access =
        |words: &[&'static str]| [&["access"][..], words, &["--exchange", "entra"]].concat();
    let ada = "ada@contoso.example";
    checker.run("access-grant", &access(&["grant", "--resolve", ada]));
    checker.run_with(
        "access-grant",
        &access(&["grant", "--resolve", "-"]),
        "Ada Example\nnobody\n",
    );
    checker.run("access-list", &access(&["list"]));
    checker.run("access-revoke", &access(&["revoke", "--resolve", ada]));

    checker.run("config-list", &["config", "list"]);
    checker.run("profile-list", &["profile", "list"]);
    let key = checker.sandbox.variables["ACSPASS_STORE_KEY_FILE"].clone();
    let with_key = |words: &[&'static str]| [words, &["--key-file"]].concat();
    let export = with_key(&["session", "export", "ada.acspass"]);
    checker.run("session-export", &[&export[..], &[&key]].concat());
    let import = with_key(&["session", "import", "ada.acspass"]);
    checker.run("session-import", &[&import[..], &[&key]].concat());
    checker.run("store-migrate", &["store", "migrate", "file"]);
    checker.run("doctor", &["doctor", "--offline"]);
    checker.run("doctor", &["doctor"]);
    checker.run("version", &["version"]);
    checker.run("emulator-token", &["emulator", "token", "entra"]);
    for change in ["freeze", "resume", "reset", "show"] {
        checker.run("emulator-clock", &["emulator", "clock", change]);
    }
    let words = ["emulator", "verify", "--expect", "total>=1"];
    checker.run("emulator-verify", &words);
    let fault = [
        "emulator",
        "fault",
        "throttled",
        "--route",
        "exchange",
        "--user",
        "ben@contoso.example",
        "--set",
        "seconds=5",
    ];
    checker.run("emulator-fault", &fault);
    checker.run("emulator-faults", &["emulator", "fault", "--list"]);
    checker.ready_line("serve-ready", &["serve", "--port", "0"]);
    let ports = ["emulator", "--https-port", "0", "--http-port", "0"];
    checker.ready_line("emulator-ready", &ports);
    let template = checker.sandbox.acspass(&["emulator", "init", "-"]).output();
    let template = template.expect("timeout, of coreutils").stdout;
    let template = String::from_utf8(template).expect("text");
    let seed: Value = toml_edit::de::from_str(&template).expect("TOML");
    checker.fits("emulator-seed", &seed);
    checker.run("emulator-env", &["emulator", "env"]);
    checker.run("emulator-ca", &["emulator", "ca", "path"]);
    checker.run("emulator-ca", &["emulator", "ca", "renew"]);
    checker.run("emulator-trust", &["emulator", "ca", "trust"]);
    checker.run("emulator-trust", &["emulator", "ca", "untrust"]);

    for words in [
        &["config", "set", "port", "x"][..],
        &["get", "--account", "nobody"],
    ] {
        let output = checker.sandbox.acspass(words).args(["-o", "json"]).output();
        let output = output.expect("timeout, of coreutils");
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{words:?}"
        );
        let last = output
            .stderr
            .split(|byte| *byte == b'\n')
            .rfind(|line| !line.is_empty());
        checker.check("error", words, last.expect("an error"), &output);
    }

    let all = schemas();
    let unused: Vec<&String> = all
        .keys()
        .filter(|name| !checker.used.contains(name.as_str()))
        .collect();
    assert!(unused.is_empty(), "no output was checked: {unused:?}");
}

#[test]
fn schemas_of_errors_name_every_kind() {
    let kinds = json!(Kind::ALL.map(Kind::as_str));
    let schema = &schemas()["error"];
    let of_command = &schema["$defs"]["error"]["properties"]["kind"]["enum"];
    assert_eq!(*of_command, kinds);
    let document: Value = serde_json::from_str(&read("assets/openapi.json")).expect("JSON");
    let failure = &document["components"]["schemas"]["Failure"];
    assert_eq!(
        failure["properties"]["error"]["properties"]["kind"]["enum"],
        kinds
    );
}
