//! The handlers of identity operations, for a service with a key or a role of the resource.
//!
//! They do what the actions of the Logic Apps connector do, with the JSON of `user` and `token`.

use axum::Json;
use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::Value;

use crate::acs::{
    CommunicationUserId, CreatedUser, IdentityClient, IssuedToken, TokenLifetime, TokenScope,
    teams_token,
};
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::jwt;
use crate::secret::EntraToken;

use super::accounts::AccountsState;
use super::body::Members;
use super::context::Context;
use super::response::{Refusal, Reply, done};

/// `POST /identities`
pub(super) async fn create(State(accounts): AccountsState, request: Request) -> Reply {
    let context = &accounts.context;
    let created = async {
        let (scopes, lifetime) = token_options(request).await?;
        if scopes.is_empty() && lifetime.is_some() {
            return Err(Refusal::of_request(
                "`expiresInMinutes` needs `scopes`",
                "Send the scopes of the token, or leave both out.",
            ));
        }
        let client = client(context).await?;
        let created = match scopes.as_slice() {
            [] => client
                .create_user()
                .await
                .map(|id| CreatedUser { id, token: None }),
            scopes => client.create_user_with_token(scopes, lifetime).await,
        };
        let json = json::created(&created.map_err(of_resource)?, context.clock().now());
        Ok((StatusCode::CREATED, Json(json)).into_response())
    };
    logged(context, "Identity created", created).await
}

/// `POST /identities/{id}/tokens`
pub(super) async fn issue_token(
    State(accounts): AccountsState,
    params: RawPathParams,
    request: Request,
) -> Reply {
    let context = &accounts.context;
    let issued = async {
        let user = user(&params)?;
        let (scopes, lifetime) = token_options(request).await?;
        if scopes.is_empty() {
            return Err(Refusal::of_request(
                "the body has no scopes",
                "Send them like {\"scopes\": [\"chat\", \"voip\"]}.",
            ));
        }
        let client = client(context).await?;
        let issued = client.issue_token(&user, &scopes, lifetime).await;
        let json = json::issued(&issued.map_err(of_resource)?, context.clock().now());
        Ok(Json(json).into_response())
    };
    logged(context, "Token issued for an identity", issued).await
}

/// `POST /identities/{id}/revoke`
pub(super) async fn revoke(State(accounts): AccountsState, params: RawPathParams) -> Reply {
    let context = &accounts.context;
    let revoked = async {
        let user = user(&params)?;
        let revoked = client(context).await?.revoke_tokens(&user).await;
        revoked.map(|()| done()).map_err(of_resource)
    };
    logged(context, "Tokens of an identity revoked", revoked).await
}

/// `DELETE /identities/{id}`
pub(super) async fn delete(State(accounts): AccountsState, params: RawPathParams) -> Reply {
    let context = &accounts.context;
    let deleted = async {
        let user = user(&params)?;
        let deleted = client(context).await?.delete_user(&user).await;
        deleted.map(|()| done()).map_err(of_resource)
    };
    logged(context, "Identity deleted", deleted).await
}

/// Exchanges the Entra token of a Teams user, which a client of the hero sample sends.
pub(super) async fn exchange(context: &Context, token: EntraToken) -> Result<IssuedToken, Refusal> {
    let decoded = jwt::decode(token.expose());
    let claims = decoded.map(|decoded| decoded.claims).unwrap_or_default();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let app_id = text("appid").or_else(|| text("azp"));
    let (Some(app_id), Some(user_id)) = (app_id, text("oid")) else {
        let is_unreadable = |name: &&str| claims.get(*name).is_some_and(|it| !it.is_string());
        let message = match ["appid", "azp", "oid"].into_iter().find(is_unreadable) {
            Some(name) => {
                format!("the claim `{name}` of the token in `teams-user-aad-token` is not text")
            }
            None => {
                "the token in `teams-user-aad-token` has no application id or no user id".to_owned()
            }
        };
        return Err(Refusal::of_request(
            message,
            "Send the Entra token of a Teams user, or leave the header out.",
        ));
    };
    teams_token::check(token.expose(), app_id, user_id, context.clock().now())?;
    let client = client(context).await?;
    let exchanged = client.exchange_teams_user_token(&token, app_id, user_id);
    exchanged.await.map_err(of_resource)
}

/// Reads the scopes and the lifetime of a token from the body.
async fn token_options(
    request: Request,
) -> Result<(Vec<TokenScope>, Option<TokenLifetime>), Refusal> {
    let mut members = Members::read(request).await?;
    let scopes = TokenScope::list(&members.texts("scopes")?)?;
    let lifetime = members.minutes("expiresInMinutes")?;
    members.end()?;
    Ok((scopes, lifetime.map(TokenLifetime::new).transpose()?))
}

/// Reads the identity in the path.
fn user(params: &RawPathParams) -> Result<CommunicationUserId> {
    let id = params.iter().next().map(|(_, id)| id);
    CommunicationUserId::parse(id.unwrap_or_default())
}

async fn client(context: &Context) -> Result<&IdentityClient, Refusal> {
    context.identity_client().await.map_err(of_resource)
}

/// Records the result as an event.
async fn logged(context: &Context, what: &str, work: impl Future<Output = Reply>) -> Reply {
    let events = &context.events;
    work.await
        .inspect(|_| events.good(what))
        .inspect_err(|refusal| events.bad(failed(&refusal.error), &refusal.error))
}

/// The part that an error blames, in an event.
fn failed(error: &Error) -> &'static str {
    let status = error.service_response().map(|response| response.status);
    match (status, error.kind()) {
        (Some(500..), _) => "The resource's service failed",
        (Some(_), _) => "The resource refused the request",
        (None, Kind::Usage) => "Invalid request for an identity",
        (None, Kind::Unreachable) => "The resource was unreachable",
        (None, _) => "Request for an identity failed",
    }
}

/// Maps an error of the resource. The request was valid, so a usage error means that the service is
/// not configured correctly.
fn of_resource(error: Error) -> Refusal {
    let mut refusal = Refusal::from(error);
    if refusal.error.kind() == Kind::Usage {
        refusal.status = StatusCode::CONFLICT;
    }
    refusal
}
