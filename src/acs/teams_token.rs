//! Checks of an Entra token before the exchange.
//!
//! The service answers a bare 401 to every kind of wrong token; a token that can be read tells the
//! cause itself. The service decides the rest.

use crate::error::{Error, Kind, Result};
use crate::jwt;
use crate::time::Timestamp;
use crate::wire::Members;

/// Audiences that the Teams exchange takes: the scopes' resource in two clouds, and the
/// application id of Azure Communication Services.
pub(crate) const AUDIENCES: [&str; 3] = [
    "https://auth.msft.communication.azure.com",
    "https://auth.msft.communication.azure.us",
    "1fd5118e-2576-4263-8130-9503064c837a",
];
/// Wrong audiences, with their names for a message.
const OTHER_AUDIENCES: [(&str, &str); 5] = [
    ("https://graph.microsoft.com", "Microsoft Graph"),
    ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
    ("https://management.azure.com", "Azure Resource Manager"),
    (
        "https://communication.azure.com",
        "the ACS resource's own API, not for a Teams user",
    ),
    ("https://api.spaces.skype.com", "the Teams client"),
];
/// The scopes of the Teams exchange; a token needs one of them.
pub(crate) const TEAMS_SCOPES: [&str; 2] = ["Teams.ManageCalls", "Teams.ManageChats"];

/// Returns whether an audience is one that the Teams exchange takes.
pub fn is_audience(audience: &str) -> bool {
    AUDIENCES.contains(&audience.trim_end_matches('/'))
}

/// Checks a token that can be read, before it is exchanged for `app_id` and `user_id`. `Some` is
/// a note for the user: the token is sent although not all could be checked.
///
/// # Errors
/// [`Kind::Refused`] with the wrong claim and the next step.
pub fn check(
    token: &str,
    app_id: &str,
    user_id: &str,
    now: Timestamp,
) -> Result<Option<&'static str>> {
    let Some(decoded) = jwt::decode(token) else {
        return Ok(Some(
            "The Entra token has no readable claims, so the service decides.",
        ));
    };
    let mut claims = Members::from(decoded.claims);
    let refuse = |message: &str, hint: &str| Err(Error::new(Kind::Refused, message, hint));
    let expires = claims.number("exp");
    if expires.is_some_and(|exp| exp <= now.unix_seconds()) {
        return refuse(
            "the Entra token has expired",
            "Run `acspass get --entra` for a new Entra token. If the token is new, check this machine's clock.",
        );
    }
    // An audience may be a list (RFC 7519, section 4.1.3).
    let audiences = claims.words("aud").unwrap_or_default();
    let is_for = |known: &str| {
        audiences
            .iter()
            .any(|aud| aud.trim_end_matches('/') == known)
    };
    if let Some((_, name)) = OTHER_AUDIENCES.iter().find(|(other, _)| is_for(other)) {
        return refuse(
            &format!("the Entra token is for {name}, not for Azure Communication Services"),
            "Request the scopes Teams.ManageCalls and Teams.ManageChats of \
             https://auth.msft.communication.azure.com, as `acspass get --entra` does.",
        );
    }
    if !AUDIENCES.into_iter().any(is_for) {
        return Ok(Some(
            "The audience of the Entra token is unknown to acspass, so the service decides.",
        ));
    }
    let scopes = claims.words("scp").unwrap_or_default();
    if scopes.is_empty() && claims.words("roles").is_some() {
        return refuse(
            "the Entra token belongs to an application, not to a user",
            "Run `acspass get --entra`, which prints the Entra token of a signed-in user.",
        );
    }
    let is_for_teams = |scope: &String| TEAMS_SCOPES.contains(&scope.as_str());
    if !scopes.iter().any(is_for_teams) {
        return refuse(
            "the Entra token has neither the scope Teams.ManageCalls nor Teams.ManageChats",
            "Add these delegated permissions of Azure Communication Services to the application \
             and grant consent, then run `acspass login --prompt consent`.",
        );
    }
    let issued_to = claims.text("appid").or_else(|| claims.text("azp"));
    if issued_to.is_some_and(|id| !id.eq_ignore_ascii_case(app_id)) {
        return refuse(
            "the Entra token was issued to another application than the given client id",
            "Pass the client id of the sign-in (`--client-id ID`), or omit it.",
        );
    }
    let user = claims.text("oid");
    if user.is_some_and(|id| !id.eq_ignore_ascii_case(user_id)) {
        return refuse(
            "the Entra token belongs to another user than the given object id",
            "Pass the object id (oid) of the signed-in user (`--user-id ID`), or omit it.",
        );
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const APP: &str = "11111111-2222-3333-4444-555555555555";
    const USER: &str = "66666666-7777-8888-9999-000000000000";

    fn outcome(change: &[(&str, Value)]) -> Result<Option<&'static str>> {
        let mut claims = json!({
            "aud": "https://auth.msft.communication.azure.com", "exp": 2000, "oid": USER,
            "scp": "Teams.ManageCalls Teams.ManageChats", "appid": APP,
        });
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        let token = format!("e30.{}.x", jwt::encode_part(claims.to_string().as_bytes()));
        check(&token, APP, USER, Timestamp::from_unix_seconds(1000))
    }

    #[test]
    fn a_right_token_passes_without_a_note() {
        let app_id = json!("1fd5118e-2576-4263-8130-9503064c837a");
        for change in [
            vec![],
            vec![("aud", app_id)],
            vec![("aud", json!(["https://auth.msft.communication.azure.us/"]))],
            vec![("scp", json!("Teams.ManageChats"))],
            vec![("scp", json!(["Teams.ManageChats"]))],
            vec![("exp", json!("2000"))],
            vec![("new", json!(7)), ("azp", json!(7))],
            vec![("appid", Value::Null), ("azp", json!(APP.to_uppercase()))],
        ] {
            assert!(matches!(outcome(&change), Ok(None)), "{change:?}");
        }
    }

    #[test]
    fn each_wrong_claim_is_named() {
        for (change, word) in [
            (vec![("exp", json!(1000))], "expired"),
            (vec![("exp", json!("1000"))], "expired"),
            (
                vec![("aud", json!("https://graph.microsoft.com"))],
                "Microsoft Graph",
            ),
            (vec![("scp", json!("User.Read"))], "Teams.ManageCalls"),
            (
                vec![("scp", Value::Null), ("roles", json!(["x"]))],
                "an application, not",
            ),
            (vec![("appid", json!("other"))], "another application"),
            (vec![("oid", json!("other"))], "another user"),
        ] {
            let error = outcome(&change).expect_err(word);
            assert_eq!(error.kind(), Kind::Refused);
            assert!(error.message().contains(word), "{}", error.message());
        }
    }

    #[test]
    fn unknown_tokens_are_left_to_the_service() {
        assert!(matches!(
            outcome(&[("aud", json!("api://else"))]),
            Ok(Some(_))
        ));
        let opaque = check("opaque", APP, USER, Timestamp::from_unix_seconds(0));
        assert!(matches!(opaque, Ok(Some(_))));
    }
}
