//! The completion scripts in the shells: commands, options, accounts, profiles, settings, scopes. No
//! session bus is there, so a completion that opened the keyring would offer no account.

use std::path::Path;
use std::process::Command;

use acspass::account::{Account, EntraApplication};
use acspass::error::Result;
use acspass::secret::SecretBytes;
use acspass::store::{
    Activity, LockAttempt, LockTarget, MemoryStore, Record, SessionStore, TokenStore,
};

use crate::harness::{Home, Terminal};

const CLIENT: &str = "11111111-1111-4111-8111-111111111111";
const OTHER_CLIENT: &str = "22222222-2222-4222-8222-222222222222";

/// Names that must not reach a command line.
const HOSTILE: [&str; 6] = [
    "a b@contoso.com",
    "a$(touch opened)@contoso.com",
    "a`touch opened`@contoso.com",
    "a\"'@contoso.com",
    "a;touch opened",
    "-a@contoso.com",
];

/// Items in memory, listed as those of the keyring.
struct Keyring(MemoryStore);

impl TokenStore for Keyring {
    fn name(&self) -> &'static str {
        "keyring"
    }
    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        self.0.load(item)
    }
    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        self.0.save(item, value)
    }
    fn delete(&self, item: &str) -> Result<bool> {
        self.0.delete(item)
    }
    fn items(&self) -> Result<Vec<String>> {
        self.0.items()
    }
    fn is_persistent(&self) -> bool {
        true
    }
    fn removal_by_hand(&self, item: &str) -> String {
        self.0.removal_by_hand(item)
    }
}

/// A home with two profiles and four accounts, and with names that are not offered.
fn home() -> Home {
    let mut home = Home::new();
    let state = home.path().join("state");
    let sessions = SessionStore::new(Box::new(Keyring(MemoryStore::new())), Some(state.clone()));
    let accounts = ["ada@contoso.com", "adam@contoso.com", "ben@contoso.com"];
    let own = accounts.iter().chain(&HOSTILE).map(|name| (*name, CLIENT));
    for (place, (name, client)) in own.chain([("eve@fabrikam.com", OTHER_CLIENT)]).enumerate() {
        let account = Account {
            home_account_id: format!("{place}.tenant"),
            username: name.to_owned(),
            tenant_id: "tenant".to_owned(),
            object_id: place.to_string(),
        };
        let application =
            EntraApplication::new("login.microsoftonline.com", "organizations", client);
        let record = Record::new(application, account);
        let target = LockTarget::Session(record.key());
        let LockAttempt::Acquired(guard) = sessions.try_lock(&target, Activity::SigningIn).unwrap()
        else {
            panic!("the lock is taken");
        };
        sessions.save(&record, &guard).unwrap();
    }
    home.configure(&format!(
        "[profile.default]\nclient-id = \"{CLIENT}\"\n\n[profile.work]\nclient-id = \"{OTHER_CLIENT}\"\n\n\
         [profile.\"$(touch opened)\"]\n"
    ));
    let config = home.path().join("config").display().to_string();
    home.set("ACSPASS_CONFIG_DIR", &config);
    home.set("ACSPASS_STATE_DIR", &state.display().to_string());
    let program = Path::new(env!("CARGO_BIN_EXE_acspass"));
    let folder = program.parent().expect("a folder").display();
    home.set("PATH", &format!("{folder}:/usr/bin:/bin"));
    home.set("HOME", &home.path().display().to_string());
    home.set("LC_ALL", "C.UTF-8");
    home
}

/// Runs a script in a shell, in the home, and returns the lines of its output.
fn shell(home: &Home, shell: &str, arguments: &[&str]) -> Vec<String> {
    let out = Command::new(shell)
        .args(arguments)
        .env_clear()
        .envs(&home.variables)
        .current_dir(home.path())
        .output()
        .unwrap_or_else(|error| {
            panic!("{shell} does not start ({error}): tests/run.sh installs it")
        });
    let errors = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success() && errors.is_empty(),
        "{shell}: {errors}"
    );
    let text = String::from_utf8(out.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

/// A shell, and the function that returns its candidates for a line.
type Shell = (&'static str, fn(&Home, &str) -> Vec<String>);

const SHELLS: [Shell; 3] = [("bash", bash), ("zsh", zsh), ("fish", fish)];

/// Splits a line as bash does, and returns its COMPREPLY. The part of the word at the cursor that bash
/// keeps is put in front again: all up to the last break, but not an `@` there.
fn bash(home: &Home, line: &str) -> Vec<String> {
    const BREAKS: [char; 3] = ['@', ':', '='];
    let mut words = Vec::new();
    for word in line.split(' ') {
        let mut rest = word;
        while let Some(at) = rest.find(BREAKS) {
            words.extend((at > 0).then(|| rest[..at].to_owned()));
            words.push(rest[at..=at].to_owned());
            rest = &rest[at + 1..];
        }
        if !rest.is_empty() || word.is_empty() {
            words.push(rest.to_owned());
        }
    }
    let last = line.rsplit(' ').next().unwrap_or_default();
    let kept = last.rfind(BREAKS).map_or("", |at| &last[..=at]);
    let kept = kept.strip_suffix('@').unwrap_or(kept);
    let script = r#"
        set -u
        source <(acspass completions bash)
        complete -p acspass | grep -q -- '-F _acspass acspass' || exit 1
        COMP_WORDBREAKS=$' \t\n"\'><=;|&(:@' COMP_LINE=$1 COMP_POINT=${#1} COMP_CWORD=$(($# - 2))
        shift
        COMP_WORDS=("$@")
        _acspass
        for word in ${COMPREPLY[@]+"${COMPREPLY[@]}"}; do printf '%s\n' "$word"; done
    "#;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let arguments = [&["--norc", "-c", script, "bash", line], &words[..]].concat();
    let found = shell(home, "bash", &arguments);
    found.iter().map(|word| format!("{kept}{word}")).collect()
}

/// Calls the function of zsh with the parameters of its completion system.
fn zsh(home: &Home, line: &str) -> Vec<String> {
    let script = r#"
        compdef() { registered="$*" }
        _describe() { for value in "${(@P)3}"; do print -r -- "${${value//\\:/%}%%:*}"; done }
        _files() { print -r -- "<files>" }
        source <(acspass completions zsh)
        [[ $registered == "_acspass acspass" ]] || exit 1
        words=("$@") CURRENT=$# PREFIX=$@[-1]
        _acspass
    "#;
    let words: Vec<&str> = line.split(' ').collect();
    let arguments = [&["-f", "-c", script, "zsh"], &words[..]].concat();
    shell(home, "zsh", &arguments)
}

/// Asks fish, which has a command for it.
fn fish(home: &Home, line: &str) -> Vec<String> {
    let script = "acspass completions fish | source; complete --do-complete $argv[1]";
    let found = shell(home, "fish", &["--no-config", "-c", script, line]);
    let word = |line: &String| line.split('\t').next().unwrap_or_default().to_owned();
    found.iter().map(word).collect()
}

#[test]
fn shells_complete_commands_accounts_profiles_settings_and_scopes() {
    let home = home();
    let accounts = ["ada@contoso.com", "adam@contoso.com", "ben@contoso.com"];
    let settings = ["scopes", "store", "sign-in"];
    let scopes = [
        "chat,voip",
        "chat,chat.join",
        "chat,chat.join.limited",
        "chat,voip.join",
    ];
    let cases: [(&str, &[&str]); 16] = [
        ("acspass lo", &["login", "logout"]),
        ("acspass get --account a", &accounts[..2]),
        ("acspass get --account ada@c", &accounts[..1]),
        (
            "acspass get --account=ad",
            &["--account=ada@contoso.com", "--account=adam@contoso.com"],
        ),
        (
            "acspass get --account=ada@c",
            &["--account=ada@contoso.com"],
        ),
        ("acspass account switch ", &accounts),
        (
            "acspass --profile work account switch ",
            &["eve@fabrikam.com"],
        ),
        ("acspass config set s", &settings),
        (
            "acspass config set store ",
            &["keyring", "keyutils", "file", "memory"],
        ),
        ("acspass store migrate ", &["keyring", "keyutils", "file"]),
        ("acspass session export --account ada@", &accounts[..1]),
        ("acspass --profile w", &["work"]),
        ("acspass user create --scope chat,", &scopes),
        ("acspass access ", &["list", "grant", "revoke"]),
        (
            "acspass access grant --type ",
            &["user", "group", "tenant", "resource-account"],
        ),
        ("acspass setup ", &["--script"]),
    ];
    for (name, complete) in SHELLS {
        for (line, expected) in cases {
            assert_eq!(complete(&home, line), expected, "{name}: {line}");
        }
        let commands = complete(&home, "acspass help ");
        assert_eq!(commands[..3], ["login", "get", "exec"], "{name}");
        assert!(!home.path().join("opened").exists(), "{name} ran a name");
    }
}

#[test]
fn tab_in_an_interactive_bash_replaces_the_word_at_the_cursor() {
    let home = home();
    let start = home.path().join("start");
    let text = "PS1='at-the-shell> '\nbind 'set enable-bracketed-paste off'\n\
                source <(acspass completions bash)\n";
    std::fs::write(&start, text).unwrap();
    let start = start.display().to_string();
    let mut terminal = Terminal::run(&home, &["bash", "--rcfile", &start, "-i"]);
    // Each line ends as a comment, by Ctrl-A and `#`.
    for (typed, shown) in [
        ("acspass logi", "n "),
        ("acspass get --account b", "en@contoso.com "),
        ("acspass get --account ada@", "contoso.com "),
        ("acspass get --account=ben@c", "ontoso.com "),
        ("acspass get --account \"ben@", "contoso.com\" "),
        ("X=1 acspass --profile w", "ork "),
        ("acspass user create --scope chat,voip.", "join "),
    ] {
        terminal.sees("at-the-shell> ").types(&format!("{typed}\t"));
        terminal.sees(&format!("{typed}{shown}")).types("\u{1}#\n");
    }
    terminal.sees("at-the-shell> ").types("exit 0\n");
    terminal.ends(0);
}

#[test]
fn errors_complete_nothing_and_change_nothing() {
    let mut home = home();
    let state = home.path().join("state");
    let index = state.join("index.json");
    let complete = |home: &Home, words: &[&str]| {
        let run = home
            .call(&[&["__complete"], words].concat())
            .plainly()
            .run();
        run.assert_code(0);
        assert_eq!(run.stderr, "", "{words:?}");
        run.stdout
    };
    let switch: &[&str] = &["3", "--", "acspass", "account", "switch"];
    assert_eq!(complete(&home, switch).lines().count(), 3);
    for words in [
        &[][..],
        &["1"],
        &["x", "--", "acspass"],
        &["0", "--", "acspass"],
        &["3", "--", "acspass", "get"],
        &["18446744073709551615", "--", "acspass"],
        &["1", "acspass", "lo"],
    ] {
        assert_eq!(complete(&home, words), "", "{words:?}");
    }
    // A damaged index gives the entries that can be read, and stays.
    let whole = std::fs::read_to_string(&index).unwrap();
    let damaged = whole.replacen("adam@", "\u{0}", 1);
    std::fs::write(&index, &damaged).unwrap();
    assert_eq!(
        complete(&home, switch),
        "ada@contoso.com\nben@contoso.com\n"
    );
    assert_eq!(std::fs::read_to_string(&index).unwrap(), damaged);
    home.configure("not TOML");
    assert_eq!(complete(&home, switch), "");
    assert_eq!(complete(&home, &["2", "--", "acspass", "--profile"]), "");
    // Without any folder, commands are completed.
    home.unset("ACSPASS_CONFIG_DIR");
    home.set("ACSPASS_STATE_DIR", "/proc/none");
    assert_eq!(
        complete(&home, &["1", "--", "acspass", "vers"]),
        "version\tPrint the version\n"
    );
}

#[test]
fn each_shell_has_a_script_and_no_other_has() {
    let home = Home::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = home.call(&["completions", shell]).plainly().run();
        script.assert_code(0);
        assert!(
            script.stdout.contains("acspass __complete") || shell == "powershell",
            "{shell}"
        );
        assert!(script.stdout.contains("__complete"), "{shell}");
    }
    home.call(&["completions", "ksh"])
        .plainly()
        .run()
        .assert_code(2);
    assert!(!home.run(&["--help"]).stdout.contains("__complete"));
}
