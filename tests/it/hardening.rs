//! The memory of the program's processes: core dumps, other processes of the same user, and what
//! the programs that it starts inherit.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::harness::users::{ADA, Ended, Machine, set_mode};

/// A service of Ada's that answers. It does not outlive the test.
struct Service(Child);

impl Service {
    /// Starts the program by this shell script, in which `$1` is the program.
    fn start(machine: &Machine, script: &str) -> Service {
        let home = machine.home(ADA);
        let mut child = ADA
            .command("sh")
            .args(["-euc", script, "sh"])
            .arg(machine.program())
            .env_clear()
            .envs([
                ("PATH", OsStr::new("/usr/bin:/bin")),
                ("HOME", home.as_os_str()),
                ("MARKER", OsStr::new("in-the-environment")),
            ])
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv and sh");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("text");
        let is_ready = ["127.0.0.1", "localhost"]
            .iter()
            .any(|host| line.contains(host));
        assert!(is_ready, "it is ready: {line}");
        Service(child)
    }

    /// Ends it by this signal.
    fn end(mut self, signal: &str) -> ExitStatus {
        let id = self.0.id().to_string();
        let sent = Command::new("/bin/kill").args(["-s", signal, &id]).status();
        assert!(sent.expect("kill, of util-linux or procps").success());
        self.0.wait().expect("it ends")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// No confinement keeps this one from writing a file.
const EMULATOR: &str =
    "ulimit -c unlimited; exec \"$1\" emulator --http-port 0 --https-port 0 -o json";
const SERVE: &str = "ulimit -c unlimited; exec \"$1\" serve --emulator --port 0 -o json";

#[test]
fn killed_service_leaves_no_core_dump_even_if_the_limit_is_raised() {
    let machine = Machine::new();
    let mut control = ADA.command("sh");
    control.args(["-c", "ulimit -c unlimited; kill -ABRT $$"]);
    control.current_dir(machine.home(ADA));
    let control = control.status().expect("a shell");
    assert!(control.core_dumped(), "this system writes cores: {control}");
    for (script, raise) in [SERVE, EMULATOR]
        .into_iter()
        .flat_map(|script| [(script, false), (script, true)])
    {
        let service = Service::start(&machine, script);
        if raise {
            let id = service.0.id().to_string();
            let raised = ADA
                .command("prlimit")
                .args(["--pid", &id, "--core=unlimited"])
                .status();
            assert!(raised.expect("prlimit, of util-linux").success());
        }
        let status = service.end("ABRT");
        assert_eq!(status.signal(), Some(6), "{status}");
        assert!(!status.core_dumped(), "{status}");
    }
}

#[test]
fn secrets_of_a_service_are_in_locked_memory_if_the_limit_permits_it() {
    let machine = Machine::new();
    for (limit, is_locked) in [("64", true), ("0", false)] {
        let doctor = "ulimit -l $2; exec \"$1\" doctor --offline --emulator";
        let mut doctor_run = ADA.command("sh");
        doctor_run
            .args(["-euc", doctor, "sh"])
            .arg(machine.program())
            .arg(limit)
            .env_clear()
            .env("HOME", machine.home(ADA));
        let output = doctor_run.output().expect("setpriv and sh");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = said.lines().find(|line| line.contains(" swap "));
        let word = if is_locked { "ok " } else { "warn " };
        assert!(line.is_some_and(|line| line.starts_with(word)), "{said}");

        // It answers without locked memory too.
        let service = Service::start(&machine, &format!("ulimit -l {limit}; {SERVE}"));
        let status = format!("/proc/{}/status", service.0.id());
        let status = fs::read_to_string(status).expect("it runs");
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:"));
        let locked = locked.expect("Linux reports it").trim();
        assert_eq!(locked != "0 kB", is_locked, "{locked}");
    }
}

#[test]
fn other_process_of_the_same_user_reads_neither_environment_nor_memory() {
    let machine = Machine::new();
    let read = "head -c 1 /proc/$1/environ; : < /proc/$1/mem";
    let can_read = |id: u32| {
        let mut reader = ADA.command("sh");
        reader.args(["-euc", read, "sh", &id.to_string()]);
        reader.output().expect("a shell").status.success()
    };
    let open = "echo 127.0.0.1; exec sleep 60";
    let open = Service::start(&machine, open);
    assert!(can_read(open.0.id()), "another program can be read");
    let service = Service::start(&machine, SERVE);
    assert!(!can_read(service.0.id()));
    for part in ["environ", "mem", "maps"] {
        let path = format!("/proc/{}/{part}", service.0.id());
        let output = ADA.command("cat").arg(path).output().expect("cat");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("Permission denied"), "{part}: {said}");
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", service.0.id()));
    let limits = limits.expect("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let words: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(words[4], "0", "{words:?}");
}

#[test]
fn command_under_exec_has_the_callers_core_limit_and_may_gain_privileges() {
    let machine = Machine::new();
    // `id` as a program that runs as root for all users.
    let setuid = machine.shared().join("id");
    fs::copy("/usr/bin/id", &setuid).expect("id, of coreutils");
    set_mode(&setuid, 0o4755);
    let script = "ulimit -S -c 1234; exec \"$0\" exec --emulator -- sh -c \
                  'ulimit -S -c; ulimit -H -c; \"$1\" -u; head -c 1 /proc/$$/environ | wc -c' sh \"$1\"";
    let limit = "ulimit -H -c";
    let hard = ADA.sh(limit, &[]);
    let run = |program: &Path| {
        let mut command = ADA.command("sh");
        command.args(["-euc", script]).arg(program).arg(&setuid);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", machine.home(ADA));
        Ended::of(&mut command)
    };
    let ended = run(machine.program());
    ended.assert_code(0);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    assert_eq!(lines, ["1234", hard.trim(), "0", "1"], "{ended:?}");
}
