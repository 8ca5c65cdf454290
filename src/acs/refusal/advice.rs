//! What the resource's refusals mean, and what to do about each: data.
//!
//! The service branches by status, code and field; its words are nobody's contract. Which row fits
//! is decided in the room above. `{}` in a cause stands for what only the answer tells.

use crate::error::{Error, Kind};

/// One row: cause and next steps, each a sentence without a final period.
#[derive(Debug)]
pub(super) struct Advice {
    /// Status, code and field by which it is known.
    #[cfg_attr(not(test), expect(dead_code, reason = "it stands in docs/errors.md"))]
    pub(super) known_by: &'static str,
    /// What happened.
    pub(super) cause: &'static str,
    /// What the user does.
    pub(super) user: &'static str,
    /// What an admin of the tenant, or the owner of the resource, does.
    pub(super) admin: &'static str,
}

impl Advice {
    /// The error, with `detail` where the cause leaves room for it.
    pub(super) fn error(&self, kind: Kind, detail: &str) -> Error {
        Error::new(
            kind,
            self.cause.replace("{}", detail),
            format!("{}.\nFor the admin: {}", self.user, self.admin),
        )
    }
}

/// All rows, in the order of docs/errors.md.
#[cfg(test)]
pub(super) const ALL: [&Advice; 19] = [
    &DEAD_TOKEN,
    &LICENCE,
    &ASSIGNMENT,
    &ROLE,
    &ENTRA_TOKEN,
    &NOT_OWNED,
    &CLOCK,
    &USERS_TOKEN,
    &KEY,
    &IDS,
    &SCOPES,
    &LIFETIME,
    &FIELD,
    &API_VERSION,
    &UNKNOWN_IDENTITY,
    &NOT_FOUND,
    &RATE,
    &OUTAGE,
    &OTHER,
];

/// What apps meet, and acspass does not: it stands on the page only.
#[cfg(test)]
pub(super) const DEAD_TOKEN: Advice = Advice {
    known_by: "401 at a call or a chat, with a token that has not expired",
    cause: "the ACS resource no longer accepts the Communication token: it was revoked, or issued under an access key that was regenerated since",
    user: "run `acspass get --force-refresh`, which redeems and exchanges again whatever is kept; for an identity run `acspass token issue --user ID`",
    admin: "a revocation takes up to 15 minutes; a regenerated key ends every token that was issued under it, so give the users its connection string anew",
};

pub(super) const LICENCE: Advice = Advice {
    known_by: "403 at the exchange with the key",
    cause: "the ACS resource does not let this Teams user in",
    user: "ask your admin for a Teams licence, and whether the tenant allows Teams interoperability; then run `acspass get --force-refresh`",
    admin: "assign a licence with Teams (Microsoft 365 admin center > Users > Active users > Licenses and apps); a change takes up to a day. A resource that was made keyless (`disableLocalAuth`) refuses every connection string",
};

pub(super) const ASSIGNMENT: Advice = Advice {
    known_by: "403 at an exchange without a key",
    cause: "the ACS resource does not let this user in without a key",
    user: "ask the resource's owner to assign you to the resource, and your admin for a Teams licence",
    admin: "assign the user, their group or their tenant to the resource (its API, `entraAssignments` or `teamsExtension` assignments), with your application's client id; a group needs Entra ID P1 or P2, and its assignment to the enterprise application Azure Communication Services Clients in the users' tenant",
};

pub(super) const ROLE: Advice = Advice {
    known_by: "403 at any other operation",
    cause: "the principal may not manage the ACS resource",
    user: "ask the resource's owner for a role on the resource, or use its connection string",
    admin: "give the principal a role such as Contributor (Azure portal > the Communication Services resource > Access control (IAM)); if it was a connection string that was refused, the resource may be keyless (`disableLocalAuth`)",
};

pub(super) const ENTRA_TOKEN: Advice = Advice {
    known_by: "401 InvalidAccessToken",
    cause: "the ACS resource does not accept the Entra token",
    user: "run `acspass get --force-refresh`; if it stays, run `acspass login --prompt consent` and accept both Teams permissions",
    admin: "add Teams.ManageCalls and Teams.ManageChats of Azure Communication Services to the application, and grant consent (`acspass setup` prints the steps)",
};

pub(super) const NOT_OWNED: Advice = Advice {
    known_by: "401 IdentityNotOwned",
    cause: "the identity is not one of this ACS resource, or is deleted",
    user: "check that the id and the connection string belong to the same resource",
    admin: "create the identity anew where it was deleted: its id does not come back",
};

pub(super) const CLOCK: Advice = Advice {
    known_by: "401 while the clocks are more than 5 minutes apart",
    cause: "the ACS resource refused the request, and this machine's clock is {} off",
    user: "set the clock right: a request that is signed with another time is refused",
    admin: "let the machine keep its time by the network",
};

pub(super) const USERS_TOKEN: Advice = Advice {
    known_by: "401 at an exchange without a key",
    cause: "the ACS resource does not accept the user's Entra token",
    user: "check that `exchange` and `scopes` go together, then run `acspass get --force-refresh`",
    admin: "add the permissions of this exchange to the application, and grant consent (`acspass setup` prints the steps)",
};

pub(super) const KEY: Advice = Advice {
    known_by: "401 Denied",
    cause: "the ACS resource refused the access key or credential",
    user: "check that the connection string is this resource's and that its key was not regenerated; with Entra ID, that the principal is of the right tenant",
    admin: "copy the connection string anew (Azure portal > the Communication Services resource > Keys); if the resource was made keyless (`disableLocalAuth`), no connection string works: give an Entra principal a role, or set `exchange` to `entra` or `teams-extension`",
};

pub(super) const IDS: Advice = Advice {
    known_by: "400 ValidationError, appId or userId",
    cause: "the ACS resource does not accept the field `{}`: the Entra token is another application's, user's or tenant's",
    user: "name the client id that signed the user in, and that user's object id in the tenant of the sign-in; a guest has another one there than at home",
    admin: "find the ids (Entra admin center > App registrations > Overview, and Users > the user > Object ID)",
};

pub(super) const SCOPES: Advice = Advice {
    known_by: "400 ValidationError, scopes",
    cause: "the ACS resource does not accept the field `{}`",
    user: "the scopes are chat, voip, chat.join, chat.join.limited and voip.join",
    admin: "nothing has to be changed",
};

pub(super) const LIFETIME: Advice = Advice {
    known_by: "400 ValidationError, expiresInMinutes",
    cause: "the ACS resource does not accept the lifetime in `{}`",
    user: "choose from 60 to 1440 minutes (1h to 24h)",
    admin: "nothing has to be changed",
};

pub(super) const FIELD: Advice = Advice {
    known_by: "400 ValidationError",
    cause: "the ACS resource does not accept {}",
    user: "check what was typed; if it stays, update acspass and report it with this message",
    admin: "nothing has to be changed",
};

pub(super) const API_VERSION: Advice = Advice {
    known_by: "400 ApiVersionUnspecified or UnsupportedApiVersion",
    cause: "the ACS resource does not know the version of its API that acspass speaks",
    user: "update acspass; check that the endpoint is a resource's own, with nothing in between that changes requests",
    admin: "let a gateway in between pass `api-version` on",
};

pub(super) const UNKNOWN_IDENTITY: Advice = Advice {
    known_by: "404 IdentityNotFound",
    cause: "the ACS resource has no such identity",
    user: "check the id; a deleted identity does not come back, and `acspass user create` makes another",
    admin: "keep the ids of identities where your users are kept",
};

pub(super) const NOT_FOUND: Advice = Advice {
    known_by: "404",
    cause: "the ACS resource does not know this operation",
    user: "check the endpoint: it is the resource's own address and nothing more",
    admin: "copy the endpoint anew (Azure portal > the Communication Services resource > Keys)",
};

pub(super) const RATE: Advice = Advice {
    known_by: "429, after the retries",
    cause: "the ACS resource's rate limit is reached: {} keeps answering 429",
    user: "wait a little, then try again; ask for fewer tokens by keeping those you have",
    admin: "spread the load, or ask Azure support for a higher limit",
};

pub(super) const OUTAGE: Advice = Advice {
    known_by: "5xx, after the retries",
    cause: "the ACS resource is out of order: {}",
    user: "wait a little, then try again; the portal shows the service's health",
    admin: "see https://azure.status.microsoft",
};

pub(super) const OTHER: Advice = Advice {
    known_by: "any other refusal",
    cause: "the ACS resource refused the request with {}",
    user: "see the service's words above",
    admin: "look the code up in the reference of Azure Communication Services",
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The part of docs/errors.md that is about the resource, as the rows make it.
    fn page() -> String {
        let mut page = String::from(
            "# The ACS resource's errors, and what to do\n\n\
             What acspass says where the resource refuses. Made from the table in \
             `src/acs/refusal/`; a test holds the two together.\n\n\
             | status, code and field | cause | what you do | what the admin does |\n\
             | --- | --- | --- | --- |\n",
        );
        for row in ALL {
            let cause = row.cause.replace("{}", "\u{2026}");
            page.push_str(&format!(
                "| {} | {cause} | {} | {} |\n",
                row.known_by, row.user, row.admin
            ));
        }
        page
    }

    #[test]
    fn every_row_is_written_as_an_error_is() {
        for row in ALL {
            for text in [row.known_by, row.cause, row.user, row.admin] {
                assert!(
                    !text.ends_with(['.', ' ']) && !text.contains('|'),
                    "{row:?}"
                );
                assert_eq!(text.matches('`').count() % 2, 0, "{row:?}");
            }
            for text in [row.cause, row.user, row.admin] {
                assert!(text.starts_with(char::is_lowercase), "{row:?}");
            }
            assert!(!row.cause.contains(". "), "one sentence: {row:?}");
        }
    }

    #[test]
    fn the_page_of_errors_ends_with_this_table() {
        let written = include_str!("../../../docs/errors.md");
        let page = page();
        assert!(
            written.ends_with(&page),
            "docs/errors.md is to end:\n{page}"
        );
    }
}
