//! Approvals of origins and pages.

use std::path::Path;
use std::sync::Arc;

use super::file::forget_profile;
use super::list::{MAX_ASKING, Origins};
use super::page_id::Verifier;
use crate::account::EntraApplication;
use crate::files::Folder;
use crate::loopback::WebOrigin;
use crate::time::{SettableClock, Timestamp};

const APP: &str = "http://localhost:3000";
const PAGE: &str = "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM";

fn origins(folder: &Path, profile: &str) -> Origins {
    let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
    let configured = vec![WebOrigin::parse("https://a.example").expect("an origin")];
    let folder = Folder::new(folder);
    let application = EntraApplication::new("login.example", "organizations", "app");
    Origins::open(configured, Arc::new(clock), folder, profile, &application)
}

fn page() -> Option<Verifier> {
    Verifier::parse(PAGE)
}

fn number(origins: &Origins) -> u64 {
    let json = origins.json();
    let number = json["asking"][0]["number"].as_str().expect("a page asks");
    number.parse().expect("a number")
}

#[test]
fn approval_is_for_one_origin_and_one_key_and_ends_with_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let origins = origins(folder.path(), "default");
    assert!(origins.is_approved("https://a.example") && !origins.is_approved(APP));
    origins.note(APP, page());
    let asked = number(&origins);
    assert!(!origins.has_key(APP, b"key"));
    assert_eq!(
        origins.approve(asked, false).expect("it asks").as_str(),
        APP
    );
    assert!(origins.is_approved(APP) && origins.has_key(APP, b"key"));
    assert!(!origins.has_key(APP, b"kex") && !origins.has_key(APP, PAGE.as_bytes()));
    for other in [
        "http://localhost:3001",
        "https://localhost:3000",
        "https://a.example",
    ] {
        assert!(!origins.has_key(other, b"key"), "{other}");
    }
    assert!(
        origins.approve(asked, false).is_err(),
        "a number is good once"
    );
    let next = super::tests::origins(folder.path(), "default");
    assert!(!next.is_approved(APP) && !next.has_key(APP, b"key"));
}

#[test]
fn permanent_approval_is_kept_for_its_profile_until_it_is_withdrawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = origins(folder.path(), "default");
    first.note(APP, page());
    first.note("https://b.example", None);
    let numbers = first.json();
    for asking in numbers["asking"].as_array().expect("a list") {
        let number = asking["number"].as_str().expect("text").parse();
        first
            .approve(number.expect("a number"), true)
            .expect("it is saved");
    }
    assert!(!origins(folder.path(), "other").is_approved(APP));
    let next = origins(folder.path(), "default");
    assert!(next.has_key(APP, b"key") && next.is_approved("https://b.example"));
    next.withdraw(APP).expect("it was approved");
    assert!(!next.is_approved(APP) && !next.has_key(APP, b"key"));
    assert!(next.withdraw(APP).is_err() && next.withdraw("https://a.example").is_err());
    let last = origins(folder.path(), "default");
    assert!(!last.is_approved(APP) && last.is_approved("https://b.example"));
}

#[test]
fn list_of_asking_pages_is_bounded_and_has_only_origins_that_can_be_approved() {
    let folder = tempfile::tempdir().expect("a folder");
    let origins = origins(folder.path(), "default");
    for origin in [
        "null",
        "http://evil.example",
        "chrome-extension://abc",
        "https://a.example",
        &format!("https://{}.example", "a".repeat(300)),
    ] {
        origins.note(origin, None);
    }
    let asking = || origins.json()["asking"].as_array().expect("a list").len();
    assert_eq!(asking(), 0);
    for n in 0..50_u8 {
        origins.note(&format!("https://{n}.example"), None);
        origins.note(
            APP,
            Verifier::parse(&PAGE.replace('L', if n % 2 == 0 { "M" } else { "N" })),
        );
    }
    assert_eq!(asking(), MAX_ASKING);
    let dismissed = number(&origins);
    let origin = origins.json()["asking"][0]["origin"].clone();
    origins.dismiss(dismissed);
    origins.note(origin.as_str().expect("text"), None);
    assert!(
        !origins.json()["asking"]
            .to_string()
            .contains(origin.as_str().expect("text"))
    );
}

/// Approves the only page that asks.
fn approve(origins: &Origins, page: &str, is_permanent: bool) {
    origins.note(APP, Verifier::parse(page));
    let approved = origins.approve(number(origins), is_permanent);
    assert_eq!(approved.expect("it asks").as_str(), APP);
}

#[test]
fn page_approved_once_is_not_saved_with_an_origin_that_is_permanent() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = origins(folder.path(), "default");
    let other = PAGE.replace('L', "M");
    let is_known = |origins: &Origins, page: &str| {
        let page = Verifier::parse(page).expect("a verifier");
        origins.verifier(APP, page.id()).is_some()
    };
    approve(&first, &other, true);
    approve(&first, PAGE, false);
    // Another permanent approval saves all approvals again.
    first.note("https://b.example", None);
    first.approve(number(&first), true).expect("it is saved");
    assert!(is_known(&first, &other) && is_known(&first, PAGE));
    let next = origins(folder.path(), "default");
    assert!(is_known(&next, &other) && !is_known(&next, PAGE));
}

#[test]
fn change_that_is_not_saved_changes_nothing_and_erases_no_other_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("approved-origins.json");
    let first = origins(folder.path(), "default");
    approve(&first, PAGE, true);
    approve(&origins(folder.path(), "other"), PAGE, true);
    let good = std::fs::read(&file).expect("the file");
    std::fs::write(&file, "no JSON").expect("a file");

    let error = first.withdraw(APP).expect_err("it is not saved");
    assert!(error.to_string().contains("is unchanged"), "{error}");
    assert!(first.has_key(APP, b"key"));
    first.note(APP, Verifier::parse(&PAGE.replace('L', "M")));
    let asked = number(&first);
    assert!(first.approve(asked, true).is_err());
    assert!(first.has_key(APP, b"key") && number(&first) == asked);
    assert_eq!(std::fs::read(&file).expect("the file"), b"no JSON");

    std::fs::write(&file, good).expect("a file");
    first.withdraw(APP).expect("it can be repeated");
    assert!(!first.is_approved(APP) && !origins(folder.path(), "default").is_approved(APP));
    assert!(origins(folder.path(), "other").is_approved(APP));
}

#[test]
fn approvals_end_with_their_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    for profile in ["default", "other"] {
        approve(&origins(folder.path(), profile), PAGE, true);
    }
    forget_profile(Folder::new(folder.path()), "default").expect("it is saved");
    assert!(!origins(folder.path(), "default").is_approved(APP));
    assert!(origins(folder.path(), "other").is_approved(APP));
    let configured = Vec::new();
    let clock = Arc::new(SettableClock::new(Timestamp::from_unix_seconds(0)));
    let application = EntraApplication::new("login.example", "organizations", "another-app");
    let folder = Folder::new(folder.path());
    let other = Origins::open(configured, clock, folder, "other", &application);
    assert!(!other.is_approved(APP));
}

#[test]
fn one_origin_pushes_out_at_most_one_page_of_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let origins = origins(folder.path(), "default");
    for n in 0..MAX_ASKING {
        origins.note(&format!("https://{n}.example"), None);
    }
    for n in 0..9 {
        origins.note(APP, Verifier::parse(&PAGE.replace('L', &n.to_string())));
    }
    let listed = origins.json()["asking"].to_string();
    for n in 1..MAX_ASKING {
        assert!(listed.contains(&format!("https://{n}.example")), "{listed}");
    }
    assert!(listed.contains(APP) && !listed.contains("https://0.example"));
}

#[test]
fn crowded_origin_makes_room_for_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let origins = origins(folder.path(), "default");
    for n in 0..MAX_ASKING - 2 {
        origins.note(&format!("https://{n}.example"), None);
    }
    for n in 0..2 {
        origins.note(APP, Verifier::parse(&PAGE.replace('L', &n.to_string())));
    }
    origins.note("https://new.example", None);
    let listed = origins.json()["asking"].to_string();
    assert!(listed.contains("https://0.example") && listed.contains("https://new.example"));
    assert_eq!(listed.matches(APP).count(), 1);
}

#[test]
fn concurrent_changes_of_several_profiles_all_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let profiles: Vec<String> = (0..16).map(|n| format!("profile-{n}")).collect();
    std::thread::scope(|scope| {
        for profile in &profiles {
            scope.spawn(|| approve(&origins(folder.path(), profile), PAGE, true));
        }
    });
    for profile in &profiles {
        assert!(
            origins(folder.path(), profile).is_approved(APP),
            "{profile}"
        );
    }
}
