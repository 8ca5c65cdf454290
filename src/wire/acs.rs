//! ACS Identity's JSON (REST reference 2023-10-01, and 2025-06-30 for the direct exchanges).

use serde::{Deserialize, Serialize};

use super::Members;
use crate::secret::{CommunicationToken, is_b64token};

/// A token as every issuing operation answers it.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct AccessToken {
    /// The token, which has the form of one.
    pub(crate) token: CommunicationToken,
    /// RFC 3339, with seven fractional digits and `+00:00`.
    pub(crate) expires_on: String,
}

impl TryFrom<Members> for AccessToken {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        let token = members.text("token").filter(|token| is_b64token(token));
        Ok(AccessToken {
            token: CommunicationToken::new(token.ok_or("no token")?),
            expires_on: members.text("expiresOn").ok_or("no expiresOn")?,
        })
    }
}

/// The body of `POST /identities` with a token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateIdentity<'a> {
    /// The scopes of the token.
    pub(crate) create_token_with_scopes: Vec<&'a str>,
    /// Its lifetime; the service's default if it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in_minutes: Option<u16>,
}

/// The answer to `POST /identities`, and to the direct exchanges.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct IdentityAndToken {
    /// The identity's raw id.
    pub(crate) identity: String,
    /// The token, if one was requested and it can be parsed.
    pub(crate) access_token: Option<AccessToken>,
}

impl TryFrom<Members> for IdentityAndToken {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        let identity = members.object("identity");
        let token = members.object("accessToken");
        Ok(IdentityAndToken {
            identity: identity
                .and_then(|mut identity| identity.text("id"))
                .ok_or("no identity")?,
            access_token: token.and_then(|token| token.try_into().ok()),
        })
    }
}

/// The body of `POST /identities/{id}/:issueAccessToken`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssueToken<'a> {
    /// The scopes.
    pub(crate) scopes: Vec<&'a str>,
    /// The lifetime; the service's default if it is missing.
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

/// The body of `PUT …/assignments/{id}`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PutAssignment<'a> {
    /// The type of the principal.
    pub(crate) principal_type: &'a str,
    /// The principal's tenant; only Entra assignments have it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<&'a str>,
    /// The applications.
    pub(crate) client_ids: &'a [String],
}

/// An assignment.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct AssignmentEntry {
    /// The principal.
    pub(crate) object_id: String,
    /// The principal's tenant.
    pub(crate) tenant_id: String,
    /// The type of the principal.
    pub(crate) principal_type: String,
    /// The applications.
    pub(crate) client_ids: Vec<String>,
}

impl TryFrom<Members> for AssignmentEntry {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        Ok(AssignmentEntry {
            object_id: members.text("objectId").ok_or("no objectId")?,
            tenant_id: members.text("tenantId").ok_or("no tenantId")?,
            principal_type: members.text("principalType").ok_or("no principalType")?,
            // A change sends the applications back, so that an unreadable list would end them.
            client_ids: match members.has("clientIds") {
                true => members.texts("clientIds").ok_or("unreadable clientIds")?,
                false => Vec::new(),
            },
        })
    }
}

/// A page of the list of assignments. An entry that cannot be read makes the page unreadable: a list
/// of permissions must be complete.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct AssignmentPage {
    /// The assignments.
    pub(crate) value: Vec<AssignmentEntry>,
    /// The address of the next page.
    pub(crate) next_link: Option<String>,
}

impl TryFrom<Members> for AssignmentPage {
    type Error = &'static str;

    fn try_from(mut members: Members) -> Result<Self, Self::Error> {
        let entries = members.objects("value").ok_or("no value")?.into_iter();
        Ok(AssignmentPage {
            value: entries
                .map(AssignmentEntry::try_from)
                .collect::<Result<_, _>>()?,
            next_link: members.text("nextLink"),
        })
    }
}

/// The service's error: the one member of the body of every error.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct ServiceError {
    /// The word to branch on, for instance `Denied`.
    pub(crate) code: String,
    /// The message.
    pub(crate) message: String,
    /// The field that is at fault, for instance `appId`.
    pub(crate) target: Option<String>,
}

impl TryFrom<Members> for ServiceError {
    type Error = &'static str;

    fn try_from(mut body: Members) -> Result<Self, Self::Error> {
        let mut error = body.object("error").ok_or("no error")?;
        Ok(ServiceError {
            code: error.text("code").unwrap_or_default(),
            message: error.text("message").unwrap_or_default(),
            target: error.text("target"),
        })
    }
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
    fn text_that_is_no_b64token_is_no_token() {
        for token in ["a b", "a\\r\\nx: y", "a,b", "ä", ""] {
            let text = format!(r#"{{"token":"{token}","expiresOn":"e"}}"#);
            let read: Result<AccessToken, _> = serde_json::from_str(&text);
            assert!(read.is_err(), "{text}");
        }
    }

    #[test]
    fn no_member_of_an_answer_makes_the_others_unreadable() {
        for odd in ["null", "7", "[]", "{}", "1e400", r#""\ud800""#] {
            let text = format!(
                r#"{{"identity":{{"id":"8:acs:a_b","odd":{odd}}},"odd":{odd},
                    "accessToken":{{"token":"t","expiresOn":"e","odd":{odd}}}}}"#
            );
            let read: IdentityAndToken = crate::wire::read(text.as_bytes()).expect("an identity");
            assert_eq!(read.identity, "8:acs:a_b");
            assert_eq!(read.access_token.expect("a token").expires_on, "e", "{odd}");

            let text = format!(r#"{{"identity":{{"id":"8:acs:a_b"}},"accessToken":{odd}}}"#);
            let read: IdentityAndToken = crate::wire::read(text.as_bytes()).expect("an identity");
            assert!(read.access_token.is_none(), "{odd}");

            let text = format!(
                r#"{{"error":{{"code":"Denied","message":{odd},"target":{odd},"innererror":{odd}}}}}"#
            );
            let read: ServiceError = crate::wire::read(text.as_bytes()).expect("an error");
            assert_eq!(read.code, "Denied", "{odd}");
        }
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

    #[test]
    fn a_list_of_assignments_is_read_whole_or_not_at_all() {
        let entry = |id: &str| {
            format!(r#"{{{id}"tenantId":"t","principalType":"user","clientIds":["c"],"odd":null}}"#)
        };
        let page = |entries: &[String]| format!(r#"{{"value":[{}]}}"#, entries.join(","));
        let good = entry(r#""objectId":"o","#);
        let one = page(std::slice::from_ref(&good));
        let read: AssignmentPage = serde_json::from_str(&one).expect("a page");
        assert_eq!((read.value.len(), read.next_link), (1, None));
        assert_eq!(read.value[0].client_ids, ["c"]);
        for bad in [page(&[good, entry("")]), "{}".to_owned()] {
            let read: Result<AssignmentPage, _> = serde_json::from_str(&bad);
            assert!(read.is_err(), "{bad}");
        }
    }
}
