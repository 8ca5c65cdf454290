//! The handlers of the page's requests.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::json;
use crate::jwt;
use crate::serve::body::Members;
use crate::serve::context::blocking;
use crate::serve::response::{Refusal, Reply, done};
use crate::text::secret_form;

use super::access::{Dashboard, TICKETS_PATH};
use super::account_json;
use super::assignments;
use super::sessions::TICKET_LIFE;

/// How long a request waits for a ticket to be used. A service that stops waits for its responses.
const TICKET_WAIT: Duration = Duration::from_secs(1);

type DashboardState = State<Arc<Dashboard>>;

/// Returns the routes of the page. They change with the page, so that the OpenAPI document does not
/// contain them.
pub(in crate::serve) fn routes(dashboard: Arc<Dashboard>) -> Router {
    Router::new()
        .route(TICKETS_PATH, post(issue_ticket).get(await_ticket))
        .route("/dashboard/state", get(state))
        .route("/dashboard/claims", get(claims))
        .route(
            "/dashboard/sign-in",
            post(begin_sign_in).delete(end_sign_in),
        )
        .route("/dashboard/assignments", get(assignments::list))
        .route("/dashboard/assignments/grant", post(assignments::grant))
        .route("/dashboard/assignments/revoke", post(assignments::revoke))
        .route("/dashboard/switch", post(switch))
        .route("/dashboard/sign-out", post(sign_out))
        .route("/dashboard/refresh", post(refresh))
        .route("/dashboard/origins/approve", post(approve_origin))
        .route("/dashboard/origins/dismiss", post(dismiss_origin))
        .route("/dashboard/origins/withdraw", post(withdraw_origin))
        .with_state(dashboard)
}

/// `POST /dashboard/tickets`; with `?start`, for a browser that is about to be started.
async fn issue_ticket(State(dashboard): DashboardState, RawQuery(query): RawQuery) -> Reply {
    let link = dashboard.link(query.as_deref() == Some("start"))?;
    let json = json!({
        "url": link.link.target(),
        "start": link.link.start(),
        "number": link.number,
        "expiresInSeconds": TICKET_LIFE.as_secs(),
    });
    Ok((StatusCode::CREATED, Json(json)).into_response())
}

/// `GET /dashboard/tickets?number=N`: whether a ticket is still unused, after a change or one second.
async fn await_ticket(State(dashboard): DashboardState, RawQuery(query): RawQuery) -> Reply {
    let query = query.as_deref().unwrap_or_default();
    let number = query.strip_prefix("number=");
    let number = number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| {
            Refusal::of_request(
                "the ticket's number is missing",
                "Send it like `?number=1`.",
            )
        })?;
    let gone = dashboard.sessions.ticket_gone(number);
    let is_gone = tokio::time::timeout(TICKET_WAIT, gone).await.is_ok();
    Ok(Json(json!({"waits": !is_gone})).into_response())
}

async fn state(State(dashboard): DashboardState) -> Reply {
    // Read first: if it shows no sign-in, the accounts contain the result of the sign-in.
    let (sign_in, sign_in_failure) = dashboard.sign_ins.json();
    let context = &dashboard.accounts.context;
    let options = &context.options;
    let clients = options.clients.clone();
    let (states, owner) =
        blocking(move || Ok((clients.overview()?.accounts(), clients.resource()))).await?;
    let accounts = states.iter().map(|state| {
        let credential = dashboard.accounts.known(&state.account.home_account_id);
        account_json::account(state, credential.as_deref(), context.clock())
    });
    let accounts: Value = accounts.collect();
    let owner = match owner {
        Ok(endpoint) => json!({"endpoint": endpoint.as_str()}),
        Err(error) => json::error(&error),
    };
    let running = &dashboard.running;
    let json = json!({
        "now": context.clock().now().to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "profile": options.profile,
        "store": context.session().store_name(),
        "service": {
            "url": running.url,
            "secretFile": running.secret_file.display().to_string(),
            "socket": running.socket.as_ref().map(|path| path.display().to_string()),
            "minValiditySeconds": options.token_request.min_validity.as_secs(),
            "scopes": options.token_request.scopes(),
        },
        "accounts": accounts,
        "signIn": sign_in,
        "signInFailed": sign_in_failure,
        "owner": owner,
        "access": assignments::settings(context, &states),
        "origins": context.origins.json(),
        "events": context.events.json(),
    });
    Ok(Json(json).into_response())
}

/// Returns the claims of this account's token, without the token.
async fn claims(State(dashboard): DashboardState, RawQuery(query): RawQuery) -> Reply {
    let mut pairs = form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let user = pairs.find(|(name, _)| name == "account");
    let user = user.map(|(_, user)| user.into_owned());
    let (_, token) = dashboard.accounts.token(user.as_deref(), None).await?;
    let decoded = jwt::decode(token.token.expose()).ok_or_else(|| {
        Refusal::new(
            StatusCode::CONFLICT,
            "OpaqueToken",
            "this token has no readable claims",
            "Use the token as it is.",
        )
    })?;
    let json = json!({
        "header": decoded.header,
        "claims": decoded.claims,
        "expiresOn": token.expires_on.to_string(),
    });
    Ok(Json(json).into_response())
}

async fn begin_sign_in(State(dashboard): DashboardState, request: Request) -> Reply {
    let account = account(request).await?;
    let url = dashboard.sign_ins.begin(account).await?;
    Ok(Json(json!({"url": url})).into_response())
}

async fn end_sign_in(State(dashboard): DashboardState) -> Reply {
    dashboard.sign_ins.end();
    Ok(done())
}

async fn switch(State(dashboard): DashboardState, request: Request) -> Reply {
    let user = required_account(request).await?;
    let change = dashboard
        .accounts
        .change(move |sessions| sessions.activate(&user));
    let text = format!("Active account: {}", change.await?.username);
    dashboard.accounts.context.events.good(text);
    Ok(done())
}

async fn sign_out(State(dashboard): DashboardState, request: Request) -> Reply {
    let user = required_account(request).await?;
    let change = dashboard
        .accounts
        .change(move |sessions| sessions.forget(&user));
    let text = format!("Signed out {}", change.await?.username);
    dashboard.accounts.context.events.good(text);
    Ok(done())
}

async fn refresh(State(dashboard): DashboardState, request: Request) -> Reply {
    let user = required_account(request).await?;
    dashboard.accounts.refresh_now(&user).await?;
    Ok(done())
}

/// Approves the page with this number, until the service stops or permanently.
async fn approve_origin(State(dashboard): DashboardState, request: Request) -> Reply {
    let mut members = Members::read(request).await?;
    let number = number(&mut members)?;
    let is_permanent = match members.text("for")?.as_deref() {
        Some("run") => false,
        Some("ever") => true,
        _ => {
            return Err(Refusal::of_request(
                "the duration is missing",
                "Send `run` or `ever`.",
            ));
        }
    };
    members.end()?;
    let context = dashboard.accounts.context.clone();
    let approved = blocking(move || context.origins.approve(number, is_permanent)).await?;
    let events = &dashboard.accounts.context.events;
    events.good(format!("Approved the origin {approved}"));
    Ok(done())
}

async fn dismiss_origin(State(dashboard): DashboardState, request: Request) -> Reply {
    let mut members = Members::read(request).await?;
    let number = number(&mut members)?;
    members.end()?;
    dashboard.accounts.context.origins.dismiss(number);
    Ok(done())
}

async fn withdraw_origin(State(dashboard): DashboardState, request: Request) -> Reply {
    let mut members = Members::read(request).await?;
    let origin = members.text("origin")?.unwrap_or_default();
    members.end()?;
    let context = dashboard.accounts.context.clone();
    let text = format!("Removed the approval of {origin}");
    blocking(move || context.origins.withdraw(&origin)).await?;
    dashboard.accounts.context.events.good(text);
    Ok(done())
}

/// Reads the number of a page that asks for approval.
fn number(members: &mut Members) -> Result<u64, Refusal> {
    let number = members
        .text("number")?
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        Refusal::of_request(
            "the page's number is missing",
            "Send it like {\"number\": \"1\"}.",
        )
    })
}

/// Reads the account of a request, if the body has one.
async fn account(request: Request) -> Result<Option<String>, Refusal> {
    let mut members = Members::read(request).await?;
    let account = members.text("account")?;
    members.end()?;
    // The sign-in puts it as `login_hint` into an address that the browser keeps.
    match account.as_deref().and_then(secret_form) {
        Some(form) => Err(Refusal::of_request(
            format!("the body's member `account` has the form of {form}"),
            "Send a username or a home account id.",
        )),
        None => Ok(account),
    }
}

async fn required_account(request: Request) -> Result<String, Refusal> {
    account(request).await?.ok_or_else(|| {
        Refusal::of_request(
            "the account is missing",
            "Send it like {\"account\": \"…\"}.",
        )
    })
}
