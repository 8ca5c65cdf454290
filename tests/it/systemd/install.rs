//! The unit files, the order of `systemctl` commands, and the clean-up after a failure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{SystemdHome, free_port};

const START: [&str; 2] = [
    "daemon-reload",
    "enable --now acspass.socket acspass.service",
];
const STOP: &str = "disable --now acspass.socket acspass.service";

#[test]
fn install_writes_valid_units_and_starts_them() {
    let mut systemd = SystemdHome::new();
    let state = systemd.home.path().join("a \\ state of 100% $HOME");
    let ca = systemd.home.path().join("a \"CA\".pem");
    fs::write(&ca, "").expect("a file");
    systemd
        .home
        .set("ACSPASS_STATE_DIR", &state.to_string_lossy());
    systemd
        .home
        .set("NODE_EXTRA_CA_CERTS", &ca.to_string_lossy());
    systemd
        .home
        .set("HTTPS_PROXY", "http://proxy.contoso.com:3128");
    let port = free_port();
    let origin = "https://app.contoso.com";
    let words = [
        "serve",
        "--install",
        "--port",
        &port,
        "--allow-origin",
        origin,
    ];
    let run = systemd.home.run(&words);
    run.assert_code(0);
    assert!(run.stdout.contains("serve --uninstall"), "{}", run.stdout);
    assert_eq!(systemd.orders(), START);
    let service = systemd.unit("acspass.service");
    let program = env!("CARGO_BIN_EXE_acspass");
    for line in [
        &format!(r#"ExecStart="{program}" "serve" "--port" "{port}" "--allow-origin" "{origin}""#),
        r#"Environment="HTTPS_PROXY=http://proxy.contoso.com:3128""#,
        "Type=notify",
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "WantedBy=default.target",
    ] {
        assert!(
            service.lines().any(|known| known == line),
            "{line} in {service}"
        );
    }
    let socket = systemd.unit("acspass.socket");
    for line in [
        &format!("ListenStream=127.0.0.1:{port}"),
        &format!("ListenStream=[::1]:{port}"),
        "WantedBy=sockets.target",
    ] {
        assert!(
            socket.lines().any(|known| known == line),
            "{line} in {socket}"
        );
    }
    assert!(state.join("serve").is_dir(), "the service cannot make it");
    assert_eq!(
        systemd.left().len(),
        2,
        "no draft stays: {:?}",
        systemd.left()
    );
    for path in systemd.left() {
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o644, "{path:?}");
    }
    // It reports every invalid line.
    let checked = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .args(systemd.left())
        .env("HOME", systemd.home.path())
        .env("XDG_RUNTIME_DIR", systemd.home.path())
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .expect("systemd-analyze, of the package systemd");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.is_empty(), "{said}");
}

#[test]
fn unit_contains_the_profile_of_the_command_line() {
    let mut systemd = SystemdHome::new();
    let both = super::PROFILE.to_owned() + &super::PROFILE.replace("default", "\"my work\"");
    systemd.home.configure(&both);
    systemd.home.set("ACSPASS_PROFILE", "my work");
    let port = free_port();
    let run = systemd.home.run(&["serve", "--install", "--port", &port]);
    run.assert_code(0);
    let service = systemd.unit("acspass.service");
    assert!(
        service.contains(r#"" "--profile" "my work" "serve" "#),
        "{service}"
    );
}

#[test]
fn second_install_stops_the_running_service_first() {
    let systemd = SystemdHome::new();
    let [first, second] = [free_port(), free_port()];
    for port in [&first, &second] {
        systemd
            .home
            .run(&["serve", "--install", "--port", port])
            .assert_code(0);
    }
    let again: Vec<&str> = START.into_iter().chain([STOP]).chain(START).collect();
    assert_eq!(systemd.orders(), again);
    let socket = systemd.unit("acspass.socket");
    assert!(
        socket.contains(&second) && !socket.contains(&first),
        "{socket}"
    );
}

#[test]
fn install_is_undone_if_the_service_does_not_start() {
    let systemd = SystemdHome::new();
    systemd.fails("enable --now");
    let run = systemd
        .home
        .run(&["serve", "--install", "--port", &free_port()]);
    let said = [
        "enable --now acspass.socket acspass.service` failed",
        "told to fail",
        "journalctl",
        "Nothing is installed.",
    ];
    run.assert_error(2, &said);
    assert_eq!(
        systemd.orders(),
        [START[0], START[1], STOP, "daemon-reload"]
    );
    assert_eq!(systemd.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn install_at_a_port_in_use_writes_nothing() {
    let systemd = SystemdHome::new();
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = other.local_addr().expect("bound").port().to_string();
    let run = systemd.home.run(&["serve", "--install", "--port", &port]);
    run.assert_error(2, &[&port, "Nothing is installed."]);
    assert_eq!(systemd.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn uninstall_stops_the_service_and_removes_all_files() {
    let systemd = SystemdHome::new();
    systemd
        .home
        .run(&["serve", "--install", "--port", &free_port()])
        .assert_code(0);
    // The real `enable` creates it.
    let wants = systemd.units().join("default.target.wants");
    fs::create_dir(&wants).expect("a folder");
    std::os::unix::fs::symlink("../acspass.service", wants.join("acspass.service"))
        .expect("a link");
    systemd.orders();
    let run = systemd.home.run(&["serve", "--uninstall", "-o", "json"]);
    run.assert_code(0);
    assert_eq!(run.json()["removed"].as_array().map(Vec::len), Some(2));
    assert_eq!(systemd.orders(), [STOP, "daemon-reload"]);
    assert_eq!(systemd.left(), std::slice::from_ref(&wants));
    assert_eq!(fs::read_dir(wants).expect("the folder").count(), 0);
    let run = systemd.home.run(&["serve", "--uninstall"]);
    run.assert_code(0).assert_says(&["No service is installed"]);
    assert_eq!(systemd.orders(), Vec::<String>::new());
}

#[test]
fn uninstall_disables_the_unit_of_a_package() {
    let systemd = SystemdHome::new();
    let wants = systemd.units().join("default.target.wants");
    fs::create_dir_all(&wants).expect("a folder");
    let link = wants.join("acspass.service");
    std::os::unix::fs::symlink("/usr/lib/systemd/user/acspass.service", &link).expect("a link");
    let run = systemd.home.run(&["serve", "--uninstall"]);
    run.assert_code(0)
        .assert_says(&["Stopped and removed the service."]);
    assert!(link.symlink_metadata().is_err(), "the link is left");
    assert_eq!(systemd.orders(), [STOP, "daemon-reload"]);
}

#[test]
fn uninstall_without_a_manager_removes_the_files() {
    let systemd = SystemdHome::new();
    systemd
        .home
        .run(&["serve", "--install", "--port", &free_port()])
        .assert_code(0);
    systemd.fails("d");
    let run = systemd.home.run(&["serve", "--uninstall"]);
    run.assert_code(0)
        .assert_says(&["the service was not stopped", "told to fail"]);
    assert_eq!(systemd.left(), Vec::<std::path::PathBuf>::new());
}
