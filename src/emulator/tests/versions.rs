//! API versions: newer ones, and those that a resource restricts.

use super::harness::{Fixture, published};
use crate::emulator::{Options, Seed};

fn create(fixture: &Fixture, version: &str) -> (u16, Option<String>) {
    let response = fixture.signed_at(version, "POST", "/identities", "");
    let last = fixture.emulator.requests().pop().expect("a request");
    (response.status, last.remark)
}

#[test]
fn a_newer_version_is_handled_as_the_newest_stable_one() {
    let fixture = Fixture::new();
    for newer in ["2026-09-24", "2027-03-01-preview"] {
        let (status, remark) = create(&fixture, newer);
        let remark = remark.expect("a remark");
        assert_eq!(status, 201, "{newer}");
        assert!(remark.contains("handled as one of 2026-09-23"), "{remark}");
    }
    for older in ["2022-09-01", "2026-09-22", "2027"] {
        assert_eq!(create(&fixture, older), (400, None), "{older}");
    }
    assert_eq!(create(&fixture, "2026-09-23"), (201, None));
}

#[test]
fn the_newest_stable_version_has_no_operations_of_the_preview() {
    let fixture = Fixture::new();
    let path = "/access/entra/assignments";
    assert_eq!(fixture.signed_at("2027-01-01", "GET", path, "").status, 400);
}

#[test]
fn a_strict_emulator_refuses_a_newer_version() {
    let fixture = Fixture::with(Options {
        strict_versions: true,
        ..Options::default()
    });
    assert_eq!(create(&fixture, "2027-01-01"), (400, None));
    assert_eq!(create(&fixture, "2026-09-23"), (201, None));
}

#[test]
fn a_resource_can_restrict_the_versions() {
    let seed = "[[resources]]\nname = \"old\"\napiVersions = [\"2023-10-01\", \"2027-01-01\"]\n\
                [resources.keys]\nprimary = \"{key}\"\n"
        .replace("{key}", published::ACCESS_KEY);
    let fixture = Fixture::with(Options {
        seed: Seed::parse(&seed).expect("a seed"),
        ..Options::default()
    });
    assert_eq!(create(&fixture, "2023-10-01"), (201, None));
    assert_eq!(create(&fixture, "2027-01-01").0, 201);
    for other in ["2025-06-30", "2027-01-02"] {
        assert_eq!(create(&fixture, other), (400, None), "{other}");
    }
    let response = fixture.signed_at("2023-10-01", "POST", "/identities", "");
    assert_eq!(
        response.header("api-supported-versions"),
        Some("2023-10-01")
    );
}
