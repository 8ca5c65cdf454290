//! Advice on a refusal because the tenant has no service principal of an API.
//!
//! Entra's description names the API: by an identifier, or by its name. The table of advice names ACS.

use crate::advice;
use crate::input::is_guid;
use crate::text::after_noun;

/// The row of the advice on any API but ACS.
const OTHER_API: &str = "AADSTS500011 for another API";

/// The application id of the API "Azure Communication Services", and its other names.
const ACS: [&str; 6] = [
    "1fd5118e-2576-4263-8130-9503064c837a",
    "Azure Communication Services",
    "https://auth.msft.communication.azure.com",
    "https://auth.msft.communication.azure.us",
    "https://communication.azure.com",
    "https://communication.azure.us",
];

/// The same of the API "Azure Communication Services Clients".
const ACS_CLIENTS: [&str; 4] = [
    "2a04943b-b6a7-4f65-8786-2bb6131b59f6",
    "Azure Communication Services Clients",
    "https://communication.azure.com/clients",
    "https://communication.azure.us/clients",
];

/// The words before the API, by the code of the refusal.
const BEFORE_NAME: [(&str, &str); 2] = [
    ("AADSTS500011", "resource principal named "),
    ("AADSTS650052", " a service "),
];

/// Returns cause and next steps if the refusal names another API than ACS.
pub(super) fn advice(code: &str, description: Option<&str>) -> Option<(String, String)> {
    let (_, before) = BEFORE_NAME.into_iter().find(|(own, _)| *own == code)?;
    let name = name_after(before, description?)?;
    let is_one_of = |names: &[&str]| names.iter().any(|own| same(own, name));
    if is_one_of(&ACS) {
        return None;
    }
    let advice = advice::entra(Some(OTHER_API), None)?;
    let id = match is_one_of(&ACS_CLIENTS) {
        true => ACS_CLIENTS[0],
        false if is_guid(name) => name,
        false => "APP_ID",
    };
    Some((
        advice.cause.replace("{}", &after_noun(name)),
        advice.hint().replace("APP_ID", id),
    ))
}

fn same(own: &str, name: &str) -> bool {
    own.eq_ignore_ascii_case(name.strip_suffix('/').unwrap_or(name))
}

/// Returns the word, or the text in quotes, that follows these words.
fn name_after<'d>(before: &str, description: &'d str) -> Option<&'d str> {
    let (_, rest) = description.split_once(before)?;
    let rest = rest.trim_start_matches('(');
    let name = match rest.chars().next()? {
        quote @ ('\'' | '"') => rest[1..].split(quote).next()?,
        _ => rest.split_whitespace().next()?,
    };
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(name: &str) -> String {
        format!(
            "AADSTS500011: The resource principal named {name} was not found in the tenant named \
             Contoso. This can happen if the application has not been installed."
        )
    }

    #[test]
    fn a_missing_principal_is_advised_on_by_the_name_that_entra_gives() {
        let guid = "11111111-2222-4333-8444-555555555555";
        for (name, id) in [
            ("api://orders", "APP_ID"),
            (guid, guid),
            ("https://communication.azure.com/clients", ACS_CLIENTS[0]),
        ] {
            let (cause, hint) = advice("AADSTS500011", Some(&description(name))).expect(name);
            assert_eq!(
                cause,
                format!("the tenant has no service principal for the API `{name}`")
            );
            assert!(
                hint.ends_with(&format!("`az ad sp create --id {id}`")),
                "{hint}"
            );
            assert!(!hint.contains(ACS[0]), "{hint}");
        }
        for own in [ACS[0], "https://auth.msft.communication.azure.com/"] {
            assert_eq!(
                advice("AADSTS500011", Some(&description(own))),
                None,
                "{own}"
            );
        }
    }

    #[test]
    fn a_service_that_the_organisation_lacks_is_named_in_quotes() {
        let lacks = "AADSTS650052: The app is trying to access a service";
        let needs = "AADSTS650052: The app needs access to a service";
        let cases = [
            (
                format!("{lacks} '{}'(Azure Communication Services) that", ACS[0]),
                None,
            ),
            (
                format!("{needs} (\"Azure Communication Services\") that"),
                None,
            ),
            (format!("{needs} (\"Orders API\") that"), Some("Orders API")),
            (format!("{lacks} 'c0ffee'(Orders API) that"), Some("c0ffee")),
            (lacks.to_owned(), None),
        ];
        for (description, api) in cases {
            let cause = advice("AADSTS650052", Some(&description)).map(|(cause, _)| cause);
            let expected =
                api.map(|api| format!("the tenant has no service principal for the API `{api}`"));
            assert_eq!(cause, expected, "{description}");
        }
        assert_eq!(advice("AADSTS500011", None), None);
        assert_eq!(advice("AADSTS65001", Some("to a service 'x'")), None);
    }
}
