//! Communication identifiers: parsing and printing of raw ids.
//!
//! The forms are those of azure-communication-identity 1.5.0 (`_shared/models.py`). What does not
//! fit one of them is unknown, and goes through as it is.

use std::fmt;

use crate::error::{Error, Result};
use crate::input;
use crate::text::{quoted, secret_form};

/// The cloud that an id belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cloud {
    /// The public cloud.
    Public,
    /// US Government, Department of Defense.
    Dod,
    /// US Government, GCC High.
    Gcch,
}

impl Cloud {
    /// The words for it in the raw ids of Teams users and apps, and of ACS users.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Cloud::Public => ("orgid", "acs"),
            Cloud::Dod => ("dod", "dod-acs"),
            Cloud::Gcch => ("gcch", "gcch-acs"),
        }
    }
}

/// A participant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommunicationIdentifier {
    /// A user of an ACS resource.
    CommunicationUser(CommunicationUserId),
    /// A Teams user.
    MicrosoftTeamsUser {
        /// The object id, or the id of an anonymous user.
        user_id: String,
        /// Whether the user joined without signing in.
        is_anonymous: bool,
        /// The cloud.
        cloud: Cloud,
    },
    /// A Teams user with an ACS resource (Teams phone extensibility).
    TeamsExtensionUser {
        /// The resource.
        resource_id: String,
        /// The user's tenant.
        tenant_id: String,
        /// The user's object id.
        user_id: String,
        /// The cloud.
        cloud: Cloud,
    },
    /// A Teams application.
    MicrosoftTeamsApp {
        /// Its id.
        app_id: String,
        /// The cloud.
        cloud: Cloud,
    },
    /// A telephone number, as it was dialled.
    PhoneNumber(String),
    /// Anything else.
    Unknown(String),
}

/// Longest id, in bytes.
const MAX_ID_LENGTH: usize = 512;

impl CommunicationIdentifier {
    /// Reads a raw id; every text is one of some kind.
    pub fn from_raw_id(raw: &str) -> Self {
        let unknown = || CommunicationIdentifier::Unknown(raw.to_owned());
        CommunicationIdentifier::known(raw).unwrap_or_else(unknown)
    }

    fn known(raw: &str) -> Option<Self> {
        if let Some(number) = raw.strip_prefix("4:") {
            return Some(CommunicationIdentifier::PhoneNumber(number.to_owned()));
        }
        let mut parts = raw.splitn(3, ':');
        let (number, word, id) = (parts.next()?, parts.next()?, parts.next()?);
        let cloud = match word {
            _ if id.is_empty() => return None,
            "acs" | "spool" | "orgid" | "teamsvisitor" => Cloud::Public,
            "dod-acs" | "dod" => Cloud::Dod,
            "gcch-acs" | "gcch" => Cloud::Gcch,
            _ => return None,
        };
        let parts: Vec<&str> = id.split('_').collect();
        Some(match (number, word, &parts[..]) {
            ("8", "acs" | "dod-acs" | "gcch-acs", [resource, tenant, user]) => {
                CommunicationIdentifier::TeamsExtensionUser {
                    resource_id: (*resource).to_owned(),
                    tenant_id: (*tenant).to_owned(),
                    user_id: (*user).to_owned(),
                    cloud,
                }
            }
            ("8", "acs" | "spool" | "dod-acs" | "gcch-acs", _) => {
                CommunicationIdentifier::CommunicationUser(CommunicationUserId(raw.to_owned()))
            }
            ("8", _, _) => CommunicationIdentifier::MicrosoftTeamsUser {
                user_id: id.to_owned(),
                is_anonymous: word == "teamsvisitor",
                cloud,
            },
            ("28", "orgid" | "dod" | "gcch", _) => CommunicationIdentifier::MicrosoftTeamsApp {
                app_id: id.to_owned(),
                cloud,
            },
            _ => return None,
        })
    }

    /// The raw id.
    pub fn raw_id(&self) -> String {
        match self {
            CommunicationIdentifier::CommunicationUser(id) => id.0.clone(),
            CommunicationIdentifier::MicrosoftTeamsUser {
                user_id,
                is_anonymous,
                cloud,
            } => match is_anonymous {
                true => format!("8:teamsvisitor:{user_id}"),
                false => format!("8:{}:{user_id}", cloud.words().0),
            },
            CommunicationIdentifier::TeamsExtensionUser {
                resource_id,
                tenant_id,
                user_id,
                cloud,
            } => {
                let word = cloud.words().1;
                format!("8:{word}:{resource_id}_{tenant_id}_{user_id}")
            }
            CommunicationIdentifier::MicrosoftTeamsApp { app_id, cloud } => {
                format!("28:{}:{app_id}", cloud.words().0)
            }
            CommunicationIdentifier::PhoneNumber(number) => format!("4:{number}"),
            CommunicationIdentifier::Unknown(raw) => raw.clone(),
        }
    }
}

impl fmt::Display for CommunicationIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw_id())
    }
}

/// An ACS identity's id, `8:acs:<resource id>_<user id>`: the only kind that tokens are issued
/// for, revoked and deleted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CommunicationUserId(String);

impl CommunicationUserId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it is not the id of a Communication user.
    pub fn parse(raw: &str) -> Result<Self> {
        use CommunicationIdentifier as Id;

        let raw = input::bare(raw.trim().trim_end_matches(','));
        // A token behind the prefix would go into a request's path.
        let known = match secret_form(raw) {
            Some(_) => None,
            None => CommunicationIdentifier::known(raw),
        };
        match known {
            Some(Id::CommunicationUser(_) | Id::TeamsExtensionUser { .. })
                if is_bounded(raw) && has_two_parts(raw) =>
            {
                Ok(CommunicationUserId(raw.to_owned()))
            }
            Some(Id::MicrosoftTeamsUser { .. }) => Err(Error::usage(
                format!(
                    "{} is a Teams user, not an identity of the ACS resource",
                    quoted(raw)
                ),
                "Run `acspass get` or `acspass token exchange` for the token of a Teams user.",
            )),
            _ => Err(Error::usage(
                format!("{} is not the id of an ACS identity", quoted(raw)),
                "Pass an id that `acspass user create` printed. It begins with 8:acs: and contains `_`.",
            )),
        }
    }

    /// The raw id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommunicationUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the id names a resource and a user of it: `8:acs:<resource id>_<user id>`.
fn has_two_parts(id: &str) -> bool {
    let rest = id.rsplit(':').next().unwrap_or_default();
    rest.contains('_') && rest.split('_').all(|part| !part.is_empty())
}

/// Whether a text may be an id that is sent: the bound of every id, whatever it names.
pub(in crate::acs) fn is_bounded(id: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'_' | b'.');
    id.len() <= MAX_ID_LENGTH && id.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn raw_ids_round_trip() {
        for (raw, kind) in [
            ("8:acs:r_u", "CommunicationUser"),
            ("8:acs:r_wf_t_o", "CommunicationUser"),
            ("8:spool:a_b_c", "CommunicationUser"),
            ("8:gcch-acs:r_u", "CommunicationUser"),
            ("8:acs:r_t_o", "TeamsExtensionUser"),
            ("8:dod-acs:r_t_o", "TeamsExtensionUser"),
            ("8:orgid:o", "MicrosoftTeamsUser"),
            ("8:dod:o", "MicrosoftTeamsUser"),
            ("8:gcch:o", "MicrosoftTeamsUser"),
            ("8:teamsvisitor:x", "MicrosoftTeamsUser"),
            ("28:orgid:a", "MicrosoftTeamsApp"),
            ("28:gcch:a", "MicrosoftTeamsApp"),
            ("4:+14255550123", "PhoneNumber"),
            ("48:45ab", "Unknown"),
            ("8:acs:", "Unknown"),
            ("", "Unknown"),
        ] {
            let read = CommunicationIdentifier::from_raw_id(raw);
            assert!(format!("{read:?}").starts_with(kind), "{raw}: {read:?}");
            assert_eq!(read.raw_id(), raw);
        }
    }

    #[test]
    fn every_kind_of_id_has_the_same_bound() {
        for prefix in [
            "8:acs:r_",
            "8:spool:r_",
            "8:dod-acs:r_",
            "8:acs:r_t_",
            "8:gcch-acs:r_t_",
        ] {
            let of = |length: usize| format!("{prefix}{}", "u".repeat(length - prefix.len()));
            assert!(CommunicationUserId::parse(&of(512)).is_ok(), "{prefix}");
            for id in [
                of(513),
                of(9000),
                format!("{prefix}u u"),
                format!("{prefix}u%2f"),
            ] {
                assert!(CommunicationUserId::parse(&id).is_err(), "{id}");
            }
        }
    }

    #[test]
    fn only_an_identity_of_a_resource_is_taken_as_one() {
        for raw in [
            " 8:acs:r_u\n",
            "'8:acs:r_u'",
            "\"8:acs:r_u\",",
            "8:acs:r_u,",
        ] {
            let read = CommunicationUserId::parse(raw).expect("an id");
            assert_eq!(read.as_str(), "8:acs:r_u");
        }
        for raw in [
            "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101",
            "8:acs:r_wf_t_o",
            "8:acs:r_t_o",
            "8:gcch-acs:r_u",
            "8:dod-acs:r_t_o",
            "8:spool:r_u",
        ] {
            assert!(CommunicationUserId::parse(raw).is_ok(), "{raw}");
        }
        for raw in [
            "8:orgid:o",
            "r_u",
            "",
            "8:acs:a/../b",
            "8:acs:ü",
            "4:+1",
            "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776",
            "8:acs:_u",
            "8:acs:r_",
            "8:acs:r__u",
            "8:acs:r_t_",
            "8:spool:a",
            "8:acs:r_eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln",
        ] {
            let error = CommunicationUserId::parse(raw).expect_err(raw);
            assert_eq!(error.kind(), Kind::Usage);
        }
    }
}
