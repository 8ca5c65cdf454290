//! The test users: the ordinary ones, and personas that each meet one failure of a real tenant.
//!
//! Their data is `assets/emulator/users.json`. A client picks a user by `login_hint` or on the page.

use std::sync::LazyLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Directory, Tenant};

/// A person, with a home and perhaps an invitation elsewhere.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::emulator) struct User {
    /// The name that is typed at sign-in.
    pub(in crate::emulator) username: &'static str,
    /// The name that is shown.
    pub(in crate::emulator) name: &'static str,
    home: Member,
    guest: Option<Member>,
    /// Whether no Teams service plan is assigned.
    #[serde(default)]
    pub(in crate::emulator) lacks_teams_licence: bool,
    /// The obstacle to a token.
    #[serde(default)]
    pub(in crate::emulator) obstacle: SignInRequirement,
    /// The same in words; empty if there is none.
    #[serde(default)]
    pub(in crate::emulator) note: &'static str,
}

/// A user as one directory knows them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::emulator) struct Member {
    /// The directory.
    #[serde(deserialize_with = "directory")]
    pub(in crate::emulator) directory: &'static Directory,
    /// The object id in that directory.
    pub(in crate::emulator) oid: &'static str,
}

/// An obstacle between a user and a token.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::emulator) enum SignInRequirement {
    /// Nothing: a hint is enough.
    #[default]
    None,
    /// The app's permissions have to be accepted once.
    Consent,
    /// Only an admin may accept them.
    AdminConsent,
    /// A code has to be entered.
    Mfa,
    /// The page says no and leads nowhere.
    Page {
        /// The page's heading, if it is not the usual one.
        #[serde(borrow)]
        title: Option<&'static str>,
        /// The refusal on the page.
        why: Refused,
    },
    /// Nothing at the sign-in; each renewal is refused.
    Renewal(Refused),
    /// The same, with a claims challenge: after a sign-in that answers it, renewals work.
    Challenge(Refused),
}

/// A refusal in Entra's own numbers and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::emulator) struct Refused {
    /// The word of RFC 6749.
    pub(in crate::emulator) error: &'static str,
    /// The number behind `AADSTS`.
    pub(in crate::emulator) number: u32,
    /// Entra's finer word.
    #[serde(borrow)]
    pub(in crate::emulator) suberror: Option<&'static str>,
    /// The sentence.
    pub(in crate::emulator) text: &'static str,
}

/// The file of users.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'static"))]
struct Users {
    ordinary: Vec<User>,
    personas: Vec<User>,
}

/// A test parses the file, so it is never empty here.
static USERS: LazyLock<Users> = LazyLock::new(|| {
    let json = include_str!("../../../assets/emulator/users.json");
    serde_json::from_str(json).unwrap_or_default()
});

/// The ordinary users. A sign-in without a choice gets the first.
pub(in crate::emulator) fn ordinary() -> &'static [User] {
    &USERS.ordinary
}

/// The users with an obstacle, each under a name that says which.
pub(in crate::emulator) fn personas() -> &'static [User] {
    &USERS.personas
}

/// All users, the ordinary ones first.
pub(in crate::emulator) fn everyone() -> impl Iterator<Item = &'static User> {
    ordinary().iter().chain(personas())
}

/// Reads a directory by its domain.
fn directory<'de, D: Deserializer<'de>>(domain: D) -> Result<&'static Directory, D::Error> {
    let domain = <&str>::deserialize(domain)?;
    match Tenant::parse(domain) {
        Ok(Tenant::One(directory)) => Ok(directory),
        _ => Err(D::Error::custom("no such directory")),
    }
}

impl User {
    /// The user of this name; Entra does not mind its case.
    pub(in crate::emulator) fn named(username: &str) -> Option<&'static User> {
        everyone().find(|user| user.username.eq_ignore_ascii_case(username.trim()))
    }

    /// The user whose home object id this is.
    pub(in crate::emulator) fn with_home_oid(oid: &str) -> Option<&'static User> {
        everyone().find(|user| user.home.oid == oid)
    }

    /// The user who has this object id in this directory, at home or as a guest.
    pub(in crate::emulator) fn in_directory(
        oid: &str,
        directory_id: &str,
    ) -> Option<&'static User> {
        everyone().find(|user| {
            [Some(user.home), user.guest]
                .into_iter()
                .flatten()
                .any(|m| m.oid == oid && m.directory.id == directory_id)
        })
    }

    /// Who they are at home.
    pub(in crate::emulator) fn home(&self) -> Member {
        self.home
    }

    /// Who they are where `tenant` asks: at home for the multi-tenant names, else in that
    /// directory, if it knows them.
    pub(in crate::emulator) fn seen_from(&self, tenant: Tenant) -> Option<Member> {
        match tenant {
            Tenant::Common | Tenant::Organizations => Some(self.home),
            Tenant::One(directory) => [Some(self.home), self.guest]
                .into_iter()
                .flatten()
                .find(|member| member.directory == directory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CONTOSO, FABRIKAM};
    use super::*;

    #[test]
    fn a_guest_has_another_object_id_abroad() {
        let dora = User::named("Dora@Fabrikam.example").expect("she is a user");
        let abroad = dora
            .seen_from(Tenant::One(&CONTOSO))
            .expect("she is a guest");
        assert_ne!(abroad.oid, dora.home().oid);
        let ada = User::named("ada@contoso.example").expect("she is a user");
        assert!(ada.seen_from(Tenant::One(&FABRIKAM)).is_none());
    }

    #[test]
    fn the_file_parses_and_no_two_users_share_a_name_or_an_object_id() {
        assert_eq!((ordinary().len(), personas().len()), (4, 15));
        let names: std::collections::BTreeSet<&str> = everyone()
            .flat_map(|user| [user.username, user.home.oid])
            .collect();
        assert_eq!(names.len(), 2 * everyone().count());
    }
}
