//! A home of its own for every test: folders, an environment that begins empty, and calls of the
//! command in this process or as a process of its own, each swept for secrets when it ends.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use acspass::cli::{self, Environment, Folders, Input};
use acspass::emulator::{Emulator, Options, Page};
use acspass::time::{Clock, SystemClock};
use serde_json::Value;
use tempfile::TempDir;

use super::browser::TestBrowser;
use super::process::Process;
use super::secret_service::SecretService;
use super::sweep::Sweep;

/// Commands whose result may be tokens.
const GIVES_TOKENS: [&str; 4] = ["get", "user", "token", "api"];

/// See the module.
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) sweep: Sweep,
    keyring: Option<SecretService>,
}

impl Home {
    /// A home with nothing in it, and an environment that names it and nothing else. Without `HOME`, the
    /// real program would use the folders of the developer.
    pub(crate) fn new() -> Home {
        let folder = tempfile::tempdir().expect("a home");
        let home = folder.path().display().to_string();
        Home {
            folder,
            variables: BTreeMap::from([("HOME".to_owned(), home)]),
            sweep: Sweep::default(),
            keyring: None,
        }
    }

    /// A home whose environment leads to a new emulator. The store is memory.
    pub(crate) fn with_emulator() -> (Home, Arc<Emulator>) {
        // A resource goes on where its users' authority changes.
        let options = Options {
            takes_sibling_tokens: true,
            ..Options::default()
        };
        let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
        let mut home = Home::new();
        home.point_at(&emulator);
        home.set("ACSPASS_STORE", "memory");
        (home, emulator)
    }

    /// The same over a Secret Service of its own.
    pub(crate) fn with_keyring() -> (Home, Arc<Emulator>) {
        let (mut home, emulator) = Home::with_emulator();
        home.use_keyring(SecretService::start());
        (home, emulator)
    }

    pub(crate) fn use_keyring(&mut self, keyring: SecretService) {
        self.variables.extend(keyring.env());
        let home = self.path().display().to_string();
        self.set("HOME", &home);
        self.variables.remove("ACSPASS_STORE");
        self.keyring = Some(keyring);
    }

    pub(crate) fn keyring(&self) -> &SecretService {
        self.keyring.as_ref().expect("a home with a keyring")
    }

    /// Points the environment at this emulator, and sweeps for its secrets from now on.
    pub(crate) fn point_at(&mut self, emulator: &Arc<Emulator>) {
        self.sweep.watch(Arc::downgrade(emulator));
        self.set("AZURE_AUTHORITY_HOST", &emulator.http_url());
        self.set("ACSPASS_TENANT_ID", emulator.tenant_id());
        self.set("ACSPASS_CLIENT_ID", emulator.client_id());
        self.set(
            "COMMUNICATION_SERVICES_CONNECTION_STRING",
            &emulator.http_connection_string(),
        );
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The kept metadata of Entra, of calls in this process or of the real program.
    pub(crate) fn metadata_file(&self) -> PathBuf {
        let places = ["state", ".local/state/acspass"];
        let mut files = places.map(|place| self.path().join(place).join("metadata.json"));
        files.sort_by_key(|file| !file.exists());
        let [file, _] = files;
        file
    }

    /// Lets the next renewal request Entra's metadata.
    pub(crate) fn forget_metadata(&self) {
        let file = self.metadata_file();
        if file.exists() {
            std::fs::remove_file(file).expect("it is removed");
        }
    }

    /// The configuration file of calls in this process.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.path().join("config/config.toml")
    }

    /// Writes the configuration file of calls in this process.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.path().join("config")).expect("a folder");
        std::fs::write(self.config_file(), text).expect("the file");
    }

    /// A call, still to be made: at `-vv`, without terminal, without browser.
    pub(crate) fn call(&self, arguments: &[&str]) -> Call<'_> {
        Call {
            home: self,
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
            is_verbose: true,
            is_swept: true,
            browser: None,
            typed: Box::new(std::io::empty()),
            at_terminal: false,
            clock: Arc::new(SystemClock),
            stderr: Sink::default(),
        }
    }

    /// Calls in this process with a browser that fails the test where it is opened.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.call(arguments).by(&TestBrowser::never()).run()
    }

    /// Calls the real program.
    pub(crate) fn real(&self, arguments: &[&str]) -> Run {
        self.call(arguments).spawn().end()
    }

    /// Signs the first user in by the real program.
    pub(crate) fn login(&self) -> Run {
        self.login_as(&TestBrowser::walking())
    }

    pub(crate) fn login_as(&self, browser: &Arc<TestBrowser>) -> Run {
        let run = self.call(&["login"]).by(browser).spawn().end();
        run.assert_code(0);
        run
    }

    /// Sweeps what a call left behind. The result of some commands is a token by design, and an
    /// emulator's own line tells its worthless key.
    pub(crate) fn sweep_run(&self, arguments: &[String], run: &Run) {
        let sweep = &self.sweep;
        let command = arguments.iter().find(|word| !word.starts_with('-'));
        let mut stdout = run.stdout.clone();
        if command.is_some_and(|command| GIVES_TOKENS.contains(&command.as_str())) {
            for token in run.tokens() {
                sweep.add(&token);
                stdout = stdout.replacen(&token, "", 1);
            }
        }
        if command.is_none_or(|command| command != "emulator") {
            sweep.bytes("standard output", stdout.as_bytes());
        }
        sweep.bytes("standard error", run.stderr.as_bytes());
        for (place, word) in arguments.iter().enumerate() {
            sweep.bytes(&format!("argument {place}"), word.as_bytes());
        }
        for page in &run.pages {
            sweep.bytes("a page", page.html.as_bytes());
            let headers = format!("{} {:?}", page.url, page.headers);
            sweep.bytes("a page's address or headers", headers.as_bytes());
        }
        sweep.files(self.path());
    }
}

/// A call of the command.
pub(crate) struct Call<'h> {
    pub(super) home: &'h Home,
    pub(super) arguments: Vec<String>,
    is_verbose: bool,
    is_swept: bool,
    pub(super) browser: Option<Arc<TestBrowser>>,
    typed: Box<dyn Read + Send>,
    at_terminal: bool,
    clock: Arc<dyn Clock>,
    stderr: Sink,
}

impl<'h> Call<'h> {
    /// With this browser.
    pub(crate) fn by(mut self, browser: &Arc<TestBrowser>) -> Self {
        self.browser = Some(browser.clone());
        self
    }

    /// Exactly as given, without `-vv`.
    pub(crate) fn plainly(mut self) -> Self {
        self.is_verbose = false;
        self
    }

    /// Without the sweep, for tests that search by themselves. For calls in this process.
    pub(crate) fn unswept(mut self) -> Self {
        self.is_swept = false;
        self
    }

    /// With this on standard input. For calls in this process.
    pub(crate) fn typing(mut self, text: &str) -> Self {
        self.typed = Box::new(Cursor::new(text.as_bytes().to_vec()));
        self
    }

    /// With what this gives on standard input, when it is read. For calls in this process.
    pub(crate) fn reading(mut self, source: impl Read + Send + 'static) -> Self {
        self.typed = Box::new(source);
        self
    }

    /// Watched on standard error while it runs. For calls in this process.
    pub(crate) fn watched(&self) -> Watch {
        Watch(self.stderr.clone())
    }

    /// As from a terminal. For calls in this process.
    pub(crate) fn at_terminal(mut self) -> Self {
        self.at_terminal = true;
        self
    }

    /// By this clock. For calls in this process.
    pub(crate) fn by_clock(mut self, clock: &(impl Clock + Clone + 'static)) -> Self {
        self.clock = Arc::new(clock.clone());
        self
    }

    pub(super) fn words(&self) -> Vec<String> {
        let mut words = self.arguments.clone();
        if self.is_verbose {
            words.push("-vv".to_owned());
            let may_wait = words[0] == "login" || words[0] == "get";
            if may_wait && !words.iter().any(|word| word.starts_with("--timeout")) {
                // A test whose browser loses its way fails soon.
                words.push("--timeout=30s".to_owned());
            }
        }
        words
    }

    /// Calls in this process.
    pub(crate) fn run(self) -> Run {
        let (stdout, stderr) = (Sink::default(), self.stderr.clone());
        let words = self.words();
        let arguments = std::iter::once("acspass".to_owned()).chain(words.clone());
        let home = self.home.path();
        let mut environment = self.home.variables.clone();
        if self.at_terminal {
            environment.insert("NO_COLOR".to_owned(), "1".to_owned());
        }
        let variables = environment.into_iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        let stdin = Input::new(self.typed, self.at_terminal);
        let mut env = Environment::new(variables, stdin, stderr.clone());
        env.folders = Some(Folders {
            config: home.join("config"),
            state: home.join("state"),
        });
        env.stderr_is_terminal = self.at_terminal;
        env.stderr_size = self.at_terminal.then_some((80, 24));
        env.clock = self.clock;
        env.browser = self.browser.clone().map(|browser| browser as _);
        env.program = Some(PathBuf::from(env!("CARGO_BIN_EXE_acspass")));
        let code = cli::run(arguments.map(Into::into).collect(), env, stdout.clone());
        let run = Run {
            code: Some(code.into()),
            stdout: stdout.text(),
            stderr: without_addresses(&stderr.text()),
            pages: self
                .browser
                .map(|browser| browser.pages())
                .unwrap_or_default(),
        };
        if self.is_swept {
            self.home.sweep_run(&words, &run);
        }
        run
    }

    /// Starts the real program.
    pub(crate) fn spawn(self) -> Process<'h> {
        let mut program = Command::new(env!("CARGO_BIN_EXE_acspass"));
        Process::start(&mut program, self, "cargo builds it")
    }

    /// Starts another program that is given the real one; `install` says how to come by it.
    pub(crate) fn spawn_under(self, program: &mut Command, install: &str) -> Process<'h> {
        Process::start(program, self, install)
    }
}

/// What a call brought.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The pages that the browser ended on.
    pub(crate) pages: Vec<Page>,
}

impl Run {
    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Run {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        if code != 0 && code != 4 {
            assert_eq!(self.stdout, "", "a failure prints no result");
        }
        self
    }

    /// Fails unless all of these are said on standard error.
    #[track_caller]
    pub(crate) fn assert_says(&self, words: &[&str]) -> &Run {
        for word in words {
            assert!(
                self.stderr.contains(word),
                "no `{word}` in: {}",
                self.stderr
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn assert_does_not_say(&self, words: &str) -> &Run {
        assert!(
            !self.stderr.contains(words),
            "`{words}` in: {}",
            self.stderr
        );
        self
    }

    /// An error of this exit code, with a next step, and nothing on standard output.
    #[track_caller]
    pub(crate) fn assert_error(&self, code: i32, words: &[&str]) -> &Run {
        assert_eq!(self.stdout, "", "a failure prints no result");
        self.assert_code(code).assert_says(words);
        self.assert_says(&["error: ", "\n\nhint: "])
    }

    /// The token that was printed, and nothing beside it.
    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.assert_code(0);
        let tokens = self.tokens();
        let token = tokens.first().expect("a token").clone();
        assert_eq!(
            self.stdout,
            format!("{token}\n"),
            "a token and nothing else"
        );
        assert_eq!(token.split('.').count(), 3, "a token of three parts");
        token
    }

    /// Every token where a result has one: the end of a line, or a member `token` of the JSON.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        match serde_json::from_str::<Value>(&self.stdout) {
            Ok(json) => members_named_token(&json, &mut tokens),
            Err(_) => {
                let ends = self
                    .stdout
                    .lines()
                    .filter_map(|line| line.rsplit([' ', '=']).next());
                let ends = ends.filter(|end| end.starts_with("eyJ"));
                tokens.extend(ends.map(str::to_owned));
            }
        }
        tokens
    }

    /// The one JSON object on standard output, in one line.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "one line: {}", self.stdout);
        serde_json::from_str(&self.stdout).expect("JSON")
    }

    /// The error object, the last line on standard error.
    #[track_caller]
    pub(crate) fn json_error(&self) -> Value {
        let last = self.stderr.lines().last().expect("an error");
        let json: Value = serde_json::from_str(last).expect("JSON");
        json["error"].clone()
    }
}

fn members_named_token(json: &Value, found: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().filter(|_| name == "token") {
                    Some(token) => found.push(token.to_owned()),
                    None => members_named_token(member, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                members_named_token(item, found);
            }
        }
        _ => {}
    }
}

/// What a call in this process has said so far.
pub(crate) struct Watch(Sink);

impl Watch {
    /// Waits until something to paste was asked for this many times, and returns the address that
    /// was printed last; `None` if that does not happen.
    pub(crate) fn asks_for_paste(&self, times: usize) -> Option<String> {
        let asked = |text: &str| {
            text.matches("paste it here").count() + text.matches("Paste it again").count() >= times
        };
        self.0.wait_until(asked).then(|| self.address()).flatten()
    }

    /// The sign-in address that was printed last.
    pub(crate) fn address(&self) -> Option<String> {
        let text = self.0.text();
        let address = text.lines().rev().find(|line| is_address(line));
        address.map(|line| line.trim().to_owned())
    }
}

/// The address that `--paste` prints on a line of its own carries state and nonce by design; it is
/// cut out before the sweep, as every sign-in address is.
fn without_addresses(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .map(|line| match is_address(line) {
            true => "  (the address)\n",
            false => line,
        })
        .collect()
}

fn is_address(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("http")
        && (line.contains("/oauth2/v2.0/authorize?") || line.ends_with("/sign-in"))
}

/// A stream that is kept.
#[derive(Clone, Default)]
struct Sink(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().clone()).expect("text")
    }

    /// Waits until the text is so; `false` if it is not within a minute.
    fn wait_until(&self, is_so: impl Fn(&str) -> bool) -> bool {
        let bytes = self.0.0.lock().unwrap();
        let differs = |bytes: &mut Vec<u8>| !is_so(&String::from_utf8_lossy(bytes));
        let minute = Duration::from_secs(60);
        let (_bytes, wait) = self.0.1.wait_timeout_while(bytes, minute, differs).unwrap();
        !wait.timed_out()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.0.lock().unwrap().extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
