//! What Entra's error numbers mean, and what to do about each: data, and a look-up.
//!
//! In comes an AADSTS number or a suberror, out comes the [`Advice`] for it. Which kind of failure
//! it is depends on what was refused, and is decided by [`super::refusal`]: Microsoft keeps the
//! numbers free to change, so they choose words and nothing else.

mod account;
mod application;
mod policy;
mod request;

/// One row: cause and next steps, each a sentence without a final period.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Advice {
    /// What it is for.
    pub(super) on: On,
    /// What happened.
    pub(super) cause: &'static str,
    /// What the user does.
    pub(super) user: &'static str,
    /// What an admin of the tenant, or the owner of the application, does.
    pub(super) admin: &'static str,
    /// The place in the portal, or the command.
    pub(super) place: &'static str,
}

/// What a row is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// The number behind `AADSTS`.
    Code(u32),
    /// A `suberror`, for answers whose number has no row.
    Suberror(&'static str),
}

const fn row(
    code: u32,
    cause: &'static str,
    user: &'static str,
    admin: &'static str,
    place: &'static str,
) -> Advice {
    Advice {
        on: On::Code(code),
        cause,
        user,
        admin,
        place,
    }
}

const fn suberror(
    word: &'static str,
    cause: &'static str,
    user: &'static str,
    admin: &'static str,
    place: &'static str,
) -> Advice {
    Advice {
        on: On::Suberror(word),
        ..row(0, cause, user, admin, place)
    }
}

/// What many rows say.
mod say {
    pub(super) const LOGIN: &str = "sign in again with `acspass login`";
    pub(super) const FINISH: &str =
        "sign in again with `acspass login`, and finish every step that the page asks for";
    pub(super) const ASK: &str =
        "send your admin this whole message: the sign-in log has the rest under its ids";
    pub(super) const REPORT: &str =
        "update acspass; if it stays, report it with this message: the fault is not yours";
    pub(super) const NOTHING: &str = "nothing has to be changed";
    pub(super) const READ_LOG: &str = "find the sign-in by its correlation id; the tabs Basic info and Conditional Access name \
         the reason";
}

/// Places that many rows name.
mod at {
    pub(super) const AUTHENTICATION: &str =
        "Entra admin center > App registrations > your application > Authentication";
    pub(super) const PERMISSIONS: &str =
        "Entra admin center > App registrations > your application > API permissions";
    pub(super) const OVERVIEW: &str =
        "Entra admin center > App registrations > your application > Overview";
    pub(super) const PROPERTIES: &str =
        "Entra admin center > Enterprise applications > your application > Properties";
    pub(super) const ASSIGNMENT: &str =
        "Entra admin center > Enterprise applications > your application > Users and groups";
    pub(super) const USERS: &str = "Entra admin center > Users > All users";
    pub(super) const METHODS: &str = "Entra admin center > Users > the user > Authentication methods; for the user: \
         https://mysignins.microsoft.com/security-info";
    pub(super) const LOG: &str = "Entra admin center > Monitoring & health > Sign-in logs";
    pub(super) const POLICIES: &str = "Entra admin center > Conditional Access > Policies";
    pub(super) const DEVICES: &str = "Entra admin center > Devices > All devices";
    pub(super) const SETTINGS: &str = "`acspass config list`";
    pub(super) const SETUP: &str = "`acspass setup` prints the steps and an `az` script";
    pub(super) const HEALTH: &str = "https://status.cloud.microsoft";
    pub(super) const DOCTOR: &str = "`acspass doctor`";
}

/// The rows, by what they are about.
const TABLES: [&[Advice]; 5] = [
    account::ROWS,
    policy::ROWS,
    application::ROWS,
    request::ROWS,
    request::SUBERRORS,
];

/// The advice for an answer with this number (as `AADSTS…`) and suberror. The number is the finer
/// of the two.
pub(super) fn advice(code: Option<&str>, suberror: Option<&str>) -> Option<&'static Advice> {
    let number = code
        .and_then(|code| code.strip_prefix("AADSTS"))
        .and_then(|digits| digits.parse::<u32>().ok());
    let find = |on: On| rows().find(|row| row.on == on);
    number
        .and_then(|number| find(On::Code(number)))
        .or_else(|| {
            let word = suberror?;
            rows().find(|row| matches!(row.on, On::Suberror(known) if known == word))
        })
}

fn rows() -> impl Iterator<Item = &'static Advice> {
    TABLES.into_iter().flatten()
}

impl Advice {
    /// The next steps: the user's own, the admin's, and where that is done.
    pub(super) fn hint(&self) -> String {
        format!(
            "{}.\nFor the admin: {}.\nWhere: {}",
            self.user, self.admin, self.place
        )
    }
}

#[cfg(test)]
mod tests;
