//! `emulator exec --real-hosts`: a command for which Entra's hosts and ACS hosts are the emulator.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::deadline::wait_until;
use crate::harness::users::{ADA, Ended, Machine};

const ACSPASS: &str = env!("CARGO_BIN_EXE_acspass");

/// Runs a shell script by `emulator exec --real-hosts`, as the user or as root.
fn run(machine: &Machine, is_root: bool, script: &str) -> Ended {
    let home = machine.home(ADA);
    let mut command = match is_root {
        true => machine.acspass_as_root(&[("HOME", home.as_os_str())]),
        false => ADA.acspass(machine, &[]),
    };
    let program = machine.program().display().to_string();
    command.args(["emulator", "exec", "--real-hosts", "--", "sh", "-c", script]);
    Ended::of(command.args(["sh", &program]))
}

#[test]
fn hard_coded_hosts_are_the_emulator_for_root_and_for_a_user() {
    let machine = Machine::new();
    let script = "
        set -e
        unset SSL_CERT_FILE REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS
        id -u
        for host in login.microsoftonline.com login.windows.net login.microsoft.com sts.windows.net \
            login.microsoftonline.us; do
            curl -sS https://$host/contoso.example/v2.0/.well-known/openid-configuration |
                grep -o '\"issuer\":\"https://'$host'/[^\"]*\"'
        done
        for host in some.communication.azure.com some.europe.communication.azure.us; do
            curl -sS https://$host/identities | grep -o MethodNotAllowed
            curl -sS -o /dev/null -w '%{http_code}\\n' https://$host/common/oauth2/v2.0/authorize
        done
        curl -sS -o /dev/null -w '%{http_code}\\n' https://login.windows.net/identities
        curl -sS https://graph.microsoft.com/v1.0/users | grep -o InvalidAuthenticationToken
        \"$1\" user create
        echo \"$AZURE_AUTHORITY_HOST\"
        getent hosts example.com || echo no other
    ";
    for is_root in [false, true] {
        let ended = run(&machine, is_root, script);
        ended.assert_code(0);
        let mut lines = ended.stdout.lines();
        let id = if is_root { "0" } else { "61001" };
        assert_eq!(lines.next(), Some(id));
        assert_eq!(lines.by_ref().take(5).count(), 5, "{ended:?}");
        let services = [
            "MethodNotAllowed",
            "404",
            "MethodNotAllowed",
            "404",
            "404",
            "InvalidAuthenticationToken",
        ];
        let found: Vec<&str> = lines.by_ref().take(6).collect();
        assert_eq!(found, services, "{ended:?}");
        let identity = lines.next().expect("an identity");
        assert!(identity.starts_with("8:acs:"), "{ended:?}");
        assert_eq!(lines.next(), Some("https://login.microsoftonline.com"));
        assert_eq!(lines.next(), Some("no other"), "{ended:?}");
    }
}

#[test]
fn the_command_is_the_same_user_without_privileges() {
    let machine = Machine::new();
    let script = "id -u; id -g; grep CapEff /proc/self/status; echo x >\"$HOME/mine\"; exit 9";
    let ended = run(&machine, false, script);
    let status = "61001\n61001\nCapEff:\t0000000000000000\n";
    assert_eq!(ended.assert_code(9).stdout, status, "{ended:?}");
    let mine = machine.home(ADA).join("mine");
    assert_eq!(crate::harness::users::owner_and_mode(&mine).0, ADA.id);
}

/// The files of a process's mounts.
fn mounts(process: &str) -> String {
    std::fs::read_to_string(format!("/proc/{process}/mountinfo")).expect("its mounts")
}

fn resolved() -> Vec<u8> {
    let command = Command::new("getent")
        .args(["hosts", "login.microsoftonline.com"])
        .output();
    command.expect("getent, of the C library").stdout
}

/// Starts a command that waits, and returns both its processes: that of acspass and its own.
fn waiting(folder: &Path) -> (std::process::Child, String) {
    let mut command = Command::new(ACSPASS);
    command.args([
        "emulator",
        "exec",
        "--real-hosts",
        "--",
        "sh",
        "-c",
        "echo $$; exec sleep 600",
    ]);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", folder);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("acspass");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("its output");
    let mut reader = std::io::BufReader::new(stdout);
    std::io::BufRead::read_line(&mut reader, &mut line).expect("a line");
    (child, line.trim().to_owned())
}

#[test]
fn no_process_outside_is_affected_and_nothing_is_left_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, names) = (mounts("self"), resolved());
    let (mut acspass, command) = waiting(folder.path());
    assert!(
        mounts(&command).contains("/etc/hosts"),
        "{}",
        mounts(&command)
    );
    assert_eq!(mounts("self"), before);
    assert_eq!(resolved(), names);
    for port in [53, 443] {
        assert!(
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(),
            "port {port}"
        );
    }
    acspass.kill().expect("it is killed");
    acspass.wait().expect("it has ended");
    let process = format!("/proc/{command}");
    wait_until("the command ends too", || !Path::new(&process).exists());
    let left = std::fs::read_dir(folder.path())
        .expect("the folder")
        .count();
    assert_eq!(left, 0);
}

#[test]
fn many_have_the_same_hosts_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running: Vec<_> = (0..4).map(|_| waiting(folder.path())).collect();
    for (acspass, _) in &mut running {
        let stopped = Command::new("kill").arg(acspass.id().to_string()).status();
        assert!(stopped.expect("kill").success());
        assert_eq!(acspass.wait().expect("it ends").code(), Some(128 + 15));
    }
}

/// Runs `emulator exec --real-hosts` in a user namespace with this setting, by the shell's words before
/// it.
fn refused(setting: &str, before: &str) -> Ended {
    let script = format!(
        "echo 0 >/proc/sys/{} && {before} {ACSPASS} emulator exec --real-hosts -- true",
        setting.replace('.', "/")
    );
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", &script]);
    Ended::of(command.env_clear().env("PATH", "/usr/bin:/bin"))
}

#[test]
fn a_system_without_namespaces_is_refused_with_the_setting() {
    let setting = "user.max_net_namespaces";
    let ended = refused(setting, "");
    let hint = format!("hint: Run `sudo sysctl -w {setting}=");
    ended
        .assert_code(2)
        .assert_says(&["--real-hosts", setting, &hint]);
    let setting = "user.max_user_namespaces";
    let ended = refused(setting, "setpriv --bounding-set=-all --inh-caps=-all");
    let hint = format!("hint: Run `sudo sysctl -w {setting}=");
    ended
        .assert_code(2)
        .assert_says(&["--real-hosts", setting, &hint]);
}

#[test]
fn what_is_no_command_is_told_as_shells_tell_it() {
    for (word, code) in [("no-such-command-anywhere", 127), ("/", 126)] {
        let mut command = Command::new(ACSPASS);
        command.args(["emulator", "exec", "--real-hosts", "-o", "json", "--", word]);
        let ended = Ended::of(command.env_clear().env("PATH", "/usr/bin:/bin"));
        ended.assert_code(code);
        let error: serde_json::Value =
            serde_json::from_str(&ended.stderr).expect("one JSON object");
        assert_eq!(error["error"]["kind"], "usage", "{ended:?}");
    }
}
