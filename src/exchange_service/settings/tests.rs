use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::values::{ProofKind, Settings, UserRate};
use crate::error::Result;

const TENANT: &str = "AC5BA55E-7e4a-4000-8000-000000000001";
const CLIENT: &str = "ac5ba55e-0c11-4000-8000-0000000000a1";

fn environment(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let complete = [
        ("ACSPASS_EXCHANGE_TENANTS", TENANT),
        ("ACSPASS_EXCHANGE_CLIENTS", CLIENT),
        ("ACSPASS_EXCHANGE_AUDIENCE", "api://exchange"),
        (
            "COMMUNICATION_SERVICES_ENDPOINT",
            "https://contoso.communication.azure.com",
        ),
        ("ACSPASS_EXCHANGE_KEY_FILE", "/run/secrets/key"),
    ];
    let all = complete.iter().chain(changes);
    let all = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    all.collect()
}

fn read(changes: &[(&str, &str)]) -> Result<Settings> {
    Settings::read(&environment(changes), None)
}

#[test]
fn defaults_are_those_of_the_contract() {
    let settings = read(&[]).expect("complete");
    assert_eq!(settings.listen.service.to_string(), "127.0.0.1:8488");
    assert_eq!(settings.listen.metrics.to_string(), "127.0.0.1:8489");
    assert_eq!(settings.rules.tenants, [TENANT.to_lowercase()]);
    assert_eq!(settings.rules.scope, "access_as_user");
    assert_eq!(
        settings.authority.as_str(),
        "https://login.microsoftonline.com/"
    );
    assert_eq!(
        (settings.budget.per_window, settings.budget.replicas),
        (500, 1)
    );
    let rate = UserRate {
        per_minute: 12,
        burst: 5,
    };
    assert_eq!(settings.user_rate, rate);
    assert_eq!(settings.drain.minimum, Duration::from_secs(5));
    assert!(settings.on_behalf_of.is_none() && !settings.uses_custom_ids);
}

#[test]
fn each_invalid_setting_is_named() {
    for (changes, named) in [
        (
            &[("ACSPASS_EXCHANGE_TENANTS", "contoso.example")][..],
            "ACSPASS_EXCHANGE_TENANTS",
        ),
        (
            &[("ACSPASS_EXCHANGE_TENANTS", "")],
            "ACSPASS_EXCHANGE_TENANTS",
        ),
        (
            &[("ACSPASS_EXCHANGE_CLIENTS", ",")],
            "ACSPASS_EXCHANGE_CLIENTS",
        ),
        (
            &[("ACSPASS_EXCHANGE_AUDIENCE", "")],
            "ACSPASS_EXCHANGE_AUDIENCE",
        ),
        (
            &[(
                "ACSPASS_EXCHANGE_AUDIENCE",
                "https://auth.msft.communication.azure.com/",
            )],
            "ACSPASS_EXCHANGE_AUDIENCE",
        ),
        (
            &[("ACSPASS_EXCHANGE_LISTEN", "8488")],
            "ACSPASS_EXCHANGE_LISTEN",
        ),
        (
            &[("ACSPASS_EXCHANGE_LISTEN", "0.0.0.0:8488")],
            "ACSPASS_EXCHANGE_TLS_CERT",
        ),
        (
            &[("ACSPASS_EXCHANGE_PLAIN", "yes")],
            "ACSPASS_EXCHANGE_PLAIN",
        ),
        (
            &[("ACSPASS_EXCHANGE_TLS_CERT", "/c.pem")],
            "ACSPASS_EXCHANGE_TLS_KEY",
        ),
        (
            &[("ACSPASS_EXCHANGE_TLS_CLIENT_CA", "/c.pem")],
            "ACSPASS_EXCHANGE_TLS_KEY",
        ),
        (
            &[("ACSPASS_EXCHANGE_BUDGET", "0")],
            "ACSPASS_EXCHANGE_BUDGET",
        ),
        (
            &[
                ("ACSPASS_EXCHANGE_BUDGET", "2"),
                ("ACSPASS_EXCHANGE_REPLICAS", "3"),
            ],
            "ACSPASS_EXCHANGE_BUDGET",
        ),
        (
            &[("ACSPASS_EXCHANGE_USER_RATE", "12,5,1")],
            "ACSPASS_EXCHANGE_USER_RATE",
        ),
        (
            &[("ACSPASS_EXCHANGE_MIN_DRAIN", "soon")],
            "ACSPASS_EXCHANGE_MIN_DRAIN",
        ),
        (
            &[("AZURE_AUTHORITY_HOST", "http://login.example")],
            "AZURE_AUTHORITY_HOST",
        ),
        (
            &[("AZURE_AUTHORITY_HOST", "https://:hunter2@login.example")],
            "AZURE_AUTHORITY_HOST",
        ),
        (
            &[("AZURE_AUTHORITY_HOST", "https://login.example/#hunter2")],
            "AZURE_AUTHORITY_HOST",
        ),
        (
            &[("AZURE_AUTHORITY_HOST", "https://login.example/common")],
            "AZURE_AUTHORITY_HOST",
        ),
        (
            &[("ACSPASS_EXCHANGE_AUDIENCE", ",")],
            "ACSPASS_EXCHANGE_AUDIENCE",
        ),
        (
            &[("ACSPASS_EXCHANGE_SCOPE", "api://exchange/")],
            "ACSPASS_EXCHANGE_SCOPE",
        ),
        (
            &[("ACSPASS_EXCHANGE_SCOPE", "one two")],
            "ACSPASS_EXCHANGE_SCOPE",
        ),
        (&[("ACSPASS_CA_FILE", "/nowhere/ca.pem")], "ACSPASS_CA_FILE"),
        (&[("DATABASE_URL", "mysql://u:hunter2@h/d")], "DATABASE_URL"),
        (
            &[("ACSPASS_EXCHANGE_KEY_FILE", "")],
            "ACSPASS_EXCHANGE_KEY_FILE",
        ),
        (
            &[("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true")],
            "AZURE_CLIENT_ID",
        ),
        (
            &[("ACSPASS_EXCHANGE_CUSTOM_ID", "1")],
            "ACSPASS_EXCHANGE_CUSTOM_ID",
        ),
    ] {
        let error = read(changes).expect_err(named);
        let text = format!("{error} {}", error.hint());
        assert!(text.contains(named), "{changes:?}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn on_behalf_of_takes_the_certificate_of_the_principal() {
    let settings = read(&[
        ("ACSPASS_EXCHANGE_ON_BEHALF_OF", "true"),
        ("AZURE_CLIENT_ID", CLIENT),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/certificate.pem"),
    ]);
    let proof = settings
        .expect("complete")
        .on_behalf_of
        .expect("a credential");
    assert_eq!(
        proof.kind,
        ProofKind::Certificate("/certificate.pem".into())
    );
}

fn from_file(text: &str) -> Result<Settings> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("exchange.toml");
    std::fs::write(&path, text).expect("written");
    Settings::read(&environment(&[]), Some(&path))
}

#[test]
fn a_file_has_the_same_names_in_lower_case() {
    let settings = from_file(
        "acspass_exchange_tenants = [\"ac5ba55e-7e4a-4000-8000-000000000009\"]\n\
         acspass_exchange_budget = 90\nacspass_exchange_replicas = \"3\"\n",
    );
    let settings = settings.expect("valid");
    assert_eq!(settings.budget.fixed_share(), 30);
    // The environment has precedence.
    assert_eq!(settings.rules.tenants, [TENANT.to_lowercase()]);
}

#[test]
fn a_file_with_an_unknown_key_or_no_toml_is_refused_without_its_values() {
    for (text, named) in [
        (
            "acspass_exchange_tenant = \"hunter2\"",
            "`acspass_exchange_tenant`",
        ),
        ("ACSPASS_EXCHANGE_BUDGET = 3", "`ACSPASS_EXCHANGE_BUDGET`"),
        (
            "[acspass_exchange_budget]\nx = \"hunter2\"",
            "`acspass_exchange_budget`",
        ),
        ("azure_client_secret = hunter2", "TOML"),
    ] {
        let error = from_file(text).expect_err(named);
        assert!(error.message().contains(named), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let missing = Settings::read(&environment(&[]), Some(Path::new("/nowhere/exchange.toml")));
    assert!(
        missing
            .expect_err("no file")
            .message()
            .contains("/nowhere/exchange.toml")
    );
}
