//! The ports of a second emulator.

use super::{home, start, stop};

/// Returns the port at the end of an address.
fn port(address: &serde_json::Value) -> &str {
    let address = address.as_str().expect("an address");
    address.rsplit(':').next().expect("a port")
}

#[test]
fn a_second_emulator_at_the_same_ports_is_refused_and_the_first_goes_on() {
    let home = home();
    let (first, ready) = start(&home, &[]);
    let (https, http) = (port(&ready["url"]), port(&ready["httpUrl"]));
    let (http_option, https_option) = (
        format!("--http-port={http}"),
        format!("--https-port={https}"),
    );

    let run = home.real(&["emulator", &https_option, &http_option]);
    run.assert_error(
        2,
        &[
            http,
            "an emulator runs there",
            "--https-port 0 --http-port 0",
        ],
    );
    let run = home.real(&["emulator", &https_option, "--http-port=0"]);
    run.assert_error(
        2,
        &[https, "`acspass emulator --https-port 0 --http-port 0`"],
    );

    let mut second = super::home();
    second.set(
        "ACSPASS_EMULATOR_URL",
        ready["httpUrl"].as_str().expect("a URL"),
    );
    second.real(&["emulator", "healthcheck"]).assert_code(0);
    stop(first);
    second.real(&["emulator", "healthcheck"]).assert_error(
        6,
        &[
            "no emulator responds at http",
            "(from ACSPASS_EMULATOR_URL)",
        ],
    );
}
