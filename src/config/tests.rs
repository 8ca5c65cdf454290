//! Precedence as a table, and what a file may not hold.

use std::collections::BTreeMap;

use super::*;
use crate::error::{Kind, Result};
use crate::secret::AccessKey;

const KEY: &str = "c2VjcmV0LW1hcmtlcg==";

fn file(text: &str) -> Result<ConfigFile> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).expect("written");
    ConfigFile::read(path)
}

fn profile(text: &str) -> Profile {
    file(text)
        .expect("a good file")
        .profile("default")
        .unwrap_or_default()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn resolve(
    flags: &[(Setting, &str)],
    environment: &[(&str, &str)],
    profile: &Profile,
) -> Result<Config> {
    let flags = flags
        .iter()
        .map(|(setting, text)| (*setting, (*text).to_owned()))
        .collect();
    Config::resolve(
        "default".to_owned(),
        &Sources {
            flags: &flags,
            ..Sources::new(&map(environment), profile)
        },
    )
}

#[test]
fn flag_beats_environment_beats_profile_beats_default() {
    let set = profile("[profile.default]\ntenant = \"profile.example\"\n");
    let none = Profile::default();
    let flag: &[(Setting, &str)] = &[(Setting::Tenant, "flag.example")];
    let variable: &[(&str, &str)] = &[("ACSPASS_TENANT_ID", "environment.example")];
    let empty: &[(&str, &str)] = &[("ACSPASS_TENANT_ID", "")];
    for (flags, environment, profile, expected) in [
        (flag, variable, &set, "flag.example"),
        (flag, &[], &none, "flag.example"),
        (&[], variable, &set, "environment.example"),
        (&[], variable, &none, "environment.example"),
        (&[], &[], &set, "profile.example"),
        (&[], empty, &set, "profile.example"),
        (&[], &[], &none, "organizations"),
    ] {
        let config = resolve(flags, environment, profile).expect(expected);
        assert_eq!(config.authority.tenant(), expected);
    }
}

#[test]
fn a_resource_is_found_in_its_order() {
    let text = format!("endpoint=https://one.communication.azure.com/;accesskey={KEY}");
    let other = format!("endpoint=https://two.communication.azure.com/;accesskey={KEY}");
    let stored = profile(
        "[profile.default]\nendpoint = \"https://four.communication.azure.com\"\nconnection-string = \"stored\"\n",
    );
    let endpoint = |config: Config| {
        let resource = config.resource_unchecked().expect("a resource");
        (resource.endpoint.as_str().to_owned(), resource.key)
    };
    let all = [
        ("COMMUNICATION_SERVICES_CONNECTION_STRING", text.as_str()),
        ("AZURE_COMMUNICATION_CONNECTION_STRING", other.as_str()),
        (
            "COMMUNICATION_SERVICES_ENDPOINT",
            "https://three.communication.azure.com",
        ),
        ("COMMUNICATION_SERVICES_ACCESSKEY", KEY),
    ];
    let given = KeySource::Given(AccessKey::new(KEY));
    for (skip, name, key) in [
        (0, "one", &given),
        (1, "two", &given),
        (2, "three", &given),
        (4, "four", &KeySource::Stored),
    ] {
        let found = endpoint(resolve(&[], &all[skip..], &stored).expect(name));
        assert_eq!(found.0, format!("https://{name}.communication.azure.com"));
        assert_eq!(found.1, *key);
    }
    let without_key = resolve(&[], &all[2..3], &stored).expect("good");
    assert_eq!(endpoint(without_key).1, KeySource::None);
}

#[test]
fn a_wrong_value_names_its_origin_and_shows_no_secret() {
    let broken = format!("endpoint=https://a.b/x;accesskey={KEY}");
    let error = resolve(
        &[],
        &[("COMMUNICATION_SERVICES_CONNECTION_STRING", &broken)],
        &Profile::default(),
    )
    .expect("nothing reads it yet")
    .resource_unchecked()
    .expect_err("a path");
    let text = format!("{error:?}");
    assert!(text.contains("COMMUNICATION_SERVICES_CONNECTION_STRING"));
    assert!(!text.contains(KEY));
    let error = resolve(&[], &[("ACSPASS_CLIENT_ID", "x")], &Profile::default());
    let text = format!("{:?}", error.expect_err("not a GUID"));
    assert!(text.contains("ACSPASS_CLIENT_ID"), "{text}");
}

#[test]
fn scopes_are_completed_sorted_and_counted_once() {
    let scopes =
        parse_scopes("Teams.ManageChats,Teams.ManageCalls Teams.ManageChats https://x.test/a");
    assert_eq!(
        scopes.expect("scopes"),
        [
            "https://auth.msft.communication.azure.com/Teams.ManageCalls",
            "https://auth.msft.communication.azure.com/Teams.ManageChats",
            "https://x.test/a",
        ]
    );
    assert!(parse_scopes(" , ").is_err());
}

#[test]
fn an_unknown_key_or_a_wrong_type_is_an_error_that_names_it() {
    for (text, name) in [
        (
            "[profile.default]\ntennant = \"x\"\n",
            "profile.default.tennant",
        ),
        ("tenant = \"x\"\n", "tenant"),
        ("[profile.default]\nport = \"80\"\n", "profile.default.port"),
        (
            "[profile.default]\nscopes = \"x\"\n",
            "profile.default.scopes",
        ),
        ("profile = 3\n", "profile"),
        ("[profile]\nwork = 3\n", "profile.work"),
        ("[profile.default\n", "line 1"),
    ] {
        let error = file(text).map(|_| ()).expect_err(text);
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(name), "{}", error.message());
    }
}

#[test]
fn a_secret_in_the_file_is_refused_unrepeated() {
    let text = format!("[profile.default]\nconnection-string = \"endpoint=x;accesskey={KEY}\"\n");
    let error = file(&text).map(|_| ()).expect_err("a secret");
    assert!(!format!("{error:?}").contains(KEY));
    let broken = format!("[profile.default]\nconnection-string = endpoint=x;accesskey={KEY}\n");
    let error = file(&broken).map(|_| ()).expect_err("not TOML");
    assert!(!format!("{error:?}").contains(KEY), "{error:?}");
}

#[test]
fn setting_and_unsetting_keeps_the_rest_of_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/config.toml");
    let mut file = ConfigFile::read(path.clone()).expect("empty");
    file.set("work", &[(Setting::Tenant, "contoso.example")])
        .expect("set");
    let with_comment = format!(
        "# mine\n{}",
        std::fs::read_to_string(&path).expect("written")
    );
    std::fs::write(&path, with_comment).expect("written");
    let mut file = ConfigFile::read(path.clone()).expect("good");
    file.set("work", &[(Setting::Scopes, "a b")]).expect("set");
    file.set("work", &[(Setting::Port, "8080")]).expect("set");
    assert!(file.set("work", &[(Setting::Port, "x")]).is_err());
    assert!(file.unset("work", &["tenant"]).expect("unset"));
    assert!(!file.unset("work", &["tenant"]).expect("unset"));
    let text = std::fs::read_to_string(&path).expect("written");
    assert_eq!(
        text,
        "# mine\n[profile.work]\nscopes = [\"a\", \"b\"]\nport = 8080\n"
    );
    let (name, profile) = choose_profile(Some("work"), &BTreeMap::new(), &file).expect("there");
    assert_eq!(
        (name.as_str(), profile.value(Setting::Port).as_deref()),
        ("work", Some("8080"))
    );
    assert!(choose_profile(Some("wrk"), &BTreeMap::new(), &file).is_err());
}

fn resolve_in(
    authority: &str,
    flags: &[(Setting, &str)],
    profile: &Profile,
    environment: &[(&str, &str)],
) -> Result<Config> {
    let flags = [&[(Setting::AuthorityHost, authority)], flags].concat();
    resolve(&flags, environment, profile)
}

const US: &str = "https://login.microsoftonline.us";

#[test]
fn scopes_follow_the_authority_into_its_cloud() {
    let none = Profile::default();
    for (authority, domain) in [
        ("https://login.microsoftonline.com", "com"),
        ("https://login.windows.net", "com"),
        (US, "us"),
        ("https://LOGIN.usgovcloudapi.net", "us"),
        ("http://localhost:1", "com"),
        ("https://login.test", "com"),
    ] {
        let resource = format!("https://auth.msft.communication.azure.{domain}");
        let by_default = resolve_in(authority, &[], &none, &[]).expect(authority);
        let expected = ["Teams.ManageCalls", "Teams.ManageChats"];
        assert_eq!(
            by_default.scopes,
            expected.map(|name| format!("{resource}/{name}"))
        );
        let short = [(Setting::Scopes, "Teams.ManageChats")];
        let by_name = resolve_in(authority, &short, &none, &[]).expect(authority);
        assert_eq!(by_name.scopes, [format!("{resource}/Teams.ManageChats")]);
        let extension = [(Setting::Exchange, "teams-extension")];
        let extension = resolve_in(authority, &extension, &none, &[]).expect(authority);
        assert_eq!(
            extension.scopes,
            [format!("{resource}/TeamsExtension.ManageCalls")]
        );
    }
}

#[test]
fn resource_of_another_cloud_is_refused() {
    let none = Profile::default();
    let com = "https://auth.msft.communication.azure.com/Teams.ManageCalls";
    let us = "https://auth.msft.communication.azure.us/Teams.ManageCalls";
    let public = "https://login.microsoftonline.com";
    let china = "https://login.partner.microsoftonline.cn";
    let entra = [(Setting::Exchange, "entra")];
    for (authority, flags, words) in [
        (
            US,
            &[(Setting::Scopes, com)][..],
            "belongs to the public cloud, and the authority to the US",
        ),
        (
            public,
            &[(Setting::Scopes, us)],
            "belongs to the US Government cloud, and the authority",
        ),
        (
            china,
            &[(Setting::Scopes, com)],
            "and the authority to the China cloud",
        ),
        (
            china,
            &[],
            "not known to serve Teams users in the China cloud",
        ),
        ("https://login.chinacloudapi.cn", &[], "in the China cloud"),
        (
            "https://login.microsoftonline.de",
            &[],
            "closed in October 2021",
        ),
        (US, &entra, "is known in the US Government cloud"),
    ] {
        let error = resolve_in(authority, flags, &none, &[]).expect_err(words);
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(words), "{}", error.message());
    }
    // Full names of scopes are accepted.
    let own = [(Setting::Scopes, "https://acs.example.cn/Teams.ManageCalls")];
    assert!(resolve_in(china, &own, &none, &[]).is_ok());
    // An authority that is not one of Microsoft's has no cloud.
    assert!(resolve_in("http://localhost:1", &[(Setting::Scopes, us)], &none, &[]).is_ok());
}

#[test]
fn a_resource_of_another_cloud_gets_no_entra_token_unless_the_profile_names_it() {
    let at = |host: &str, authority: &str, profile: &Profile| {
        let text = format!("endpoint=https://{host}/;accesskey={KEY}");
        let environment = [("COMMUNICATION_SERVICES_CONNECTION_STRING", text.as_str())];
        let config = resolve_in(authority, &[], profile, &environment).expect("settings");
        let outcome = config.resource().map(|_| ());
        assert_eq!(outcome.is_ok(), config.check_issuer().is_ok(), "said early");
        assert!(
            config.resource_unchecked().is_ok(),
            "its owner needs no authority"
        );
        outcome
    };
    let none = Profile::default();
    let (com, us) = ("a.communication.azure.com", "a.communication.azure.us");
    assert!(at(us, US, &none).is_ok());
    assert!(at("localhost", US, &none).is_ok());
    let error = at(com, US, &none).expect_err("another cloud");
    assert!(
        error.message().contains("belongs to the public cloud"),
        "{error}"
    );
    assert!(error.hint().contains(&format!("allow-endpoint {com}")));
    let error = at("a$(id).communication.azure.com", US, &none).expect_err("another cloud");
    let word = "allow-endpoint 'a$(id).communication.azure.com'";
    assert!(error.hint().contains(word), "{}", error.hint());
    let elsewhere = crate::acs::Endpoint::parse("https://a$(id).example").expect("an endpoint");
    let error = elsewhere.check_may_receive(&[]).expect_err("not of ACS");
    let word = "allow-endpoint 'a$(id).example'";
    assert!(error.hint().contains(word), "{}", error.hint());
    assert!(at(us, "https://login.microsoftonline.com", &none).is_err());
    let named = profile(&format!(
        "[profile.default]\nallow-endpoint = [\"{com}\"]\n"
    ));
    assert!(at(com, US, &named).is_ok());
}

#[test]
fn continuous_access_is_declared_only_if_configured() {
    let declared = |text: &str| {
        resolve(&[], &[("ACSPASS_CAE", "true")], &profile(text))
            .expect("settings")
            .continuous_access
    };
    assert!(!declared(""));
    assert!(!declared("[profile.default]\ncae = false\n"));
    assert!(declared("[profile.default]\ncae = true\n"));
    let error = file("[profile.default]\ncae = \"true\"\n")
        .map(|_| ())
        .expect_err("text");
    assert!(error.message().contains("profile.default.cae"));
}

#[test]
fn concurrent_changes_of_the_file_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.toml");
    let mut early = ConfigFile::read(path.clone()).expect("nothing yet");
    let mut late = ConfigFile::read(path.clone()).expect("nothing yet");
    let set = |file: &mut ConfigFile, setting, text: &str| {
        file.set("default", &[(setting, text)]).expect("written");
    };
    set(&mut late, Setting::Tenant, "contoso.com");
    set(&mut early, Setting::Store, "memory");
    let profile = ConfigFile::read(path).expect("a good file");
    let profile = profile.profile("default").unwrap_or_default();
    assert_eq!(
        profile.value(Setting::Tenant).as_deref(),
        Some("contoso.com")
    );
    assert_eq!(profile.value(Setting::Store).as_deref(), Some("memory"));
}

#[cfg(unix)]
#[test]
fn a_file_that_is_a_link_stays_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (link, target) = (
        folder.path().join("config.toml"),
        folder.path().join("kept.toml"),
    );
    std::fs::write(&target, "# mine\n").expect("written");
    std::os::unix::fs::symlink(&target, &link).expect("linked");
    let mut file = ConfigFile::read(link.clone()).expect("a good file");
    file.set("default", &[(Setting::Store, "memory")])
        .expect("written");
    assert!(link.is_symlink());
    let text = std::fs::read_to_string(target).expect("the target");
    assert!(
        text.contains("# mine\n") && text.contains("memory"),
        "{text}"
    );
}
