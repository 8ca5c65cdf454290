//! `serve --install` on a desktop without systemd: the autostart file, its status and its removal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::Home;

/// A profile that a service can start with.
const PROFILE: &str = r#"
[profile.default]
client-id = "11111111-2222-3333-4444-555555555555"
exchange = "entra"
endpoint = "https://contoso.communication.azure.com"
"#;

/// A home with a profile, a desktop, and no `systemctl`.
fn desktop() -> Home {
    let mut home = Home::new();
    home.configure(PROFILE);
    let path = home.path().display().to_string();
    home.set("HOME", &path);
    home.set("PATH", "/nowhere");
    home.set("XDG_CURRENT_DESKTOP", "XFCE");
    home
}

fn entry(home: &Home) -> PathBuf {
    home.path().join(".config/autostart/acspass.desktop")
}

#[test]
fn install_writes_a_valid_autostart_file_and_uninstall_removes_it() {
    let mut home = desktop();
    let state = home.path().join("a \\ state of 100% $HOME `x`");
    home.set("ACSPASS_STATE_DIR", &state.to_string_lossy());
    let run = home.run(&["serve", "--install", "--port", "8437"]);
    run.assert_code(0);
    assert!(
        run.stdout.contains("starts at the next login"),
        "{}",
        run.stdout
    );
    let text = fs::read_to_string(entry(&home)).expect("the file");
    assert!(text.contains(" \"serve\" \"--port\" \"8437\"\n"), "{text}");
    let checked = Command::new("desktop-file-validate")
        .arg(entry(&home))
        .output()
        .expect("desktop-file-validate, of the package desktop-file-utils");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.is_empty(), "{said}");

    let status = home.run(&["serve", "--status", "-o", "json"]).stdout;
    assert!(status.contains("\"installed\":true"), "{status}");
    let status = home.run(&["serve", "--status"]).stdout;
    assert!(status.contains("acspass.desktop"), "{status}");

    let json = home.run(&["serve", "--uninstall", "-o", "json"]).json();
    assert_eq!(json["removed"][0], entry(&home).display().to_string());
    let folder = entry(&home);
    let folder = folder.parent().expect("a folder");
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 0);
    home.run(&["serve", "--uninstall"])
        .assert_says(&["No service is installed."]);
}

#[test]
fn the_command_of_the_file_runs_with_the_same_words() {
    let mut home = desktop();
    let state = home.path().join("a \\ \"state\" of 100% $HOME `x`");
    home.set("ACSPASS_STATE_DIR", &state.to_string_lossy());
    home.run(&["serve", "--install"]).assert_code(0);
    let text = fs::read_to_string(entry(&home)).expect("the file");
    let line = text.lines().find_map(|line| line.strip_prefix("Exec="));
    // A shell reads the quotes of `Exec` as the specification has them.
    let command = line
        .expect("a command")
        .replace("\\\\", "\\")
        .replace("%%", "%");
    let command = command.replace("\"env\"", "set --");
    let words = Command::new("sh")
        .args(["-c", &format!("{command}; printf '%s\\n' \"$@\"")])
        .output()
        .expect("a shell");
    let words = String::from_utf8(words.stdout).expect("text");
    let state = format!("ACSPASS_STATE_DIR={}", state.display());
    assert!(words.lines().any(|word| word == state), "{words}");
    assert!(
        words
            .lines()
            .any(|word| word == env!("CARGO_BIN_EXE_acspass")),
        "{words}"
    );
}

#[test]
fn what_the_service_would_lack_is_refused_and_nothing_is_written() {
    let mut home = desktop();
    home.set("COMMUNICATION_SERVICES_ACCESSKEY", "c2VjcmV0LW1hcmtlcg==");
    home.run(&["serve", "--install"])
        .assert_error(2, &["COMMUNICATION_SERVICES_ACCESSKEY"]);
    home.unset("COMMUNICATION_SERVICES_ACCESSKEY");
    home.set("ACSPASS_TENANT_ID", "contoso.com");
    home.set("ACSPASS_SCOPES", "Teams.ManageCalls Teams.ManageChats");
    home.set("ACSPASS_EXCHANGE", "key");
    let variable = "COMMUNICATION_SERVICES_CONNECTION_STRING";
    let secret = "endpoint=https://contoso.communication.azure.com/;accesskey=c2VjcmV0";
    home.set(variable, secret);
    let run = home.run(&["serve", "--install"]);
    let scopes = "config set scopes 'Teams.ManageCalls Teams.ManageChats'";
    let hint = format!(
        "hint: Run `acspass config set tenant contoso.com`, `acspass {scopes}`, `acspass config set \
         exchange key` and `printenv {variable} | acspass config set connection-string` to save them in \
         the profile. Then run `unset ACSPASS_TENANT_ID ACSPASS_SCOPES ACSPASS_EXCHANGE {variable}`, and \
         this command again.\n"
    );
    run.assert_error(2, &[&hint]);
    run.assert_does_not_say("c2VjcmV0");
    // The commands can be pasted. There is no store for the secret here.
    let (_, hint) = run.stderr.split_once("hint: ").expect("a hint");
    let commands = hint.split('`').skip(1).step_by(2);
    let lines: Vec<&str> = commands.filter(|it| !it.contains("printenv")).collect();
    let lines = lines.join("\n");
    let program = Path::new(env!("CARGO_BIN_EXE_acspass"));
    let script = format!("set -e\nPATH=$1:$PATH\n{lines}\ntest -z \"$ACSPASS_TENANT_ID\"\n");
    let pasted = Command::new("sh")
        .args(["-c", &script, "sh"])
        .arg(program.parent().expect("a folder"))
        .env_clear()
        .envs(&home.variables)
        .env(
            "ACSPASS_CONFIG_DIR",
            home.config_file().parent().expect("a folder"),
        )
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("a shell");
    let said = String::from_utf8_lossy(&pasted.stderr);
    assert!(pasted.status.success(), "{script}: {said}");
    let settings = fs::read_to_string(home.config_file()).expect("the file");
    for line in [
        "tenant = \"contoso.com\"",
        "Teams.ManageCalls",
        "Teams.ManageChats",
    ] {
        assert!(settings.contains(line), "{settings}");
    }
    for variable in [
        "ACSPASS_TENANT_ID",
        "ACSPASS_SCOPES",
        "ACSPASS_EXCHANGE",
        variable,
    ] {
        home.unset(variable);
    }
    let folder = home.path().join("a\nExec=evil");
    home.set("ACSPASS_STATE_DIR", &folder.to_string_lossy());
    home.run(&["serve", "--install"])
        .assert_error(2, &["cannot be written into the definition of the service"]);
    assert!(!entry(&home).exists());
}

#[test]
fn without_a_desktop_the_missing_systemd_is_the_error() {
    let mut home = desktop();
    home.unset("XDG_CURRENT_DESKTOP");
    home.run(&["serve", "--install"])
        .assert_error(2, &["`systemctl` was not found"]);
    assert!(!entry(&home).exists());
}
