//! Advice on the refusals of Entra, of the ACS resource and of the exchange service: rows of data, and a look-up by name.
//!
//! The rows are in `assets/advice`, and docs/reference/errors.md shows them. They are parsed when the
//! first error needs one. A service's codes choose words and never the kind of an error, because
//! Microsoft keeps them free to change.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::text::as_sentence;

/// One row: cause and next steps. The text of each begins in lower case and has no final period.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advice {
    /// The key: Entra's code or suberror, or a name of our own.
    pub(crate) name: &'static str,
    /// Status, code and field of the refusal. Entra's rows have none.
    #[serde(borrow)]
    known_by: Option<&'static str>,
    /// The cause. `{}` stands for a detail of the answer.
    pub(crate) cause: &'static str,
    user: &'static str,
    /// The steps of the tenant's admin, or of the owner of the application or resource, if there are any.
    #[serde(borrow)]
    admin: Option<&'static str>,
    /// The place of these steps in the portal, or their command. Only Entra's rows have it.
    #[serde(borrow)]
    place: Option<&'static str>,
}

static ENTRA: LazyLock<Vec<Advice>> =
    LazyLock::new(|| rows(include_str!("../assets/advice/entra.json")));
static ACS: LazyLock<Vec<Advice>> =
    LazyLock::new(|| rows(include_str!("../assets/advice/acs.json")));
#[cfg(feature = "session")]
static SERVICE: LazyLock<Vec<Advice>> =
    LazyLock::new(|| rows(include_str!("../assets/advice/service.json")));

/// The advice for an answer with this code (`AADSTS…`) and suberror. The code is the finer of the
/// two.
pub(crate) fn entra(code: Option<&str>, suberror: Option<&str>) -> Option<&'static Advice> {
    code.and_then(|code| find(&ENTRA, code))
        .or_else(|| find(&ENTRA, suberror?))
}

/// The advice with this name for a refusal of the ACS resource.
pub(crate) fn acs(name: &str) -> Option<&'static Advice> {
    find(&ACS, name)
}

/// The advice with this name for a refusal of an exchange service.
#[cfg(feature = "session")]
pub(crate) fn service(name: &str) -> Option<&'static Advice> {
    find(&SERVICE, name)
}

impl Advice {
    /// Returns the next steps: the user's, the admin's if there are any, and the place of the latter.
    pub(crate) fn hint(&self) -> String {
        let mut hint = as_sentence(self.user);
        if let Some(admin) = self.admin {
            hint.push_str(&format!("\nFor the admin: {admin}."));
        }
        if let Some(place) = self.place {
            hint.push_str(&format!("\nWhere: {place}"));
        }
        hint
    }
}

fn find(rows: &'static [Advice], name: &str) -> Option<&'static Advice> {
    rows.iter().find(|row| row.name == name)
}

/// The rows of a file. A test parses each file; without rows, an error has general words.
fn rows(json: &'static str) -> Vec<Advice> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_parses_and_every_row_is_found_by_its_name() {
        assert!(ENTRA.len() >= 45, "{}", ENTRA.len());
        assert!(ACS.len() >= 15, "{}", ACS.len());
        for row in ENTRA.iter() {
            assert_eq!(entra(Some(row.name), None), Some(row), "one row a code");
            assert!(row.known_by.is_none(), "{row:?}");
            assert_eq!(row.place.is_some(), row.admin.is_some(), "{row:?}");
        }
        for row in ACS.iter() {
            assert_eq!(acs(row.name), Some(row), "one row a name");
            assert!(row.place.is_none() && row.known_by.is_some(), "{row:?}");
        }
        #[cfg(feature = "session")]
        for row in SERVICE.iter() {
            assert_eq!(service(row.name), Some(row), "one row a name");
            assert!(row.place.is_none() && row.known_by.is_some(), "{row:?}");
        }
    }

    #[test]
    fn every_row_is_complete_and_written_as_an_error_is() {
        let rows = ENTRA.iter().chain(ACS.iter());
        #[cfg(feature = "session")]
        let rows = rows.chain(SERVICE.iter());
        for row in rows {
            let optional = [row.known_by, row.place, row.admin].into_iter().flatten();
            for text in optional.chain([row.cause, row.user]) {
                assert!(!text.is_empty() && !text.ends_with(['.', ' ']), "{row:?}");
                assert!(!text.contains("  ") && !text.contains('|'), "{row:?}");
                assert_eq!(text.matches('`').count() % 2, 0, "{row:?}");
            }
            for text in [row.cause, row.user].into_iter().chain(row.admin) {
                assert!(text.len() > 10, "{row:?}");
                let is_a_name = ["Entra", "Conditional Access "]
                    .iter()
                    .any(|name| text.starts_with(name));
                assert!(
                    text.starts_with(char::is_lowercase) || is_a_name && text == row.cause,
                    "{row:?}"
                );
            }
            assert!(!row.cause.contains(". "), "one sentence: {row:?}");
        }
        let long = ENTRA.iter().find(|row| row.cause.len() > 120);
        assert_eq!(long, None, "one short sentence");
    }

    #[test]
    fn the_code_is_the_finer_of_the_two() {
        let name = |code, suberror| entra(code, suberror).map(|row| row.name);
        let bad_token = Some("bad_token");
        assert_eq!(name(Some("AADSTS50173"), bad_token), Some("AADSTS50173"));
        assert_eq!(name(Some("AADSTS1"), bad_token), bad_token);
        assert_eq!(name(None, bad_token), bad_token);
        assert_eq!(name(Some("AADSTS0"), Some("unheard_of")), None);
        assert_eq!(name(Some("invalid_grant"), None), None);
    }
}
