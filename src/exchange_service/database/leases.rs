//! The leases of the resource's budget.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio::time::Instant;
use uuid::Uuid;

use super::pool::{Database, in_time, unavailable};
use crate::error::Result;
use crate::exchange_service::settings::Budget;
use crate::time::{Clock, Moment};

/// The time limit for the connection, and for the statement. The next window's lease is taken little
/// earlier than it begins.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A request for a lease.
#[derive(Debug, Clone)]
pub(in crate::exchange_service) struct LeaseRequest {
    /// The resource, by its host.
    pub(in crate::exchange_service) resource: String,
    /// This process. Another process has another id, also after a restart, because it does not know
    /// what this one sent.
    pub(in crate::exchange_service) replica: Uuid,
    pub(in crate::exchange_service) budget: Budget,
}

/// A part of the budget, for one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange_service) struct Lease {
    pub(in crate::exchange_service) granted: u32,
    /// When it was requested, by clocks that also count a suspended machine.
    pub(in crate::exchange_service) since: Moment,
    /// The same moment as that.
    pub(in crate::exchange_service) sent: Instant,
    pub(in crate::exchange_service) starts: Instant,
    pub(in crate::exchange_service) ends: Instant,
}

impl Lease {
    /// Returns the time from the request to the end.
    pub(in crate::exchange_service) fn life(&self) -> Duration {
        self.ends.saturating_duration_since(self.sent)
    }
}

impl Database {
    /// Leases a part of the budget for the current window, or for the next one if `ahead`.
    ///
    /// # Errors
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if the database is unavailable.
    pub(in crate::exchange_service) async fn lease(
        &self,
        request: &LeaseRequest,
        ahead: bool,
        clock: &dyn Clock,
    ) -> Result<Lease> {
        let connection = in_time(TIMEOUT, self.connection()).await?;
        let leased = in_time(TIMEOUT, lease(&connection, request, ahead, clock)).await;
        if leased.is_err() {
            // The only connection of the pool: the next statement must not wait for what this one left.
            drop(Object::take(connection));
        }
        leased
    }
}

async fn lease(
    connection: &Object,
    request: &LeaseRequest,
    ahead: bool,
    clock: &dyn Clock,
) -> Result<Lease> {
    let failed = |error: tokio_postgres::Error| unavailable(&error);
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let statement = "SELECT granted, starts_in_milliseconds, ends_in_milliseconds \
             FROM acspass_exchange.lease($1, $2::text::uuid, $3, $4, $5)";
    let prepared = connection.prepare_cached(statement).await.map_err(failed)?;
    let (since, sent) = (Moment::now(clock), Instant::now());
    let replica = request.replica.to_string();
    let (budget, replicas) = (
        number(request.budget.per_window),
        number(request.budget.replicas),
    );
    let row = connection
        .query_one(
            &prepared,
            &[&request.resource, &replica, &budget, &replicas, &ahead],
        )
        .await
        .map_err(failed)?;
    let received = Instant::now();
    let granted: i32 = row.try_get(0).map_err(failed)?;
    let milliseconds = |index: usize| {
        let number: i64 = row.try_get(index).map_err(failed)?;
        Ok(Duration::from_millis(
            u64::try_from(number).unwrap_or_default(),
        ))
    };
    // The response took some time: the lease starts late, and ends early.
    Ok(Lease {
        granted: u32::try_from(granted).unwrap_or_default(),
        since,
        sent,
        starts: received + milliseconds(1)?,
        ends: sent + milliseconds(2)?,
    })
}
