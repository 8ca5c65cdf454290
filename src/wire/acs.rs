//! ACS Identity's JSON (REST reference 2023-10-01, and 2025-06-30 for the direct exchanges).

use serde::{Deserialize, Serialize};

use crate::secret::CommunicationToken;

/// A token as every issuing operation answers it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessToken {
    /// The token.
    pub(crate) token: CommunicationToken,
    /// RFC 3339, with seven fractional digits and `+00:00`.
    pub(crate) expires_on: String,
}

/// The body of `POST /identities` where a token is wanted as well.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateIdentity<'a> {
    /// The scopes of the token.
    pub(crate) create_token_with_scopes: Vec<&'a str>,
    /// Its lifetime; the service's own where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in_minutes: Option<u16>,
}

/// The answer to `POST /identities`, and to the direct exchanges.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentityAndToken {
    /// The identity.
    pub(crate) identity: Identity,
    /// The token, where one was asked for.
    pub(crate) access_token: Option<AccessToken>,
}

/// An identity.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Identity {
    /// Its raw id.
    pub(crate) id: String,
}

/// The body of `POST /identities/{id}/:issueAccessToken`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssueToken<'a> {
    /// The scopes.
    pub(crate) scopes: Vec<&'a str>,
    /// The lifetime; the service's own where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in_minutes: Option<u16>,
}

/// The body of `POST /teamsUser/:exchangeAccessToken`. It carries the Entra token, so there is no
/// `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamsUserExchange<'a> {
    /// The Entra token, exposed.
    pub(crate) token: &'a str,
    /// The client id that the token was issued to.
    pub(crate) app_id: &'a str,
    /// The user's object id.
    pub(crate) user_id: &'a str,
}

/// The body of every error.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ErrorBody {
    /// The one member.
    pub(crate) error: ServiceError,
}

/// What the service says went wrong.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ServiceError {
    /// The word to branch on, for instance `Denied`.
    #[serde(default)]
    pub(crate) code: String,
    /// Text for people.
    #[serde(default)]
    pub(crate) message: String,
    /// The field that is at fault, for instance `appId`.
    #[serde(default)]
    pub(crate) target: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_answer_is_read() {
        let text = r#"{"token":"a.b.c","expiresOn":"2025-06-02T13:45:09.1234567\u002B00:00"}"#;
        let read: AccessToken = serde_json::from_str(text).expect("a token");
        assert_eq!(read.token.expose(), "a.b.c");
        assert_eq!(read.expires_on, "2025-06-02T13:45:09.1234567+00:00");
    }

    #[test]
    fn a_request_has_the_names_that_the_service_knows() {
        let body = TeamsUserExchange {
            token: "aad.tok.en",
            app_id: "11111111-2222-3333-4444-555555555555",
            user_id: "66666666-7777-8888-9999-000000000000",
        };
        assert_eq!(
            serde_json::to_string(&body).expect("plain data"),
            r#"{"token":"aad.tok.en","appId":"11111111-2222-3333-4444-555555555555","userId":"66666666-7777-8888-9999-000000000000"}"#
        );
        let create = CreateIdentity {
            create_token_with_scopes: vec!["chat", "voip"],
            expires_in_minutes: None,
        };
        assert_eq!(
            serde_json::to_string(&create).expect("plain data"),
            r#"{"createTokenWithScopes":["chat","voip"]}"#
        );
        let issue = IssueToken {
            scopes: vec!["voip.join"],
            expires_in_minutes: Some(60),
        };
        assert_eq!(
            serde_json::to_string(&issue).expect("plain data"),
            r#"{"scopes":["voip.join"],"expiresInMinutes":60}"#
        );
    }
}
