//! The development authority: real clients that trust it, and processes that are killed while they
//! replace it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use acspass::emulator::UserAgent;
use serde_json::Value;

use super::{home, start, state_folder, stop};
use crate::harness::Home;

const KILLS: u64 = 250;

fn folder(home: &Home) -> PathBuf {
    state_folder(home).join("emulator-ca")
}

fn https_url(ready: &Value) -> String {
    format!("{}/", ready["url"].as_str().expect("a URL"))
}

/// Requests the front page over https.
fn browse(ready: &Value, ca: &str) -> acspass::Result<u16> {
    let page = UserAgent::default().trusting(ca).browse(&https_url(ready));
    page.map(|page| page.status)
}

#[test]
fn authority_outlives_the_emulator_and_a_renewed_one_replaces_it() {
    let home = home();
    let path = home.real(&["emulator", "ca", "path"]);
    let path = path.assert_code(0).stdout.trim().to_owned();
    let first = std::fs::read_to_string(&path).expect("the certificate");
    for _ in 0..2 {
        let (running, ready) = start(&home, &[]);
        assert_eq!(ready["caFile"], path.as_str());
        assert_eq!(browse(&ready, &first).expect("it is trusted"), 200);
        stop(running);
    }
    home.real(&["emulator", "ca", "renew"])
        .assert_code(0)
        .assert_says(&["Restart a running"]);
    let second = std::fs::read_to_string(&path).expect("the certificate");
    let (running, ready) = start(&home, &[]);
    assert!(browse(&ready, &first).is_err(), "the old authority");
    assert_eq!(browse(&ready, &second).expect("the new one"), 200);
    stop(running);
}

#[test]
fn host_names_of_the_authority_are_fixed_until_it_is_renewed() {
    let home = home();
    home.real(&["emulator", "ca", "path"]).assert_code(0);
    let ports = ["--https-port=0", "--http-port=0", "--host-name=a.test"];
    let words = [&["emulator", "-o", "json"][..], &ports].concat();
    let run = home.real(&words);
    run.assert_code(2)
        .assert_says(&["acspass emulator ca renew --host-name a.test"]);
    home.real(&["emulator", "ca", "renew", "--host-name", "a.test"])
        .assert_code(0);
    let (running, _) = start(&home, &["--host-name=a.test"]);
    stop(running);
}

#[test]
fn own_certificate_is_served_and_another_key_is_refused() {
    let home = home();
    let pair = |name: &str| {
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
        let signed = signed.expect("a certificate");
        let paths = ["pem", "key"].map(|end| home.path().join(format!("{name}.{end}")));
        std::fs::write(&paths[0], signed.cert.pem()).expect("a file");
        std::fs::write(&paths[1], signed.signing_key.serialize_pem()).expect("a file");
        paths.map(|path| path.display().to_string())
    };
    let ([certificate, key], [_, other]) = (pair("one"), pair("two"));
    let (running, ready) = start(&home, &["--cert", &certificate, "--key", &key]);
    assert_eq!(ready["caFile"], Value::Null);
    let pem = std::fs::read_to_string(&certificate).expect("the certificate");
    assert_eq!(browse(&ready, &pem).expect("it is trusted"), 200);
    stop(running);
    let words = [
        "emulator",
        "--https-port=0",
        "--http-port=0",
        "--cert",
        &certificate,
        "--key",
        &other,
    ];
    home.real(&words)
        .assert_error(2, &["two.key", "is not the key of the certificate"]);
    assert!(!folder(&home).exists(), "no authority is made");
}

/// The kills come at instants that are spread over the run of `ca renew`, which other tests can make
/// slower.
#[test]
fn killed_renewal_leaves_the_old_authority_or_the_new_one() {
    let home = home();
    home.real(&["emulator", "ca", "path"]).assert_code(0);
    let started = Instant::now();
    home.real(&["emulator", "ca", "renew"]).assert_code(0);
    let whole = started.elapsed();
    let file = folder(&home).join("authority.json");
    let (mut replaced, mut before) = (0, std::fs::read(&file).expect("the authority"));
    for round in 0..KILLS {
        let mut renewal = Command::new(env!("CARGO_BIN_EXE_acspass"))
            .args(["emulator", "ca", "renew", "--quiet"])
            .env("ACSPASS_STATE_DIR", state_folder(&home))
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the program");
        // Steps that share no factor with the time of a renewal.
        let share = u32::try_from(round * 317 % 1000).expect("it is small");
        let until = Instant::now() + 3 * whole * share / 1000;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        renewal.kill().expect("it is killed");
        renewal.wait().expect("it ended");
        let content = std::fs::read(&file).expect("a whole authority");
        replaced += u64::from(content != before);
        before = content;
        let stored: Value = serde_json::from_slice(&before).expect("a whole authority");
        // The program checks that key and certificate belong together, and repairs the certificate.
        if round % 10 == 0 || replaced % 10 == 1 {
            let run = home.real(&["emulator", "ca", "path"]);
            let path = run.assert_code(0).stdout.trim().to_owned();
            let certificate = std::fs::read_to_string(path).expect("the certificate");
            assert_eq!(stored["certificate"], certificate.as_str());
        }
    }
    assert!(
        (1..KILLS).contains(&replaced),
        "{replaced} of {KILLS} were complete"
    );
    let left = std::fs::read_dir(folder(&home))
        .expect("the folder")
        .count();
    assert!(left <= 5, "the files and at most their drafts: {left}");
    let (running, ready) = start(&home, &[]);
    let ca = std::fs::read_to_string(ready["caFile"].as_str().expect("a path"));
    assert_eq!(
        browse(&ready, &ca.expect("the certificate")).expect("it is trusted"),
        200
    );
    stop(running);
}

#[test]
fn first_emulators_that_start_together_share_one_authority() {
    let home = home();
    let all: Vec<_> = (0..4).map(|_| start(&home, &[])).collect();
    let path = folder(&home).join("ca.pem");
    let ca = std::fs::read_to_string(path).expect("the certificate");
    for (running, ready) in all {
        assert_eq!(browse(&ready, &ca).expect("it is trusted"), 200);
        stop(running);
    }
}
