//! Whole runs as data: every help text, usage errors as text and as JSON, and commands
//! without a signed-in account. `TRYCMD=overwrite cargo test --test cli` writes them anew.

#[test]
fn every_recorded_run_still_says_what_it_said() {
    let cases = trycmd::TestCases::new();
    // What the shell around the tests has set counts as unset, as an empty variable does. The two
    // that are missing here each run sets for itself.
    for name in [
        "ACSPASS_CONFIG_DIR",
        "ACSPASS_EXCHANGE",
        "ACSPASS_LOG",
        "ACSPASS_PROFILE",
        "ACSPASS_SCOPES",
        "ACSPASS_STATE_DIR",
        "ACSPASS_STORE",
        "ACSPASS_TENANT_ID",
        "AZURE_AUTHORITY_HOST",
        "AZURE_COMMUNICATION_CONNECTION_STRING",
        "COMMUNICATION_SERVICES_ACCESSKEY",
        "COMMUNICATION_SERVICES_ENDPOINT",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
    ] {
        cases.env(name, "");
    }
    cases.env("HOME", "/nowhere");
    cases.env("COLUMNS", "100");
    cases.case("tests/cli/*.trycmd");
}
