//! What is written, in which order it is started, and that nothing half done stays.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{Desk, free_port};

const START: [&str; 2] = [
    "daemon-reload",
    "enable --now acspass.socket acspass.service",
];
const STOP: &str = "disable --now acspass.socket acspass.service";

#[test]
fn the_units_are_written_and_started_and_systemd_reads_them() {
    let mut desk = Desk::new();
    let state = desk.home.path().join("a \\ state of 100% $HOME");
    let ca = desk.home.path().join("a \"CA\".pem");
    fs::write(&ca, "").expect("a file");
    desk.home.set("ACSPASS_STATE_DIR", &state.to_string_lossy());
    desk.home.set("NODE_EXTRA_CA_CERTS", &ca.to_string_lossy());
    desk.home
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
    let run = desk.home.run(&words);
    run.assert_code(0);
    assert!(run.stdout.contains("serve --uninstall"), "{}", run.stdout);
    assert_eq!(desk.orders(), START);
    let service = desk.unit("acspass.service");
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
    let socket = desk.unit("acspass.socket");
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
    assert_eq!(desk.left().len(), 2, "no draft stays: {:?}", desk.left());
    for path in desk.left() {
        let mode = fs::metadata(&path)
            .expect("it is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o644, "{path:?}");
    }
    // It says something about every line that it does not understand.
    let checked = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .args(desk.left())
        .env("HOME", desk.home.path())
        .env("XDG_RUNTIME_DIR", desk.home.path())
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .expect("systemd-analyze, of the package systemd");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && said.is_empty(), "{said}");
}

#[test]
fn the_profile_that_was_named_is_written_down() {
    let mut desk = Desk::new();
    let both = super::PROFILE.to_owned() + &super::PROFILE.replace("default", "\"my work\"");
    desk.home.configure(&both);
    desk.home.set("ACSPASS_PROFILE", "my work");
    let port = free_port();
    let run = desk.home.run(&["serve", "--install", "--port", &port]);
    run.assert_code(0);
    let service = desk.unit("acspass.service");
    assert!(
        service.contains(r#"" "--profile" "my work" "serve" "#),
        "{service}"
    );
}

#[test]
fn installing_again_stops_the_old_one_first() {
    let desk = Desk::new();
    let [first, second] = [free_port(), free_port()];
    for port in [&first, &second] {
        desk.home
            .run(&["serve", "--install", "--port", port])
            .assert_code(0);
    }
    let again: Vec<&str> = START.into_iter().chain([STOP]).chain(START).collect();
    assert_eq!(desk.orders(), again);
    let socket = desk.unit("acspass.socket");
    assert!(
        socket.contains(&second) && !socket.contains(&first),
        "{socket}"
    );
}

#[test]
fn a_service_that_does_not_start_is_taken_back() {
    let desk = Desk::new();
    desk.fails("enable --now");
    let run = desk
        .home
        .run(&["serve", "--install", "--port", &free_port()]);
    let said = [
        "enable --now acspass.socket acspass.service` failed",
        "told to fail",
        "journalctl",
        "nothing is installed",
    ];
    run.assert_error(2, &said);
    assert_eq!(desk.orders(), [START[0], START[1], STOP, "daemon-reload"]);
    assert_eq!(desk.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_port_that_is_taken_is_named_and_nothing_is_written() {
    let desk = Desk::new();
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = other.local_addr().expect("bound").port().to_string();
    let run = desk.home.run(&["serve", "--install", "--port", &port]);
    run.assert_error(2, &[&port, "nothing is installed"]);
    assert_eq!(desk.left(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn uninstalling_stops_it_and_leaves_nothing() {
    let desk = Desk::new();
    desk.home
        .run(&["serve", "--install", "--port", &free_port()])
        .assert_code(0);
    // As the real `enable` does.
    let wants = desk.units().join("default.target.wants");
    fs::create_dir(&wants).expect("a folder");
    std::os::unix::fs::symlink("../acspass.service", wants.join("acspass.service"))
        .expect("a link");
    desk.orders();
    let run = desk.home.run(&["serve", "--uninstall", "-o", "json"]);
    run.assert_code(0);
    assert_eq!(run.json()["removed"].as_array().map(Vec::len), Some(2));
    assert_eq!(desk.orders(), [STOP, "daemon-reload"]);
    assert_eq!(desk.left(), std::slice::from_ref(&wants));
    assert_eq!(fs::read_dir(wants).expect("the folder").count(), 0);
    let run = desk.home.run(&["serve", "--uninstall"]);
    run.assert_code(0).assert_says(&["nothing to remove"]);
    assert_eq!(desk.orders(), Vec::<String>::new());
}

#[test]
fn without_a_manager_the_files_still_go() {
    let desk = Desk::new();
    desk.home
        .run(&["serve", "--install", "--port", &free_port()])
        .assert_code(0);
    desk.fails("d");
    let run = desk.home.run(&["serve", "--uninstall"]);
    run.assert_code(0)
        .assert_says(&["it was not stopped", "told to fail"]);
    assert_eq!(desk.left(), Vec::<std::path::PathBuf>::new());
}
