//! The handlers of the card "Access without a key": the assignments of the resource.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::acs::{AccessClient, AccessFamily, Assignment, PrincipalType, RevokeChange};
use crate::error::Result;
use crate::exchange::ExchangeKind;
use crate::input::guid;
use crate::json;
use crate::serve::body::Members;
use crate::serve::context::{Context, blocking};
use crate::serve::response::{Refusal, Reply};
use crate::session::{AccountState, TokenKind};

use super::access::Dashboard;

/// Returns what the card needs: the exchange, and the usual tenant and application.
pub(super) fn settings(context: &Context, accounts: &[AccountState]) -> Value {
    let application = context.session().application();
    let active = accounts.iter().find(|state| state.active);
    let tenant_id = guid(&application.tenant);
    let tenant_id = tenant_id.or_else(|| Some(active?.account.tenant_id.clone()));
    json!({
        "exchange": match exchange(context) {
            ExchangeKind::TeamsExtension => "teams-extension",
            ExchangeKind::Key | ExchangeKind::Entra | ExchangeKind::Service => "entra",
        },
        "tenantId": tenant_id,
        "clientId": application.client_id,
    })
}

/// `GET /dashboard/assignments`
pub(super) async fn list(State(dashboard): State<Arc<Dashboard>>) -> Reply {
    let context = &dashboard.accounts.context;
    let assignments = client(context, String::new()).await?.list().await?;
    let value: Vec<Value> = assignments.iter().map(json::assignment).collect();
    Ok(Json(json!({"value": value})).into_response())
}

/// `POST /dashboard/assignments/grant`
pub(super) async fn grant(State(dashboard): State<Arc<Dashboard>>, request: Request) -> Reply {
    let context = &dashboard.accounts.context;
    let granted = async {
        let mut members = Members::read(request).await?;
        let mut text = |name| required(&mut members, name);
        let wanted = Assignment {
            object_id: text("objectId")?,
            tenant_id: text("tenantId")?,
            principal_type: PrincipalType::named(&text("principalType")?),
            client_ids: vec![text("clientId")?],
        };
        members.end()?;
        let client = client(context, wanted.tenant_id.clone()).await?;
        let granted = client.grant(&wanted).await?;
        let mut json = json::assignment(&granted.assignment);
        json["change"] = json!(granted.change.as_str());
        Ok(json)
    };
    logged(
        context,
        |_| "Access granted",
        "Access was not granted",
        granted,
    )
    .await
}

/// `POST /dashboard/assignments/revoke`
pub(super) async fn revoke(State(dashboard): State<Arc<Dashboard>>, request: Request) -> Reply {
    let context = &dashboard.accounts.context;
    let revoked = async {
        let mut members = Members::read(request).await?;
        let object_id = required(&mut members, "objectId")?;
        let tenant_id = required(&mut members, "tenantId")?;
        members.end()?;
        let client = client(context, tenant_id).await?;
        let change = client.revoke(&object_id, &[]).await?;
        Ok(json!({"objectId": object_id, "change": change.as_str()}))
    };
    let done = |change: &str| match change == RevokeChange::Absent.as_str() {
        true => "No access to revoke",
        false => "Access revoked",
    };
    logged(context, done, "Access was not revoked", revoked).await
}

/// Records the result as an event.
async fn logged(
    context: &Context,
    done: impl Fn(&str) -> &'static str,
    failed: &'static str,
    work: impl Future<Output = Result<Value, Refusal>>,
) -> Reply {
    match work.await {
        Ok(json) => {
            let id = json["objectId"].as_str().unwrap_or_default();
            let done = done(json["change"].as_str().unwrap_or_default());
            context.events.good(format!("{done}: {id}"));
            Ok(Json(json).into_response())
        }
        Err(refusal) => {
            context.events.bad(failed, &refusal.error);
            Err(refusal)
        }
    }
}

/// Takes a member that the page always sends.
fn required(members: &mut Members, name: &str) -> Result<String, Refusal> {
    members.text(name)?.ok_or_else(|| {
        Refusal::of_request(
            format!("the body's member `{name}` is missing"),
            "Fill in every field.",
        )
    })
}

/// Returns a client with the owner's credential. Its construction may read the keyring.
async fn client(context: &Context, tenant_id: String) -> Result<AccessClient, Refusal> {
    let clients = context.options.clients.clone();
    let owner = blocking(move || clients.identity_client()).await?;
    let family = match exchange(context) {
        ExchangeKind::TeamsExtension => AccessFamily::TeamsExtension { tenant_id },
        ExchangeKind::Key | ExchangeKind::Entra | ExchangeKind::Service => AccessFamily::Entra,
    };
    Ok(AccessClient::new(owner, family))
}

fn exchange(context: &Context) -> ExchangeKind {
    match &context.options.token_request.kind {
        TokenKind::Communication(source) => source.exchange,
        TokenKind::Entra(_) => ExchangeKind::Entra,
    }
}
