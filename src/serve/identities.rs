//! The identity operations, for those who hold a key or a role: what the Logic Apps connector's
//! actions do, in the shapes of `user` and `token`.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::acs::{
    CommunicationUserId, CreatedUser, IdentityClient, TokenLifetime, TokenScope, teams_token,
};
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::jwt;
use crate::secret::EntraToken;
use crate::time::Clock;

use super::Factory;
use super::accounts::blocking;
use super::body::read;
use super::response::{self, Refusal};

/// See the module.
pub(super) struct Identities {
    make: Factory<IdentityClient>,
    client: OnceCell<IdentityClient>,
    clock: Arc<dyn Clock>,
}

/// The scopes and the lifetime that a body asks for. An identity alone needs none of it.
async fn token_options(
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<TokenScope>, Option<TokenLifetime>), Refusal> {
    let mut members = read(headers, body).await?;
    let scopes = TokenScope::list(&members.texts("scopes")?)?;
    let lifetime = members.minutes("expiresInMinutes")?;
    members.end()?;
    Ok((scopes, lifetime.map(TokenLifetime::new).transpose()?))
}

impl Identities {
    pub(super) fn new(make: Factory<IdentityClient>, clock: Arc<dyn Clock>) -> Self {
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
        let (scopes, lifetime) = token_options(headers, body).await?;
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
        let json = json::created(&created, self.clock.now());
        Ok(response::json(StatusCode::CREATED, &json))
    }

    /// `POST /identities/{id}/tokens`
    pub(super) async fn issue(
        &self,
        id: &str,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, Refusal> {
        let user = CommunicationUserId::parse(id)?;
        let (scopes, lifetime) = token_options(headers, body).await?;
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
        let json = json::issued(&issued, self.clock.now());
        Ok(response::json(StatusCode::OK, &json))
    }

    /// `POST /identities/{id}/revoke`
    pub(super) async fn revoke(&self, id: &str) -> Result<Response, Refusal> {
        let user = CommunicationUserId::parse(id)?;
        let revoked = self.client().await?.revoke_tokens(&user).await;
        revoked.map_err(of_resource)?;
        Ok(response::done())
    }

    /// `DELETE /identities/{id}`
    pub(super) async fn delete(&self, id: &str) -> Result<Response, Refusal> {
        let user = CommunicationUserId::parse(id)?;
        let deleted = self.client().await?.delete_user(&user).await;
        deleted.map_err(of_resource)?;
        Ok(response::done())
    }

    /// A Teams user's Entra token that a client of the hero sample brings along.
    pub(super) async fn exchange(&self, token: EntraToken) -> Result<crate::acs::Issued, Refusal> {
        const CLAIMS: [&str; 3] = ["appid", "azp", "oid"];
        let decoded = jwt::decode(token.expose());
        let claims = decoded.map(|decoded| decoded.claims).unwrap_or_default();
        // A claim of another type costs nothing but itself.
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
        let app_id = text(CLAIMS[0]).or_else(|| text(CLAIMS[1]));
        let (Some(app_id), Some(user_id)) = (app_id, text(CLAIMS[2])) else {
            let is_unreadable = |name: &&&str| claims.get(**name).is_some_and(|it| !it.is_string());
            let message = match CLAIMS.iter().find(is_unreadable) {
                Some(name) => {
                    format!("the claim `{name}` of the token in `teams-user-aad-token` is not text")
                }
                None => {
                    "the token in `teams-user-aad-token` names no application or no user".to_owned()
                }
            };
            return Err(Refusal::of_request(
                message,
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
