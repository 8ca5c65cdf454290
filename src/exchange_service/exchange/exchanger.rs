//! One exchange: the cache, the limits, and the request to the resource.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ring::digest::{Context, SHA256};
use tracing::Instrument as _;

use super::cache::{Key, Origin, Outcome, TokenCache};
use super::on_behalf_of::OnBehalfOf;
use super::reason::Reason;
use super::refusal::Refusal;
use super::resource::Resource;
use crate::exchange_service::limits::{Permit, Reservation, ResourceBudget, UserLimits};
use crate::exchange_service::records::Metrics;
use crate::exchange_service::tokens::{Rejection, UserToken};
use crate::exchange_service::traces;
use crate::secret::EntraToken;

/// The most that is added to a pause, as a part of it.
const MAX_SPREAD: f64 = 0.25;

/// Exchanges users' tokens.
pub(in crate::exchange_service) struct Exchanger {
    pub(in crate::exchange_service) resource: Resource,
    pub(in crate::exchange_service) on_behalf_of: Option<Arc<OnBehalfOf>>,
    pub(in crate::exchange_service) cache: Arc<TokenCache>,
    pub(in crate::exchange_service) users: UserLimits,
    pub(in crate::exchange_service) budget: Arc<ResourceBudget>,
    pub(in crate::exchange_service) metrics: Arc<Metrics>,
}

/// The token that the resource gets.
pub(in crate::exchange_service) enum Subject {
    /// The user's own, with the application that it was issued to.
    Token { text: EntraToken, client: String },
    /// One that Entra issues to this service for the caller's token.
    OnBehalfOf { assertion: EntraToken },
}

impl Exchanger {
    /// Returns a Communication token for the user of the bearer token.
    pub(in crate::exchange_service) async fn token(
        self: &Arc<Self>,
        caller: &Arc<UserToken>,
        subject: Subject,
    ) -> (Outcome, Origin) {
        let user = user_key(caller);
        let key = key(&user, &subject);
        let (this, caller) = (self.clone(), caller.clone());
        let exchange = move || async move { this.exchange(&caller, subject).await };
        self.cache.token(&user, key, exchange).await
    }

    /// Reserves one request to the resource that this user causes, and counts it for the user. What the
    /// budget refuses here is no request of the user.
    pub(super) fn reserve(&self, user: &str) -> Result<Reservation, Refusal> {
        let reservation = self.budget.reserve().map_err(no_budget)?;
        self.users.take(user).map_err(|pause| {
            let description = "The user has sent too many requests.";
            Refusal::limited(Reason::UserLimit, description, pause)
        })?;
        Ok(reservation)
    }

    /// Begins the reserved request. The principal's token for it is requested before, if there is none:
    /// that is no request to the resource.
    pub(super) async fn begin(&self, reservation: Reservation) -> Result<Permit, Refusal> {
        let token = self.resource.principal_token().await;
        token.map_err(|error| Refusal::of_credential(&error))?;
        reservation.begin().map_err(no_budget)
    }

    async fn exchange(&self, caller: &UserToken, subject: Subject) -> Outcome {
        let (tenant, user) = (&caller.tenant, &caller.user);
        let reservation = self.reserve(&user_key(caller))?;
        let (text, client) = match (subject, &self.on_behalf_of) {
            (Subject::Token { text, client }, _) => (text, client),
            (Subject::OnBehalfOf { assertion }, Some(on_behalf_of)) => {
                let text = on_behalf_of.token(tenant, &assertion).await?;
                (text, on_behalf_of.client_id().to_owned())
            }
            (Subject::OnBehalfOf { .. }, None) => {
                return Err(Refusal::of_request(
                    Reason::Subject(Rejection::Missing),
                    "The subject token is missing.",
                ));
            }
        };
        let permit = self.begin(reservation).await?;
        let start = Instant::now();
        let client_of_resource = self.resource.client();
        let exchanged = client_of_resource.exchange_teams_user_token(&text, &client, user);
        let exchanged = exchanged.instrument(traces::of_client("exchange")).await;
        drop(permit);
        self.metrics.exchanged(start.elapsed(), exchanged.is_ok());
        exchanged
            .map(Arc::new)
            .map_err(|error| Refusal::of_resource(&error))
    }
}

fn no_budget(pause: Duration) -> Refusal {
    let description = "The budget of the ACS resource is used up for now.";
    // Clients that return at the same moment would find it used up again.
    let pause = pause.mul_f64(1.0 + MAX_SPREAD * fastrand::f64());
    Refusal::limited(Reason::Budget, description, pause)
}

/// Returns the name of a user for limits and locks.
pub(in crate::exchange_service) fn user_key(user: &UserToken) -> String {
    format!("{}/{}", user.tenant, user.user)
}

fn key(user: &str, subject: &Subject) -> Key {
    let (kind, token) = match subject {
        Subject::Token { text, .. } => (0, text),
        Subject::OnBehalfOf { assertion } => (1, assertion),
    };
    let mut context = Context::new(&SHA256);
    context.update(&[kind]);
    context.update(user.as_bytes());
    context.update(token.expose().as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}
