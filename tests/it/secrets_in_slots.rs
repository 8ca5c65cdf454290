//! A secret in the wrong place is shown nowhere and written nowhere: in every slot of every command,
//! read from the command's own definition, in every variable, every setting of `config.toml`, and on
//! standard input.

use std::collections::HashSet;
use std::path::Path;

use acspass::cli;
use acspass::config::Setting;
use acspass::emulator::{Emulator, Options};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::{Arg, Command};

use crate::harness::{Home, Run};

/// Shortest part of a secret that would be recognised.
const PART: usize = 8;

/// A text that a user may put in the wrong place, and the part of it that is secret.
pub(crate) struct Secret {
    pub(crate) text: String,
    part: String,
}

impl Secret {
    pub(crate) fn token() -> Secret {
        let claims =
            r#"{"oid":"5b0c7e1d-7a1e-4b52-9c3f-0d6a1f2e3c4b","note":"a claim of its own"}"#;
        let part = format!("{}.{}", URL_SAFE_NO_PAD.encode(claims), random(43));
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        Secret {
            text: format!("{head}.{part}"),
            part,
        }
    }

    pub(crate) fn key() -> Secret {
        let text = STANDARD.encode(random(64));
        Secret {
            part: text.clone(),
            text,
        }
    }

    pub(crate) fn connection_string() -> Secret {
        let part = Secret::key().text;
        Secret {
            text: format!("endpoint=https://contoso.communication.azure.com/;accesskey={part}"),
            part,
        }
    }

    pub(crate) fn refresh_token() -> Secret {
        let part = format!("AXoA{}.AgABAwEAAAD{}", random(60), random(300));
        Secret {
            text: format!("1.{part}"),
            part,
        }
    }

    fn code() -> Secret {
        let part = format!("AS8A{}", random(400));
        Secret {
            text: format!("0.{part}"),
            part,
        }
    }
}

/// Base64url characters that look random and are the same in every run.
fn random(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ count as u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(ALPHABET[(state >> 33) as usize % ALPHABET.len()])
        })
        .collect()
}

/// Finds any part of a secret.
pub(crate) struct Search {
    parts: HashSet<Vec<u8>>,
    /// Which two bytes follow each other in the secret, by the first and the second byte.
    pairs: Vec<[bool; 256]>,
}

impl Search {
    pub(crate) fn new(secret: &Secret) -> Search {
        let part = secret.part.to_ascii_lowercase();
        let mut pairs = vec![[false; 256]; 256];
        for pair in part.as_bytes().windows(2) {
            pairs[usize::from(pair[0])][usize::from(pair[1])] = true;
        }
        Search {
            parts: part.as_bytes().windows(PART).map(<[u8]>::to_vec).collect(),
            pairs,
        }
    }

    pub(crate) fn finds(&self, bytes: &[u8]) -> bool {
        let lower = bytes.to_ascii_lowercase();
        // A part of a secret is a run of its pairs; few runs in other text are as long.
        let mut run = 0;
        for (at, pair) in lower.windows(2).enumerate() {
            run = match self.pairs[usize::from(pair[0])][usize::from(pair[1])] {
                true => run + 1,
                false => 0,
            };
            if run >= PART - 1 && self.parts.contains(&lower[at + 2 - PART..at + 2]) {
                return true;
            }
        }
        false
    }

    #[track_caller]
    fn check(&self, slot: &str, home: &Home, run: &Run) {
        assert!(
            !self.finds(run.stdout.as_bytes()),
            "{slot}: on standard output"
        );
        assert!(
            !self.finds(run.stderr.as_bytes()),
            "{slot}: on standard error"
        );
        assert_ne!(run.code, Some(1), "{slot}: {}", run.stderr);
        for folder in ["config", "state"] {
            self.check_files(slot, &home.path().join(folder));
        }
    }

    #[track_caller]
    fn check_files(&self, slot: &str, folder: &Path) {
        let Ok(entries) = std::fs::read_dir(folder) else {
            return;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let name = path.to_string_lossy();
            assert!(!self.finds(name.as_bytes()), "{slot}: the name {name}");
            match path.is_dir() {
                true => self.check_files(slot, &path),
                false => {
                    let bytes = std::fs::read(&path).expect("a file");
                    assert!(!self.finds(&bytes), "{slot}: in {name}");
                }
            }
        }
    }
}

/// Every command, with the words that lead to it.
fn commands<'c>(
    command: &'c Command,
    path: &[String],
    found: &mut Vec<(Vec<String>, &'c Command)>,
) {
    found.push((path.to_vec(), command));
    for command in command.get_subcommands() {
        let path = [path, &[command.get_name().to_owned()]].concat();
        commands(command, &path, found);
    }
}

/// What stands in a required slot, so that the one beside it is reached.
fn stand_in(arg: &Arg) -> String {
    if let Some(value) = arg.get_possible_values().first() {
        return value.get_name().to_owned();
    }
    let names = arg.get_value_names().unwrap_or_default();
    match names.first().map(|name| name.as_str()) {
        Some("ID") => {
            "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101"
        }
        Some("SCOPE") => "chat",
        Some("KEY") => "tenant",
        Some("USER") => "ada@contoso.example",
        Some("CMD") => "true",
        _ => "x",
    }
    .to_owned()
}

/// The words of the required arguments, without one that the test sets.
fn required(command: &Command, without: Option<&Arg>) -> Vec<String> {
    let is_meant = |arg: &&Arg| {
        arg.is_required_set() && without.is_none_or(|other| other.get_id() != arg.get_id())
    };
    command
        .get_arguments()
        .filter(is_meant)
        .flat_map(|arg| match arg.get_long() {
            Some(long) => vec![format!("--{long}"), stand_in(arg)],
            None => vec![stand_in(arg)],
        })
        .collect()
}

/// Every way to put the text into the slots of a command.
fn slots(command: &Command, text: &str) -> Vec<Vec<String>> {
    let word = |word: String| vec![word];
    let mut all: Vec<Vec<String>> = vec![
        word(text.to_owned()),
        word(format!("--{text}")),
        word(format!("-{text}")),
        word(format!("--unknown={text}")),
        vec!["--unknown".to_owned(), text.to_owned()],
        vec!["--".to_owned(), text.to_owned()],
    ];
    for slot in &mut all {
        slot.splice(0..0, required(command, None));
    }
    for arg in command.get_arguments() {
        let takes_value = arg.get_action().takes_values();
        let mut forms = Vec::new();
        if let Some(long) = arg.get_long() {
            forms.push(word(format!("--{long}={text}")));
            if takes_value {
                forms.push(vec![format!("--{long}"), text.to_owned()]);
            }
        }
        if let Some(short) = arg.get_short() {
            forms.push(word(format!("-{short}{text}")));
            forms.push(word(format!("-{short}={text}")));
            forms.push(vec![format!("-{short}"), text.to_owned()]);
        }
        if arg.is_positional() {
            forms.push(word(text.to_owned()));
        }
        let rest = required(command, Some(arg));
        all.extend(forms.into_iter().map(|form| [rest.clone(), form].concat()));
    }
    all
}

/// Runs every command with the secret in every slot, in the first of the output formats: text, JSON.
fn put_into_every_slot(secret: &Secret, outputs: usize) {
    let search = Search::new(secret);
    let mut definition = cli::command();
    definition.build();
    let mut all = Vec::new();
    commands(&definition, &[], &mut all);
    let home = Home::new();
    let mut count = 0;
    for (path, command) in all {
        for slot in slots(command, &secret.text) {
            let words = [path.clone(), slot].concat();
            let shown = words.join(" ").replace(&secret.text, "SECRET");
            for output in ["--output=text", "--output=json"].iter().take(outputs) {
                let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
                words.insert(path.len(), output);
                let run = home.call(&words).unswept().plainly().run();
                search.check(&shown, &home, &run);
                count += 1;
            }
        }
    }
    assert!(count > 800, "{count} slots");
    // A relative path leads to the folder that the tests run in.
    for entry in std::fs::read_dir(".").expect("a folder") {
        let name = entry.expect("an entry").file_name();
        assert!(!search.finds(name.to_string_lossy().as_bytes()), "{name:?}");
    }
}

#[test]
fn a_token_in_any_slot_is_shown_nowhere() {
    put_into_every_slot(&Secret::token(), 2);
}

#[test]
fn a_key_in_any_slot_is_shown_nowhere() {
    put_into_every_slot(&Secret::key(), 1);
}

#[test]
fn a_connection_string_in_any_slot_is_shown_nowhere() {
    put_into_every_slot(&Secret::connection_string(), 2);
}

#[test]
fn a_refresh_token_in_any_slot_is_shown_nowhere() {
    put_into_every_slot(&Secret::refresh_token(), 1);
}

#[test]
fn an_authorization_code_in_any_slot_is_shown_nowhere() {
    put_into_every_slot(&Secret::code(), 1);
}

#[test]
fn search_finds_every_part_of_a_secret_and_nothing_shorter() {
    for secret in secrets() {
        let search = Search::new(&secret);
        let part = secret.part.as_bytes();
        for window in part.windows(PART) {
            for text in [window.to_vec(), [b"= ", window, b" -"].concat()] {
                assert!(search.finds(&text.to_ascii_uppercase()));
            }
        }
        assert!(search.finds(secret.text.as_bytes()));
        for short in [&part[..PART - 1], b"another text altogether", b""] {
            assert!(!search.finds(short));
        }
    }
}

fn secrets() -> [Secret; 5] {
    [
        Secret::token(),
        Secret::key(),
        Secret::connection_string(),
        Secret::refresh_token(),
        Secret::code(),
    ]
}

/// Commands that together read every setting.
const READERS: [&[&str]; 10] = [
    &["get"],
    &["account", "list"],
    &["status"],
    &["logout"],
    &["config", "list"],
    &["config", "set", "min-validity", "5m"],
    &["doctor", "--offline"],
    &["setup"],
    &["user", "create"],
    &["serve", "--status"],
];

/// Variables beside those of a setting.
const VARIABLES: [&str; 22] = [
    "ACSPASS_PROFILE",
    "ACSPASS_CONFIG_DIR",
    "ACSPASS_STATE_DIR",
    "ACSPASS_STORE_KEY_FILE",
    "ACSPASS_CA_FILE",
    "ACSPASS_LOG",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "BROWSER",
    "COMMUNICATION_SERVICES_CONNECTION_STRING",
    "AZURE_COMMUNICATION_CONNECTION_STRING",
    "COMMUNICATION_SERVICES_ACCESSKEY",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "SSH_CONNECTION",
];

/// A home that names the resource by its endpoint and key, so that both variables are read.
fn home_with_key(emulator: &Emulator) -> Home {
    let mut home = Home::new();
    home.set("ACSPASS_STORE", "memory");
    home.set("AZURE_AUTHORITY_HOST", &emulator.http_url());
    home.set("ACSPASS_TENANT_ID", emulator.tenant_id());
    home.set("ACSPASS_CLIENT_ID", emulator.client_id());
    let resource = emulator.http_connection_string();
    let (endpoint, key) = resource.split_once(";accesskey=").expect("a key");
    let endpoint = endpoint.trim_start_matches("endpoint=");
    home.set("COMMUNICATION_SERVICES_ENDPOINT", endpoint);
    home.set("COMMUNICATION_SERVICES_ACCESSKEY", key);
    home
}

#[test]
fn a_secret_in_any_variable_is_shown_nowhere() {
    let settings = Setting::ALL.iter().flat_map(|setting| setting.variables());
    let names: Vec<&str> = settings.copied().chain(VARIABLES).collect();
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    for secret in secrets() {
        let search = Search::new(&secret);
        for name in &names {
            let mut home = home_with_key(&emulator);
            home.set(name, &secret.text);
            if *name == "ACSPASS_STORE_KEY_FILE" {
                home.set("ACSPASS_STORE", "file");
            }
            for words in READERS {
                let run = home.call(words).unswept().run();
                search.check(&format!("{name}, {words:?}"), &home, &run);
            }
        }
    }
}

#[test]
fn a_secret_anywhere_in_config_toml_is_shown_nowhere() {
    for secret in secrets() {
        let search = Search::new(&secret);
        let text = &secret.text;
        let mut files: Vec<String> = Setting::ALL
            .iter()
            .flat_map(|setting| {
                let key = setting.key();
                [
                    format!("[profile.default]\n{key} = \"{text}\"\n"),
                    format!("[profile.default]\n{key} = [\"{text}\"]\n"),
                    format!("[profile.default]\n{key} = {text}\n"),
                ]
            })
            .collect();
        files.extend([
            format!("default-profile = \"{text}\"\n"),
            format!("\"{text}\" = 1\n"),
            format!("[profile.\"{text}\"]\ntenant = \"contoso.com\"\n"),
            format!("[profile.\"{text}\"]\ntenant = 1\n"),
            format!("[profile.default]\n\"{text}\" = 1\n\"{text}\" = 2\n"),
            format!("[profile]\n\"{text}\" = 1\n"),
            format!("[profile.default]\ntenant = \"{text}\n"),
            format!("{text}\n"),
        ]);
        for file in files {
            let mut home = Home::new();
            home.set("ACSPASS_STORE", "memory");
            let slot = file.replace(text.as_str(), "SECRET");
            for words in [READERS[0], READERS[3], READERS[4], READERS[6], READERS[7]] {
                home.configure(&file);
                let run = home.call(words).unswept().run();
                // The file itself is the user's.
                std::fs::remove_file(home.config_file()).expect("the file");
                search.check(&format!("{slot}, {words:?}"), &home, &run);
            }
            home.configure(&file);
            let named = ["--profile", "work", "get"];
            let run = home.call(&named).unswept().run();
            std::fs::remove_file(home.config_file()).expect("the file");
            search.check(&format!("{slot}, {named:?}"), &home, &run);
        }
    }
}

#[test]
fn a_secret_on_standard_input_is_shown_nowhere() {
    let (mut home, _emulator) = Home::with_emulator();
    let key_file = home.path().join("key");
    std::fs::write(&key_file, random(32)).expect("a key file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&key_file, mode).expect("its mode");
    }
    home.set("ACSPASS_STORE", "file");
    home.set("ACSPASS_STORE_KEY_FILE", &key_file.to_string_lossy());
    let id = "ac5ba55e-0c11-4000-8000-0000000000a1";
    let exchange = ["token", "exchange", "--client-id", id, "--user-id", id];
    for secret in secrets() {
        let search = Search::new(&secret);
        let text = &secret.text;
        for typed in [
            text.clone(),
            format!("{text}\n"),
            format!("a word\n{text}\n"),
            format!("\u{feff}\"{text}\"\r\n"),
            format!("{{\"id\": \"{text}\"}}\n"),
            format!("{{\"token\": \"{text}\"\n"),
            format!("NAME={text}\n"),
            format!("Bearer {text}\n"),
        ] {
            for words in [
                &["inspect"][..],
                &["inspect", "-"],
                &["token", "exchange"],
                &exchange,
                &["user", "delete", "-"],
                &["config", "set", "connection-string"],
                &["login", "--paste", "--timeout=1s"],
            ] {
                for output in ["--output=text", "--output=json"] {
                    let words = [words, &[output]].concat();
                    let run = home.call(&words).unswept().typing(&typed).run();
                    let slot = typed.replace(text.as_str(), "SECRET");
                    search.check(&format!("{words:?} with {slot:?}"), &home, &run);
                }
            }
        }
    }
}

#[test]
fn a_wrong_value_of_a_setting_is_refused_and_not_written() {
    for secret in secrets() {
        let search = Search::new(&secret);
        for setting in Setting::ALL {
            let home = Home::new();
            let words = ["config", "set", setting.key(), &secret.text];
            let run = home.call(&words).unswept().run();
            assert_eq!(run.code, Some(2), "{}: {}", setting.key(), run.stderr);
            search.check(setting.key(), &home, &run);
            assert!(!home.config_file().exists(), "{}", setting.key());
        }
    }
    for value in ["/", "https://", "ftp://a.b", "https://a.b/c", "a b"] {
        for key in ["endpoint", "allow-endpoint"] {
            let home = Home::new();
            let run = home.run(&["config", "set", key, value]);
            // Two hosts are a list.
            if (key, value) == ("allow-endpoint", "a b") {
                continue;
            }
            run.assert_code(2);
            assert!(!home.config_file().exists(), "{key} {value}");
        }
    }
}

#[test]
fn a_list_of_ids_with_tokens_in_it_shows_none() {
    let (home, _emulator) = Home::with_emulator();
    let created = home.run(&["user", "create", "--scope", "chat"]);
    let (id, token) = created.stdout.trim().split_once('\n').expect("two lines");
    let delete = home.call(&["user", "delete", "-", "-o", "json"]);
    let run = delete.typing(&created.stdout).run();
    assert_eq!(run.code, Some(2));
    let json = run.json();
    assert_eq!(json["deleted"], serde_json::json!([id]));
    let described = format!("(a value of {} characters)", token.len());
    let described = described.replacen(&token.len().to_string(), &grouped(token.len()), 1);
    assert_eq!(json["failed"][0]["id"], described.as_str());
    assert!(!run.stderr.contains(&token[..40]));
}

fn grouped(count: usize) -> String {
    match count {
        0..1000 => count.to_string(),
        _ => format!("{},{:03}", count / 1000, count % 1000),
    }
}
