//! The identity operations, for those who hold a key or a role: what the Logic Apps connector's
//! actions do, in the shapes of `user` and `token`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::acs::{
    CommunicationUserId, CreatedUser, IdentityClient, TokenLifetime, TokenScope, teams_token,
};
use crate::error::{Error, Kind, Result};
use crate::jwt;
use crate::secret::EntraToken;
use crate::shapes;
use crate::time::Clock;

use super::Make;
use super::accounts::blocking;
use super::answer::{self, Refusal};

/// Longest body that is read.
const BODY: usize = 64 * 1024;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Identities {
    make: Make<IdentityClient>,
    client: OnceCell<IdentityClient>,
    clock: Arc<dyn Clock>,
}

/// What is asked for: nothing of it is needed to create an identity alone.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Asked {
    scopes: Vec<String>,
    expires_in_minutes: Option<u64>,
}

impl Asked {
    fn wanted(&self) -> Result<(Vec<TokenScope>, Option<TokenLifetime>)> {
        let scopes = self.scopes.iter().map(|scope| scope.parse());
        let minutes = self.expires_in_minutes;
        let lifetime = minutes
            .map(|minutes| TokenLifetime::new(Duration::from_secs(minutes.saturating_mul(60))))
            .transpose()?;
        Ok((scopes.collect::<Result<_>>()?, lifetime))
    }
}

impl Identities {
    pub(super) fn new(make: Make<IdentityClient>, clock: Arc<dyn Clock>) -> Self {
        Identities {
            make,
            client: OnceCell::new(),
            clock,
        }
    }

    /// `POST /identities`
    pub(super) async fn create(
        &self,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, Refusal> {
        let asked: Asked = read(headers, body).await?;
        let (scopes, lifetime) = asked.wanted()?;
        if scopes.is_empty() && lifetime.is_some() {
            return Err(Refusal::of_request(
                "`expiresInMinutes` without `scopes` means nothing",
                "name the scopes of a token, or leave both out",
            ));
        }
        let client = self.client().await?;
        let created = match scopes.as_slice() {
            [] => CreatedUser {
                id: client.create_user().await.map_err(of_resource)?,
                token: None,
            },
            scopes => client
                .create_user_with_token(scopes, lifetime)
                .await
                .map_err(of_resource)?,
        };
        let json = shapes::created(&created, self.clock.now());
        Ok(answer::json(StatusCode::CREATED, &json))
    }

    /// `POST /identities/{id}/tokens`
    pub(super) async fn issue(
        &self,
        id: &str,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, Refusal> {
        let user = CommunicationUserId::parse(id)?;
        let asked: Asked = read(headers, body).await?;
        let (scopes, lifetime) = asked.wanted()?;
        if scopes.is_empty() {
            return Err(Refusal::of_request(
                "a token without scopes is good for nothing",
                "name them in the body, like {\"scopes\": [\"chat\", \"voip\"]}",
            ));
        }
        let client = self.client().await?;
        let issued = client
            .issue_token(&user, &scopes, lifetime)
            .await
            .map_err(of_resource)?;
        let json = shapes::issued(&issued, self.clock.now());
        Ok(answer::json(StatusCode::OK, &json))
    }

    /// `POST /identities/{id}/revoke`
    pub(super) async fn revoke(&self, id: &str) -> Result<Response, Refusal> {
        let user = CommunicationUserId::parse(id)?;
        let revoked = self.client().await?.revoke_tokens(&user).await;
        revoked.map_err(of_resource)?;
        Ok(answer::done())
    }

    /// `DELETE /identities/{id}`
    pub(super) async fn delete(&self, id: &str) -> Result<Response, Refusal> {
        let user = CommunicationUserId::parse(id)?;
        let deleted = self.client().await?.delete_user(&user).await;
        deleted.map_err(of_resource)?;
        Ok(answer::done())
    }

    /// A Teams user's Entra token that a client of the hero sample brings along.
    pub(super) async fn exchange(&self, token: EntraToken) -> Result<crate::acs::Issued, Refusal> {
        #[derive(Default, Deserialize)]
        struct Claims {
            appid: Option<String>,
            azp: Option<String>,
            oid: Option<String>,
        }
        let claims: Claims = jwt::claims(token.expose()).unwrap_or_default();
        let (Some(app_id), Some(user_id)) = (claims.appid.or(claims.azp), claims.oid) else {
            return Err(Refusal::of_request(
                "the token in `teams-user-aad-token` names no application or no user",
                "send the Entra token of a Teams user, or leave the header out",
            ));
        };
        teams_token::check(token.expose(), &app_id, &user_id, self.clock.now())?;
        let client = self.client().await?;
        client
            .exchange_teams_user_token(&token, &app_id, &user_id)
            .await
            .map_err(of_resource)
    }

    /// Made when it is first needed: the key may lie in the keyring.
    async fn client(&self) -> Result<&IdentityClient, Refusal> {
        let made = self.client.get_or_try_init(|| {
            let make = self.make.clone();
            blocking(move || make())
        });
        made.await.map_err(of_resource)
    }
}

/// The request has been checked: what is wrong now is how the service was set up.
fn of_resource(error: Error) -> Refusal {
    match error.kind() {
        Kind::Usage => Refusal {
            status: StatusCode::CONFLICT,
            error,
        },
        _ => error.into(),
    }
}

/// The body as JSON; none is an empty object.
pub(super) async fn read<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Refusal> {
    let too_slow = |_| {
        Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "TooSlow",
            "the request's body did not come in time",
            "send it within ten seconds",
        )
    };
    let bytes = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY))
        .await
        .map_err(too_slow)?
        .map_err(|_| {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "TooLarge",
                "the request's body is too large or broke off",
                "send 64 KiB at most",
            )
        })?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    if !media_type.trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "NotJson",
            "the request's body is not said to be JSON",
            "send `Content-Type: application/json`",
        ));
    }
    // A struct would be read from an array as well.
    let read = serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes)
        .and_then(|object| serde_json::from_value(Value::Object(object)));
    read.map_err(|_| {
        let error = Error::new(
            Kind::Usage,
            "the request's body is not what this route takes",
            "see GET /openapi.json",
        );
        error.into()
    })
}
