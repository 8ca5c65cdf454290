//! Everyone who can sign in: who they are in which directory, and what stands in their way.

use super::personas::PERSONAS;
use super::{CONTOSO, Directory, FABRIKAM, Tenant};

/// A person, with a home and perhaps an invitation elsewhere.
#[derive(Debug)]
pub(in super::super) struct User {
    /// The name that is typed at sign-in.
    pub(in super::super) username: &'static str,
    /// The name that is shown.
    pub(in super::super) name: &'static str,
    pub(super) home: Member,
    pub(super) guest: Option<Member>,
    /// Whether a Teams service plan is assigned.
    pub(in super::super) teams_licence: bool,
    /// What stands in their way.
    pub(in super::super) obstacle: Obstacle,
    /// The same in words; empty where there is none.
    pub(in super::super) note: &'static str,
}

/// A user as one directory knows them.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Member {
    /// The directory.
    pub(in super::super) directory: &'static Directory,
    /// The object id in that directory.
    pub(in super::super) oid: &'static str,
}

/// What stands between a user and a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Obstacle {
    /// Nothing: a hint is enough.
    None,
    /// The app's permissions have to be accepted once.
    Consent,
    /// Only an admin may accept them.
    AdminConsent,
    /// A code has to be entered.
    Mfa,
    /// The page says no and leads nowhere.
    Page {
        /// The page's heading, where it is not the usual one.
        title: Option<&'static str>,
        /// What it says.
        why: Refused,
    },
    /// Nothing at the sign-in; each renewal is refused.
    Renewal(Refused),
    /// The same, with a claims challenge: after a sign-in that answers it, renewals work.
    Challenge(Refused),
}

/// A refusal in Entra's own numbers and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Refused {
    /// The word of RFC 6749.
    pub(in super::super) error: &'static str,
    /// The number behind `AADSTS`.
    pub(in super::super) number: u32,
    /// Entra's finer word.
    pub(in super::super) suberror: Option<&'static str>,
    /// The sentence.
    pub(in super::super) text: &'static str,
}

/// The ordinary users; the first is who a login without a choice gets.
pub(in super::super) static USERS: [User; 4] = [
    ordinary(
        "ada@contoso.example",
        "Ada Example",
        at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000001"),
    ),
    ordinary(
        "ben@contoso.example",
        "Ben Example",
        at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000002"),
    ),
    User {
        teams_licence: false,
        note: "has no Teams licence",
        ..ordinary(
            "cleo@contoso.example",
            "Cleo Example",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000003"),
        )
    },
    User {
        guest: Some(at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000104")),
        ..ordinary(
            "dora@fabrikam.example",
            "Dora Example",
            at(&FABRIKAM, "ac5ba55e-05e4-4000-8000-000000000004"),
        )
    },
];

pub(super) const fn ordinary(username: &'static str, name: &'static str, home: Member) -> User {
    User {
        username,
        name,
        home,
        guest: None,
        teams_licence: true,
        obstacle: Obstacle::None,
        note: "",
    }
}

pub(super) const fn at(directory: &'static Directory, oid: &'static str) -> Member {
    Member { directory, oid }
}

/// All of them, the ordinary ones first.
pub(in super::super) fn everyone() -> impl Iterator<Item = &'static User> {
    USERS.iter().chain(&PERSONAS)
}

impl User {
    /// The user of this name; Entra does not mind its case.
    pub(in super::super) fn named(username: &str) -> Option<&'static User> {
        everyone().find(|user| user.username.eq_ignore_ascii_case(username.trim()))
    }

    /// The user whose home object id this is.
    pub(in super::super) fn with_home_oid(oid: &str) -> Option<&'static User> {
        everyone().find(|user| user.home.oid == oid)
    }

    /// The user who has this object id in this directory, at home or as a guest.
    pub(in super::super) fn in_directory(oid: &str, directory_id: &str) -> Option<&'static User> {
        everyone().find(|user| {
            [Some(user.home), user.guest]
                .into_iter()
                .flatten()
                .any(|m| m.oid == oid && m.directory.id == directory_id)
        })
    }

    /// Who they are at home.
    pub(in super::super) fn home(&self) -> Member {
        self.home
    }

    /// Who they are where `tenant` asks: at home for the multi-tenant names, else in that
    /// directory, if it knows them.
    pub(in super::super) fn seen_from(&self, tenant: Tenant) -> Option<Member> {
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
    fn no_two_people_share_a_name_or_an_object_id() {
        let names: std::collections::BTreeSet<&str> = everyone()
            .flat_map(|user| [user.username, user.home.oid])
            .collect();
        assert_eq!(names.len(), 2 * (USERS.len() + PERSONAS.len()));
    }
}
