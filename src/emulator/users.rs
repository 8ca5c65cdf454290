//! The test users: ordinary ones, and personas that each reproduce one failure of a real tenant.
//!
//! Their data is `assets/emulator/users.json`. A client picks a user by `login_hint` or on the page.

use std::sync::LazyLock;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::emulator::aadsts::EntraError;
use crate::emulator::directory::{CONTOSO, Directory, SERVICE_APPS, Tenant};

/// A user with an account in the home tenant and perhaps a guest account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    /// The name for the sign-in.
    pub(crate) username: &'static str,
    /// The display name.
    pub(crate) name: &'static str,
    /// The account in the home tenant.
    pub(crate) home: Member,
    guest: Option<Member>,
    /// Whether no Teams service plan is assigned.
    #[serde(default)]
    pub(crate) lacks_teams_licence: bool,
    #[serde(default)]
    pub(crate) requirement: SignInRequirement,
    /// A description of the requirement; empty if there is none.
    #[serde(default)]
    pub(crate) note: &'static str,
}

/// A condition for a user's sign-in or renewal.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SignInRequirement {
    /// None: a hint is enough.
    #[default]
    None,
    /// The user has to consent to the app once.
    Consent,
    /// An admin has to consent.
    AdminConsent,
    /// The user has to enter a code.
    Mfa,
    /// The sign-in ends with an error page.
    Page {
        /// The page's heading, if it is not the usual one.
        #[serde(borrow)]
        title: Option<&'static str>,
        /// The error on the page.
        why: EntraError,
    },
    /// Each renewal is refused.
    Renewal(EntraError),
    /// Each renewal is refused with a claims challenge. After a sign-in that answers the challenge,
    /// renewals succeed.
    Challenge(EntraError),
}

/// A user's account in one tenant.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Member {
    #[serde(deserialize_with = "directory")]
    pub(crate) directory: &'static Directory,
    /// The object id in that tenant.
    pub(crate) oid: &'static str,
}

/// Reads a tenant by its domain.
fn directory<'de, D: Deserializer<'de>>(domain: D) -> Result<&'static Directory, D::Error> {
    match Tenant::parse(<&str>::deserialize(domain)?) {
        Ok(Tenant::One(directory)) => Ok(directory),
        _ => Err(D::Error::custom("no such directory")),
    }
}

/// The file of users.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'static"))]
pub(crate) struct Users {
    /// A sign-in without a choice uses the first.
    pub(crate) ordinary: Vec<User>,
    /// The users with a requirement, which their names state.
    pub(crate) personas: Vec<User>,
}

/// The users. A test parses the file, so the fallback is never used.
pub(crate) static USERS: LazyLock<Users> = LazyLock::new(|| {
    let json = include_str!("../../assets/emulator/users.json");
    serde_json::from_str(json).unwrap_or_default()
});

/// Returns all users, the ordinary ones first.
pub(crate) fn everyone() -> impl Iterator<Item = &'static User> {
    USERS.ordinary.iter().chain(&USERS.personas)
}

/// Returns whether an Entra principal has a role on the resource: the first service app and the
/// first user do.
pub(crate) fn has_role(object_id: &str, directory_id: &str) -> bool {
    directory_id == CONTOSO.id
        && [SERVICE_APPS[0].object_id, USERS.ordinary[0].home.oid].contains(&object_id)
}

impl User {
    /// Returns the user of this name, in any case.
    pub(crate) fn named(username: &str) -> Option<&'static User> {
        everyone().find(|user| user.username.eq_ignore_ascii_case(username.trim()))
    }

    /// Returns the user with this object id in the home tenant.
    pub(crate) fn with_home_oid(oid: &str) -> Option<&'static User> {
        everyone().find(|user| user.home.oid == oid)
    }

    /// Returns the user with this object id in this tenant, at home or as a guest.
    pub(crate) fn in_directory(oid: &str, directory_id: &str) -> Option<&'static User> {
        let matches = |member: Member| member.oid == oid && member.directory.id == directory_id;
        everyone().find(|user| user.accounts().any(matches))
    }

    /// Returns the account for a sign-in at `tenant`: at home for the multi-tenant names, else in
    /// that tenant, if there is one.
    pub(crate) fn seen_from(&self, tenant: Tenant) -> Option<Member> {
        match tenant {
            Tenant::Common | Tenant::Organizations => Some(self.home),
            Tenant::One(directory) => self.accounts().find(|m| m.directory == directory),
        }
    }

    /// Returns whether the page of a sign-in at `tenant` offers the user.
    pub(crate) fn is_offered_at(&self, tenant: &Tenant) -> bool {
        self.seen_from(*tenant).is_some()
    }

    fn accounts(&self) -> impl Iterator<Item = Member> {
        std::iter::once(self.home).chain(self.guest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::directory::FABRIKAM;

    #[test]
    fn a_guest_account_has_another_object_id() {
        let dora = User::named("Dora@Fabrikam.example").expect("she is a user");
        let guest = dora
            .seen_from(Tenant::One(&CONTOSO))
            .expect("she is a guest");
        assert_ne!(guest.oid, dora.home.oid);
        let ada = User::named("ada@contoso.example").expect("she is a user");
        assert!(ada.seen_from(Tenant::One(&FABRIKAM)).is_none());
    }

    #[test]
    fn the_file_parses_and_no_two_users_share_a_name_or_an_object_id() {
        assert_eq!((USERS.ordinary.len(), USERS.personas.len()), (4, 15));
        let names: std::collections::BTreeSet<&str> = everyone()
            .flat_map(|user| [user.username, user.home.oid])
            .collect();
        assert_eq!(names.len(), 2 * everyone().count());
    }
}
