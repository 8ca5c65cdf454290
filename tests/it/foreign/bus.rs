//! A session bus that another user runs at the address of the user's own, which has ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::run;
use crate::harness::users::{ADA, EVE, Machine};

/// Not one of a version manager, which other users may be unable to reach.
const PYTHON: &str = "/usr/bin/python3";

/// Listens at a path, or at an abstract name after `@`, and prints the first bytes of each caller.
/// Ends with its standard input.
const BUS: &str = r#"
import os, socket, sys, threading
at = sys.argv[1]
address = "\0" + at[1:] if at.startswith("@") else at
bus = socket.socket(socket.AF_UNIX)
bus.bind(address)
if not at.startswith("@"):
    os.chmod(at, 0o777)
bus.listen()
print("ready", flush=True)
def serve():
    while True:
        caller, _ = bus.accept()
        said = caller.recv(5)
        caller.close()
        if said == b"END":
            return
        print(said, flush=True)
server = threading.Thread(target=serve)
server.start()
sys.stdin.read()
# Callers are served in their order, so all that came before are.
last = socket.socket(socket.AF_UNIX)
last.connect(address)
last.sendall(b"END")
server.join()
"#;

struct Bus {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Bus {
    fn start(mut program: Command, at: &str) -> Self {
        let mut process = program
            .args(["-c", BUS, at])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv and python3");
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it prints");
        assert_eq!(line, "ready\n");
        Bus { process, output }
    }

    /// Stops it. Returns what its callers sent.
    fn end(mut self) -> String {
        let mut input = self.process.stdin.take().expect("it is piped");
        input.flush().expect("it reads");
        drop(input);
        let mut received = String::new();
        self.output.read_to_string(&mut received).expect("text");
        self.process.wait().expect("it ends");
        received
    }
}

#[test]
fn bus_of_another_user_at_the_users_address_receives_nothing() {
    let machine = Machine::new();
    let path = machine.shared().join("bus");
    let path = path.to_str().expect("a plain path");
    let name = format!("acspass-test-{}", std::process::id());
    for (at, address) in [
        (path.to_owned(), format!("unix:path={path}")),
        (format!("@{name}"), format!("unix:abstract={name}")),
    ] {
        let login = || {
            let settings = [
                ("ACSPASS_STORE", Path::new("keyring")),
                ("DBUS_SESSION_BUS_ADDRESS", Path::new(&address)),
            ];
            run(ADA, &machine, &settings, &["login", "--no-browser"])
        };
        let bus = Bus::start(EVE.command(PYTHON), &at);
        let refused = login();
        refused.assert_code(7);
        assert!(refused.stderr.contains("another user"), "{refused:?}");
        // It was connected to, and received nothing.
        assert_eq!(bus.end(), "b''\n", "{address}");
        EVE.sh("rm -f \"$1\"", &[Path::new(path)]);
        // The same program is a bus if the user runs it.
        let bus = Bus::start(ADA.command(PYTHON), &at);
        login().assert_code(7);
        assert!(bus.end().contains("AUTH"), "{address}");
        ADA.sh("rm -f \"$1\"", &[Path::new(path)]);
    }
}
