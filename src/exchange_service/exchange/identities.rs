//! The ACS identity of each user, and tokens for it.
//!
//! A user gets one identity, regardless of the order of requests: the table is written under a lock of
//! the user. The owner of the resource can delete an identity; the next request then creates another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use serde_json::json;
use tokio::sync::Semaphore;
use tracing::{Instrument as _, warn};

use super::exchanger::{Exchanger, user_key};
use super::reason::Reason;
use super::refusal::Refusal;
use crate::acs::api::{ApiRequest, Content};
use crate::acs::{CommunicationUserId, CreatedUser, IssuedToken, TokenLifetime, TokenScope};
use crate::error::{Error, Kind, Result};
use crate::exchange_service::database::Database;
use crate::exchange_service::limits::Reservation;
use crate::exchange_service::records::sentences;
use crate::exchange_service::tokens::UserToken;
use crate::exchange_service::traces;
use crate::time::Timestamp;
use crate::wire::acs::IdentityAndToken;

/// The version of the preview that has `customId`.
const PREVIEW: &str = "2025-03-02-preview";
/// A token must not outlive the permission of its user for long. The service allows an hour at least.
const LIFETIME: Duration = Duration::from_secs(60 * 60);
const SCOPES: [TokenScope; 2] = [TokenScope::Chat, TokenScope::Voip];

/// The most requests that hold or wait for the lock of a user. The other connections are for reading.
const MAX_LOCKS: usize = 4;

/// The identities, and the requests for them in progress.
pub(in crate::exchange_service) struct Identities {
    source: Source,
    /// At most one for each user.
    running: Mutex<HashMap<String, Running>>,
}

/// Where the identity of a user is found.
enum Source {
    /// In the database.
    Stored {
        database: Database,
        locks: Semaphore,
    },
    /// At the resource, by an id of this service (a preview).
    Custom,
}

/// An identity, and a token for it.
pub(in crate::exchange_service) struct IdentityToken {
    pub(in crate::exchange_service) id: String,
    pub(in crate::exchange_service) token: IssuedToken,
}

type Outcome = Result<Arc<IdentityToken>, Refusal>;
type Running = Shared<BoxFuture<'static, Outcome>>;

impl Identities {
    pub(in crate::exchange_service) fn stored(database: Database) -> Self {
        Identities::of(Source::Stored {
            database,
            locks: Semaphore::new(MAX_LOCKS),
        })
    }

    pub(in crate::exchange_service) fn custom() -> Self {
        Identities::of(Source::Custom)
    }

    fn of(source: Source) -> Self {
        Identities {
            source,
            running: Mutex::default(),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a token for the user's identity, which is created if there is none. Concurrent requests
    /// of a user get one token. The work continues if the caller goes away, so that no identity is
    /// created and not stored.
    pub(in crate::exchange_service) async fn token(
        self: &Arc<Self>,
        exchanger: &Arc<Exchanger>,
        caller: &Arc<UserToken>,
    ) -> Outcome {
        let user = user_key(caller);
        let running = {
            let mut all = self.running();
            match all.get(&user) {
                Some(running) => running.clone(),
                None => {
                    let running = self.clone().start(exchanger.clone(), caller.clone());
                    all.insert(user, running.clone());
                    running
                }
            }
        };
        running.await
    }

    fn start(self: Arc<Self>, exchanger: Arc<Exchanger>, caller: Arc<UserToken>) -> Running {
        let work = async move {
            let outcome = match &self.source {
                Source::Custom => by_custom_id(&exchanger, &caller).await,
                Source::Stored { database, locks } => {
                    stored(database, locks, &exchanger, &caller).await
                }
            };
            self.running().remove(&user_key(&caller));
            outcome.map(Arc::new)
        };
        let task = tokio::spawn(work.in_current_span());
        let joined = async {
            let interrupted = |_| {
                let description = "The request for an identity was interrupted.";
                Err(Refusal::unavailable(Reason::Interrupted, description))
            };
            task.await.unwrap_or_else(interrupted)
        };
        joined.boxed().shared()
    }
}

async fn by_custom_id(
    exchanger: &Arc<Exchanger>,
    caller: &UserToken,
) -> Result<IdentityToken, Refusal> {
    let body = json!({
        "customId": format!("{}.{}", caller.user, caller.tenant),
        "createTokenWithScopes": SCOPES.each_ref().map(TokenScope::as_str),
        "expiresInMinutes": lifetime()?.minutes(),
    });
    let body = Content::Body(body.to_string().into_bytes());
    let request = ApiRequest::new("POST", "/identities", body, Some(PREVIEW));
    let request = request.map_err(|error| Refusal::of_owner(&error))?;
    let reservation = exchanger.reserve(&user_key(caller))?;
    let permit = exchanger.begin(reservation).await?;
    let client = exchanger.resource.client();
    let response = client.request(&request);
    let response = response
        .instrument(traces::of_client("create_identity"))
        .await;
    drop(permit);
    let response = response.map_err(|error| Refusal::of_owner(&error))?;
    let now = response.date().unwrap_or_else(|| exchanger.resource.now());
    let created: Option<IdentityAndToken> = serde_json::from_slice(&response.body).ok();
    let token = created.and_then(|created| {
        let token = created.access_token?;
        let expires_on = Timestamp::parse_rfc3339(&token.expires_on)?;
        if expires_on <= now {
            return None;
        }
        Some(IdentityToken {
            id: created.identity,
            token: IssuedToken {
                token: token.token,
                expires_on,
                service_time: response.date(),
            },
        })
    });
    token.ok_or_else(|| {
        let description = "The ACS resource returned no identity with a valid token.";
        Refusal::unavailable(Reason::ResourceUnavailable, description)
    })
}

async fn stored(
    database: &Database,
    locks: &Semaphore,
    exchanger: &Arc<Exchanger>,
    caller: &UserToken,
) -> Result<IdentityToken, Refusal> {
    let (tenant, user) = (&caller.tenant, &caller.user);
    let known = database.identity(tenant, user).await;
    let known = known.map_err(|error| no_database(&error))?;
    let gone = match known {
        None => None,
        Some(id) => {
            let reservation = exchanger.reserve(&user_key(caller))?;
            match issue(exchanger, &id, reservation).await? {
                Some(token) => return Ok(token),
                None => Some(id),
            }
        }
    };
    let reservation = exchanger.reserve(&user_key(caller))?;
    // A semaphore that is never closed has permits.
    let _slot = locks.acquire().await.ok();
    let lock = database.lock_user(tenant, user).await;
    let lock = lock.map_err(|error| no_database(&error))?;
    let current = lock.identity().await.map_err(|error| no_database(&error))?;
    if let Some(id) = current.filter(|id| Some(id) != gone.as_ref()) {
        // Another replica has created it.
        let token = issue(exchanger, &id, reservation).await?;
        return token.ok_or_else(|| {
            Refusal::unavailable(
                Reason::IdentityDeleted,
                "The user's identity was just deleted.",
            )
        });
    }
    let created = create(exchanger, reservation).await?;
    let (id, Some(token)) = (created.id, created.token) else {
        let description = "The ACS resource returned an identity without a token.";
        return Err(Refusal::unavailable(
            Reason::ResourceUnavailable,
            description,
        ));
    };
    if gone.is_some_and(|gone| !is_of_same_resource(&gone, id.as_str())) {
        // The database belongs to another resource, whose identities must stay.
        discard(exchanger, &id).await;
        return Err(Refusal::unavailable(
            Reason::IdentityOfAnotherResource,
            "The identities in the database belong to another ACS resource.",
        ));
    }
    match lock.store(id.as_str()).await {
        Ok(()) => Ok(IdentityToken {
            id: id.to_string(),
            token,
        }),
        Err(unstored) => {
            if unstored.is_certain {
                discard(exchanger, &id).await;
            } else {
                warn!("The identity {id} was created, and may not be stored.");
            }
            Err(no_database(&unstored.error))
        }
    }
}

/// Whether two identities have the same resource, whose id is before the last `_`.
fn is_of_same_resource(one: &str, other: &str) -> bool {
    let resource = |id: &str| id.rsplit_once('_').map(|(resource, _)| resource.to_owned());
    resource(one) == resource(other)
}

/// Issues a token for an identity. `None` if the resource has no such identity.
async fn issue(
    exchanger: &Arc<Exchanger>,
    id: &str,
    reservation: Reservation,
) -> Result<Option<IdentityToken>, Refusal> {
    let user = CommunicationUserId::parse(id).map_err(|error| Refusal::of_owner(&error))?;
    let lifetime = lifetime()?;
    let permit = exchanger.begin(reservation).await?;
    let client = exchanger.resource.client();
    let issued = client.issue_token(&user, &SCOPES, Some(lifetime));
    let issued = issued.instrument(traces::of_client("issue_token")).await;
    drop(permit);
    match issued {
        Ok(token) => Ok(Some(IdentityToken {
            id: id.to_owned(),
            token,
        })),
        Err(error) if matches!(error.code(), Some("IdentityNotFound" | "IdentityNotOwned")) => {
            Ok(None)
        }
        Err(error) => Err(Refusal::of_owner(&error)),
    }
}

async fn create(
    exchanger: &Arc<Exchanger>,
    reservation: Reservation,
) -> Result<CreatedUser, Refusal> {
    let lifetime = lifetime()?;
    let permit = exchanger.begin(reservation).await?;
    let client = exchanger.resource.client();
    let created = client.create_user_with_token(&SCOPES, Some(lifetime));
    let created = created
        .instrument(traces::of_client("create_identity"))
        .await;
    drop(permit);
    created.map_err(|error| {
        // The hint names the identity, if its id is known.
        if error.kind() == Kind::Unreachable && error.service_response().is_none() {
            warn!(
                "An identity may exist that is not stored: {}",
                sentences(&error)
            );
        }
        Refusal::of_owner(&error)
    })
}

/// Deletes an identity that was created and not stored.
async fn discard(exchanger: &Arc<Exchanger>, id: &CommunicationUserId) {
    let client = exchanger.resource.client();
    let deleted = client.delete_user(id);
    let deleted = deleted
        .instrument(traces::of_client("delete_identity"))
        .await;
    if let Err(error) = deleted {
        warn!("The identity {id} was created, is not stored, and was not deleted: {error}.");
    }
}

fn lifetime() -> Result<TokenLifetime, Refusal> {
    TokenLifetime::new(LIFETIME).map_err(|error| Refusal::of_owner(&error))
}

fn no_database(error: &Error) -> Refusal {
    warn!("{}", sentences(error));
    Refusal::unavailable(Reason::DatabaseUnavailable, "The database is unavailable.")
}
