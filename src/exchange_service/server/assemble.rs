//! Builds the parts of the service from the settings.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::exchange_service::database::Database;
use crate::exchange_service::exchange::{Exchanger, Identities, OnBehalfOf, Resource, TokenCache};
use crate::exchange_service::limits::{ResourceBudget, Share, ShareSource, UserLimits};
use crate::exchange_service::records::{Metrics, Writer};
use crate::exchange_service::routes::{Health, Service};
use crate::exchange_service::settings::Settings;
use crate::exchange_service::tokens::{SigningKeys, Validator};
use crate::exchange_service::traces;
use crate::http::{self, Http};
use crate::time::Clock;

/// The most connections for requests.
const DATABASE_CONNECTIONS: usize = 8;
/// The time limit of one request to the resource or to Entra.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds the service. Files are read; nothing is contacted yet.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if a file cannot be used.
pub(super) fn assemble(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    audit: Writer,
) -> Result<Arc<Service>> {
    let http = http_client(settings);
    let keys = Arc::new(SigningKeys::new(
        http.clone(),
        settings.authority.clone(),
        clock.clone(),
        &settings.rules.tenants,
    ));
    let database = settings.database.as_ref();
    // Requests that wait for the database do not keep a lease from being taken.
    let [database, leases] = [DATABASE_CONNECTIONS, 1].map(|count| {
        database
            .map(|url| Database::new(url, &http, count))
            .transpose()
    });
    let (database, leases) = (database?, leases?);
    let on_behalf_of = settings.on_behalf_of.clone().map(|proof| {
        let authority = settings.authority.clone();
        OnBehalfOf::new(proof, authority, http.clone(), clock.clone()).map(Arc::new)
    });
    let share = Share {
        limit: 0,
        source: ShareSource::None,
    };
    let metrics = Arc::new(Metrics::new());
    let exchanger = Exchanger {
        resource: Resource::new(&settings.resource, http, clock.clone())?,
        on_behalf_of: on_behalf_of.transpose()?,
        cache: Arc::new(TokenCache::new(clock.clone())),
        users: UserLimits::new(settings.user_rate),
        budget: Arc::new(ResourceBudget::new(share, clock.clone())),
        metrics: metrics.clone(),
    };
    let identities = match (settings.uses_custom_ids, &database) {
        (true, _) => Some(Identities::custom()),
        (false, Some(database)) => Some(Identities::stored(database.clone())),
        (false, None) => None,
    };
    Ok(Arc::new(Service {
        validator: Validator::new(settings.rules.clone(), keys.clone(), clock.clone()),
        keys,
        exchanger: Arc::new(exchanger),
        identities: identities.map(Arc::new),
        database,
        leases,
        metrics,
        audit,
        clock,
        health: Health::default(),
    }))
}

/// Creates the client for Entra ID and the resource.
pub(super) fn http_client(settings: &Settings) -> Arc<Http> {
    Arc::new(Http::new(http::Options {
        ca_files: settings.ca_files.clone(),
        needs_system_bundle: !settings.ca_files.is_empty(),
        // Each try counts for the resource's budget, so that clients try again, not this service.
        attempts: 1,
        attempt_timeout: REQUEST_TIMEOUT,
        total_timeout: REQUEST_TIMEOUT,
        more_headers: traces::propagation(),
        ..http::Options::default()
    }))
}
