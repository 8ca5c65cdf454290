//! The work beside requests: signing keys, the credential, the database, old entries.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};
use uuid::Uuid;

use super::leases;
use crate::exchange_service::database::{Database, LeaseRequest};
use crate::exchange_service::limits::{Share, ShareSource};
use crate::exchange_service::records::Outage;
use crate::exchange_service::routes::{Service, is_ready};
use crate::exchange_service::settings::Settings;

/// The interval between two checks of the credential, whose file may change.
const CREDENTIAL_INTERVAL: Duration = Duration::from_secs(15);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The interval between two looks for tokens that are over, so that they do not stay in memory.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Does the work, for ever.
pub(super) async fn maintain(service: Arc<Service>, settings: &Settings) {
    let request = LeaseRequest {
        resource: settings.resource.endpoint.host_header(),
        replica: Uuid::new_v4(),
        budget: settings.budget,
    };
    let budget = async {
        let budget = &service.exchanger.budget;
        match &service.leases {
            Some(database) => {
                // The first replica of a database gets its share at once.
                budget.expect_share_in(Some(PAUSE));
                let start = Instant::now();
                migrate(database, &service, &request, start).await;
                leases::keep(database, &request, budget, &service.health, start).await;
            }
            None => {
                // What an earlier process sent counts at the resource.
                budget.expect_share_in(Some(settings.first_wait));
                sleep(settings.first_wait).await;
                budget.set_share(Share {
                    limit: settings.budget.fixed_share(),
                    source: ShareSource::Fixed,
                });
            }
        }
    };
    tokio::join!(
        service.keys.keep_current(),
        keep_credential(&service),
        sweep(&service),
        budget,
    );
}

/// Applies the migrations. Until then there is no lease, as in any other outage of the database.
async fn migrate(database: &Database, service: &Service, request: &LeaseRequest, start: Instant) {
    let mut outage = Outage::default();
    while let Err(error) = database.migrate().await {
        service.health.set_database(false);
        leases::share_of_first_outage(&service.exchanger.budget, request.budget, start.elapsed());
        if let Some(text) = outage.news(&error) {
            warn!("The schema of the database was not checked: {text}");
        }
        sleep(PAUSE).await;
    }
    if outage.end() {
        info!("The database responds again.");
    }
}

async fn keep_credential(service: &Service) {
    let mut outage = Outage::default();
    loop {
        match service.exchanger.resource.renew_credential().await {
            Ok(()) => {
                service.health.set_credential(true);
                if outage.end() {
                    info!("The credential for the ACS resource works again.");
                }
                sleep(CREDENTIAL_INTERVAL).await;
            }
            Err(error) => {
                service.health.set_credential(false);
                if let Some(text) = outage.news(&error) {
                    warn!("The credential for the ACS resource: {text}");
                }
                sleep(PAUSE).await;
            }
        }
    }
}

async fn sweep(service: &Service) {
    loop {
        sleep(SWEEP_INTERVAL).await;
        service.validator.forget_expired();
        service.exchanger.cache.forget_old();
    }
}

/// Waits until the service is ready for the first time.
pub(super) async fn wait_until_ready(service: &Service) {
    while !is_ready(service) {
        sleep(PAUSE / 10).await;
    }
    service.health.started();
}
