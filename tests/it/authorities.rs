//! Each variable that names certificate authorities adds to the others and to the system's.

use std::sync::Arc;

use acspass::emulator::{Emulator, Options};

use crate::harness::{Home, TestBrowser};

/// An emulator that serves https, and the file of its authority.
fn secure(home: &mut Home, name: &str) -> (Arc<Emulator>, String, String) {
    let options = Options {
        https_port: Some(0),
        takes_sibling_tokens: true,
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    home.sweep.watch(Arc::downgrade(&emulator));
    let pem = emulator.ca_pem().expect("an authority");
    let file = home.path().join(name);
    std::fs::write(&file, &pem).expect("a file");
    (emulator, file.display().to_string(), pem)
}

/// Entra at one emulator and ACS at another, both over https.
fn two() -> (Home, [Arc<Emulator>; 2], [String; 2], String) {
    let mut home = Home::new();
    let (entra, entra_ca, pem) = secure(&mut home, "entra.pem");
    let (acs, acs_ca, _) = secure(&mut home, "acs.pem");
    home.point_at(&entra);
    home.set("ACSPASS_STORE", "memory");
    home.set("AZURE_AUTHORITY_HOST", &entra.https_url().expect("https"));
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        &acs.connection_string(),
    );
    (home, [entra, acs], [entra_ca, acs_ca], pem)
}

#[test]
fn every_variable_adds_to_the_others() {
    for (one, other) in [
        ("SSL_CERT_FILE", "ACSPASS_CA_FILE"),
        ("ACSPASS_CA_FILE", "SSL_CERT_FILE"),
        ("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    ] {
        let (mut home, _emulators, [entra_ca, acs_ca], pem) = two();
        home.set(one, &entra_ca);
        home.set(other, &acs_ca);
        let run = home
            .call(&["get", "--interactive"])
            .by(&TestBrowser::trusting(&pem))
            .spawn()
            .end();
        run.token();
    }
}

#[test]
fn without_its_authority_the_error_says_what_to_set() {
    let (mut home, _emulators, [_, acs_ca], _) = two();
    home.set("ACSPASS_CA_FILE", &acs_ca);
    home.run(&["login"])
        .assert_error(6, &["is not trusted", "$(acspass emulator env)"]);
}

#[test]
fn an_unreadable_file_is_an_error_or_a_warning_as_the_contract_has_it() {
    let (mut home, _emulators, [entra_ca, _], pem) = two();
    home.set("SSL_CERT_FILE", &entra_ca);
    home.set("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem");
    let browser = TestBrowser::trusting(&pem);
    home.call(&["login"])
        .by(&browser)
        .run()
        .assert_code(0)
        .assert_says(&[
            "warning: could not read the CA file `/nowhere/ca.pem` in REQUESTS_CA_BUNDLE",
        ]);
    home.set("ACSPASS_CA_FILE", "/nowhere/ca.pem");
    home.run(&["login"])
        .assert_error(2, &["the CA file `/nowhere/ca.pem` in ACSPASS_CA_FILE"]);
}
