//! Another user of the same machine.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{AttackedService, on_each_service};

/// `nobody`, by convention.
const NOBODY: &str = "65534";

#[test]
fn another_user_reaches_neither_secret_nor_socket_nor_token() {
    on_each_service(attack_as_nobody);
}

fn attack_as_nobody(attacked: AttackedService<'_>) {
    let home = attacked.home;
    let service = &attacked.service;
    let socket = service.socket.clone().expect("a socket");
    let folder = socket.parent().expect("a folder").to_owned();
    let mode = |path: &Path| {
        let metadata = std::fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode(&folder), 0o700);
    for entry in std::fs::read_dir(&folder).expect("it is ours") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    // Only root can become somebody else; whoever else runs this has shown the modes.
    if rustix::process::getuid().is_root() {
        // Not the test's own folder may be what keeps them out.
        let mut outer = home.path();
        while outer.starts_with(std::env::temp_dir()) && outer != std::env::temp_dir() {
            let open = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(outer, open).expect("it is ours");
            outer = outer.parent().expect("a parent");
        }
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(home.path().join("state"), open).expect("it is ours");
        let (secret, socket) = (service.secret_file.display(), socket.display());
        for (script, is_allowed) in [
            // That it runs at all, and can open a connection to the port.
            (format!("exec 3<>/dev/tcp/127.0.0.1/{}", service.port), true),
            ("/usr/bin/python3 -c 'import socket'".to_owned(), true),
            (
                format!("ls -d {}", home.path().join("state").display()),
                true,
            ),
            (format!("cat {secret}"), false),
            (format!("ls {}", folder.display()), false),
            (format!("echo x > {secret}"), false),
            (format!("echo x > {}/other", folder.display()), false),
            (format!("rm -f {secret}"), false),
            (
                format!("mv {} {}.old", folder.display(), folder.display()),
                false,
            ),
            (format!("cat /proc/{}/environ", service.process.id()), false),
            (format!("cat /proc/{}/mem", service.process.id()), false),
            (format!("ls /proc/{}/fd/", service.process.id()), false),
            (format!("kill -INT {}", service.process.id()), false),
            (
                format!(
                    "/usr/bin/python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"{socket}\")'"
                ),
                false,
            ),
        ] {
            let run = Command::new("setpriv")
                .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
                .args(["--inh-caps=-all", "--no-new-privs", "bash", "-c", &script])
                .output()
                .expect("setpriv, of util-linux");
            let said = String::from_utf8_lossy(&run.stderr);
            assert_eq!(run.status.success(), is_allowed, "{script}: {said}");
            let out = String::from_utf8_lossy(&run.stdout);
            attacked.assert_holds_nothing(&script, &(out + said));
        }
        // Nor does the command line tell.
        let line = std::fs::read(format!("/proc/{}/cmdline", service.process.id()));
        let line = String::from_utf8_lossy(&line.expect("it runs")).into_owned();
        attacked.assert_holds_nothing("the command line", &line);
    }
    attacked.end();
}
