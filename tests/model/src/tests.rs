//! The model detects broken steps, has no failure, and has the steps of the program.

use std::path::Path;

use crate::broken::{Broken, NEWEST, REDEEMED};
use crate::check;
use crate::state::Role;
use crate::step_names::TABLE;

/// Roles in which a broken step shows.
fn roles(broken: Broken) -> [Role; 3] {
    match broken {
        Broken::ReadCache | Broken::Lock | Broken::SaveRenewed | Broken::EstimateServerTime => {
            [Role::Get, Role::Get, Role::Get]
        }
        Broken::Update => [Role::Get, Role::Get, Role::Logout],
        Broken::CachedCredential => [Role::Get, Role::Serve, Role::Logout],
        Broken::Stays | Broken::MoveSession => [Role::Get, Role::Get, Role::Migrate],
        Broken::ListCopy | Broken::ForgetCopy => [Role::Get, Role::Logout, Role::Migrate],
    }
}

#[test]
fn each_broken_step_fails_its_property() {
    for (name, broken, property) in Broken::ALL {
        let roles = roles(broken);
        let failures = check(roles, Some(broken)).failures;
        let failed: Vec<&str> = failures.iter().map(|(failed, _)| *failed).collect();
        // A token that is lost or old is also redeemed again.
        let is_expected = failed.contains(&property)
            || (property == NEWEST && failed.contains(&REDEEMED))
            || (property == REDEEMED && failed.contains(&NEWEST));
        assert!(is_expected, "{name}: {failed:?}");
    }
    assert!(check(roles(Broken::Lock), None).failures.is_empty());
}

#[test]
fn no_property_fails_without_a_broken_step() {
    for roles in [
        [Role::Get, Role::Get, Role::Logout],
        [Role::Get, Role::Login, Role::Logout],
        [Role::Get, Role::Logout, Role::Migrate],
    ] {
        let checked = check(roles, None);
        assert_eq!(checked.failures, [], "{roles:?}");
        assert!(checked.states > 50_000, "{roles:?}: {}", checked.states);
    }
}

/// The functions of the program, and the table of the page.
#[test]
fn steps_have_the_names_of_the_functions_that_take_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("docs/reference/verification.md");
    let page = std::fs::read_to_string(page).expect("the page");
    for (step, function, file) in TABLE {
        let text = std::fs::read_to_string(root.join(file)).expect(file);
        let has = |start: char| text.contains(&format!("fn {function}{start}"));
        assert!(has('(') || has('<'), "{file} has no function {function}");
        let row = format!("| {step:?} | `{function}` | `{file}` |");
        assert!(
            page.contains(&row),
            "docs/reference/verification.md lacks {row}"
        );
    }
}
