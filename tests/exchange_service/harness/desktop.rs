//! The program of a user's machine, which has no credential for the resource.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use acspass::emulator::{Emulator, UserAgent};
use serde_json::Value;
use tempfile::TempDir;

use super::service::{CLIENT, Service};
use super::tokens::AUDIENCE;

/// A user's home folder and settings.
pub(crate) struct Desktop {
    folder: TempDir,
    /// Standard error of all commands, with their arguments.
    said: String,
}

impl Desktop {
    /// Creates a home, and makes the settings that the guide names. No key is one of them.
    #[track_caller]
    pub(crate) fn new(emulator: &Emulator, service: &Service) -> Desktop {
        let mut desktop = Desktop {
            folder: tempfile::tempdir().expect("a folder"),
            said: String::new(),
        };
        let key_file = desktop.folder.path().join("store-key");
        acspass::store::create_key_file(&key_file).expect("a key of the store");
        for (setting, value) in [
            ("authority-host", emulator.http_url()),
            ("tenant", emulator.tenant_id().to_owned()),
            ("client-id", CLIENT.to_owned()),
            ("store", "file".to_owned()),
            ("exchange", "service".to_owned()),
            ("exchange-service", service.url()),
            (
                "exchange-service-scope",
                format!("{AUDIENCE}/access_as_user"),
            ),
        ] {
            desktop.configure(setting, &value);
        }
        desktop
    }

    #[track_caller]
    pub(crate) fn configure(&mut self, setting: &str, value: &str) {
        self.run(&["config", "set", setting, value]);
    }

    fn command(&self, words: &[&str]) -> Command {
        let home = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_acspass"));
        command
            .args(words)
            .env_clear()
            .env("HOME", home)
            .env("ACSPASS_CONFIG_DIR", home.join("config"))
            .env("ACSPASS_STATE_DIR", home.join("state"))
            .env("ACSPASS_STORE_KEY_FILE", home.join("store-key"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end, and returns its exit code and standard output.
    #[track_caller]
    pub(crate) fn call(&mut self, words: &[&str]) -> (Option<i32>, String) {
        let output = self.command(words).output().expect("the program");
        self.ended(words, output)
    }

    /// Runs a command that succeeds, and returns its standard output.
    #[track_caller]
    pub(crate) fn run(&mut self, words: &[&str]) -> String {
        let (code, stdout) = self.call(words);
        assert_eq!(code, Some(0), "{words:?}: {stdout} {}", self.said);
        stdout
    }

    /// As [`Desktop::run`], with `-o json`.
    #[track_caller]
    pub(crate) fn json(&mut self, words: &[&str]) -> Value {
        let stdout = self.run(&[words, &["-o", "json"]].concat());
        serde_json::from_str(&stdout).expect("JSON")
    }

    /// Signs in as the first user: the user agent opens the address that the program prints.
    #[track_caller]
    pub(crate) fn login(&mut self) {
        let words = ["login", "--no-browser", "--timeout", "60s"];
        let mut child = self.command(&words).spawn().expect("the program");
        let mut stderr = BufReader::new(child.stderr.take().expect("a stream"));
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            let length = stderr.read_line(&mut line).expect("UTF-8");
            assert!(length > 0, "no address was printed: {said}");
            said.push_str(&line);
            let start = line.find("http://localhost:");
            if let Some(address) = start.and_then(|start| line[start..].split_whitespace().next()) {
                break address.to_owned();
            }
        };
        let page = UserAgent::new(None).browse(&address).expect("a last page");
        assert!(page.html.contains("You are signed in"), "{}", page.html);
        stderr.read_to_string(&mut said).expect("UTF-8");
        let mut output = child.wait_with_output().expect("an end");
        output.stderr = said.into_bytes();
        let (code, _) = self.ended(&words, output);
        assert_eq!(code, Some(0), "{}", self.said);
    }

    fn ended(&mut self, words: &[&str], output: Output) -> (Option<i32>, String) {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let line = format!("$ acspass {}\n{}", words.join(" "), text(output.stderr));
        self.said.push_str(&line);
        (output.status.code(), text(output.stdout))
    }

    /// Returns the standard error of all commands.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// Fails if a file of the home contains one of these texts.
    #[track_caller]
    pub(crate) fn assert_no_file_contains(&self, secrets: &[String]) {
        assert_none_contains(self.folder.path(), secrets);
    }
}

#[track_caller]
fn assert_none_contains(folder: &Path, secrets: &[String]) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            assert_none_contains(&path, secrets);
            continue;
        }
        let bytes = std::fs::read(&path).expect("a file");
        let text = String::from_utf8_lossy(&bytes);
        for secret in secrets {
            assert!(!text.contains(secret), "a secret is in {}", path.display());
        }
    }
}
