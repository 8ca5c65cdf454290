//! Seeds: what is accepted, and the errors that name line and key.

use super::*;
use crate::emulator::world::World;

fn world(text: &str) -> World {
    let seed = Seed::parse(text).expect("a valid seed");
    world::build(seed.file).expect("a valid seed")
}

fn refused(text: &str) -> String {
    Seed::parse(text).expect_err("a wrong seed").to_string()
}

#[test]
fn the_published_seed_is_complete() {
    let read = Seed::parse(Seed::template()).expect("the template is a seed");
    assert_eq!(read, Seed::default());
    let world = World::published();
    assert_eq!(world.ordinary_users().count(), 4);
    assert_eq!(world.personas().count(), 15);
    assert_eq!(world.services().count(), 2);
    assert!(world.personas().all(|user| !user.note.is_empty()));
}

#[test]
fn a_seed_written_as_json_gives_the_same_data() {
    let all = World::published().seed;
    let json = serde_json::to_string_pretty(&all).expect("plain data");
    assert_eq!(world(&json).seed, all);
}

#[test]
fn an_absent_section_has_the_published_data_of_known_tenants() {
    let other = world("[[users]]\nusername = \"grace@contoso.example\"\n");
    assert_eq!(other.users.len(), 1);
    assert_eq!(other.applications.len(), 3);
    let other = world(
        "[[tenants]]\ndomain = \"tailspin.example\"\n[[users]]\nusername = \"grace@tailspin.example\"\n",
    );
    let names: Vec<&str> = other.applications.iter().map(|app| &*app.name).collect();
    assert_eq!(names, ["Emulated app"]);
}

#[test]
fn ids_and_keys_are_the_same_in_each_run_and_differ_by_name() {
    let text = "[[users]]\nusername = \"a@contoso.example\"\n[[users]]\nusername = \"b@contoso.example\"\n[[resources]]\nname = \"one\"\n[[resources]]\nname = \"two\"\n";
    let (first, second) = (world(text), world(text));
    assert_eq!(first.seed, second.seed);
    assert_ne!(first.users[0].home.oid, first.users[1].home.oid);
    let [one, two] = &first.resources[..] else {
        panic!("there are two resources");
    };
    assert_ne!(one.id, two.id);
    let keys = [one, two].map(|of| [&of.keys.primary.text, &of.keys.secondary.text]);
    let distinct: std::collections::BTreeSet<_> = keys.into_iter().flatten().collect();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn an_error_names_line_and_key() {
    for (text, line, key) in [
        (
            "[[users]]\nusername = \"a@contoso.example\"\n\n[[users]]\nusername = \"a@nowhere.example\"\n",
            4,
            "`users[1].tenant`",
        ),
        (
            "[[users]]\nusername = \"a@contoso.example\"\ncolour = 1\n",
            3,
            "`users[0].colour`",
        ),
        ("[[users]]\nusername = 7\n", 2, "`users[0].username`"),
        (
            "[[users]]\nusername = \"a@contoso.example\"\nsimulate = \"x\"\n",
            3,
            "`users[0].simulate`",
        ),
        (
            "[[users]]\nusername = \"a@contoso.example\"\nfaults = [\n  \"throttled\",\n  \"throtled\",\n]\n",
            5,
            "`users[0].faults[1]`",
        ),
        ("[[resources]]\nname = \"a_b\"\n", 2, "`resources[0].name`"),
        // Values of TOML that JSON does not have, and a key that looks like a path.
        (
            "[[users]]\nusername = 2026-11-28\n",
            2,
            "`users[0].username`",
        ),
        (
            "[[resources]]\nname = \"a\"\nlimits.create = inf\n",
            3,
            "`resources[0].limits.create`",
        ),
        (
            "[[users]]\nusername = \"a@contoso.example\"\n\"a.b\" = 1\n",
            3,
            "`users[0].a.b`",
        ),
        (
            "[[applications]]\nname = \"App\"\nplatforms.web = [\"http://evil.test\"]\n",
            3,
            "`applications[0].platforms.web[0]`",
        ),
        (
            "{\n \"users\": [\n  {\"username\": \"a@contoso.example\",\n   \"simulate\": \"x\"}\n ]\n}\n",
            4,
            "`users[0].simulate`",
        ),
        (
            "{\n \"users\": [\n  {\"username\": 7}\n ]\n}\n",
            3,
            "`users[0].username`",
        ),
    ] {
        let error = refused(text);
        let expected = format!("invalid seed at line {line}, {key}: ");
        assert!(error.starts_with(&expected), "{error} is not {expected}");
    }
    assert!(refused("a = = 1").starts_with("invalid seed at line 1"));
    assert!(refused("{\"users\": [}").starts_with("invalid seed at line 1"));
}

#[test]
fn no_error_contains_a_key_or_secret() {
    for text in [
        "[[resources]]\nname = \"a\"\nkeys.primary = \"hidden*value\"\n",
        "[[resources]]\nname = \"a\"\nkeys = \"hidden*value\"\n",
        "[[applications]]\nname = \"a\"\nsecrets = \"hidden*value\"\n",
        "{\"resources\": [{\"name\": \"a\", \"keys\": \"hidden*value\"}]}",
        "secrets = \"hidden*value",
    ] {
        let error = refused(text);
        assert!(!error.contains("hidden*value"), "{error}");
    }
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    for (text, words) in [
        ("tenants = []", "at least one is needed"),
        ("users = []", "at least one is needed"),
        (
            "[[users]]\nusername = \"a@contoso.example\"\n[[users]]\nusername = \"A@contoso.example\"\n",
            "occurs twice",
        ),
        ("[[tenants]]\ndomain = \"common\"\n", "no domain"),
        (
            "[[applications]]\nname = \"a\"\nplatforms.native = [\"http://localhost/a;b\"]\n",
            "none of the characters",
        ),
        (
            "[[applications]]\nname = \"a\"\napi = { identifierUris = [\"api://a\", \"api://a\"], scopes = [\"x\"] }\n",
            "already the identifier of an API",
        ),
        (
            "[[applications]]\nname = \"a\"\napi = { identifierUris = [\"api://a\"], scopes = [\"x\"] }\n[[applications]]\nname = \"b\"\napi = { identifierUris = [\"api://A\"], scopes = [\"x\"] }\n",
            "already the identifier of an API",
        ),
        (
            "[[applications]]\nname = \"a\"\napi = { identifierUris = [\"https://graph.microsoft.com\"], scopes = [\"x\"] }\n",
            "already the identifier of an API",
        ),
        (
            "[[groups]]\nname = \"g\"\ntenant = \"contoso.example\"\nmembers = [\"x@contoso.example\"]\n",
            "no user or guest",
        ),
        (
            "[[resources]]\nname = \"a\"\nmanagers = [\"x\"]\n",
            "no user or application",
        ),
        (
            "[[resources]]\nname = \"a\"\n[[resources.assignments]]\nexchange = \"entra\"\nprincipalType = \"resourceAccount\"\nprincipal = \"x\"\n",
            "none of user, group, tenant",
        ),
    ] {
        let error = refused(text);
        assert!(error.contains(words), "{error}");
    }
}
