//! `GET /v1/identity/token`: the caller's own ACS identity, and a token for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tracing::Instrument as _;

use super::decision::Decision;
use super::service::Service;
use super::token::caller;
use crate::exchange_service::exchange::{Reason, Refusal};

/// `GET /v1/identity/token`.
pub(super) async fn identity_token(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Response {
    let mut decision = Decision::start(&service, "identity", request.headers());
    let (parts, _) = request.into_parts();
    let span = decision.span();
    let outcome = async {
        decision.admit()?;
        let (_, caller) = caller(&service, &parts).await?;
        decision.by(caller.clone());
        let identities = service.identities.as_ref().ok_or_else(|| {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "invalid_request",
                Reason::NoIdentities,
                "This service has no identities: it has no database.",
            )
        })?;
        let issued = identities.token(&service.exchanger, &caller).await?;
        decision.about(&issued.id);
        let json = json!({
            "identity": {"id": issued.id},
            "accessToken": {
                "token": issued.token.token.expose(),
                "expiresOn": issued.token.expires_on.to_string(),
            },
        });
        Ok(("issued", Json(json).into_response()))
    };
    let outcome = outcome.instrument(span).await;
    decision.finish(outcome).await
}
