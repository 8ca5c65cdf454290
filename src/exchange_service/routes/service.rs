//! The parts that the handlers use.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::exchange_service::database::Database;
use crate::exchange_service::exchange::{Exchanger, Identities};
use crate::exchange_service::records::{Metrics, Writer};
use crate::exchange_service::tokens::{SigningKeys, Validator};
use crate::time::Clock;

/// The service of one replica.
pub(in crate::exchange_service) struct Service {
    pub(in crate::exchange_service) validator: Validator,
    pub(in crate::exchange_service) keys: Arc<SigningKeys>,
    pub(in crate::exchange_service) exchanger: Arc<Exchanger>,
    pub(in crate::exchange_service) identities: Option<Arc<Identities>>,
    pub(in crate::exchange_service) database: Option<Database>,
    /// The connection for leases.
    pub(in crate::exchange_service) leases: Option<Database>,
    pub(in crate::exchange_service) metrics: Arc<Metrics>,
    pub(in crate::exchange_service) audit: Writer,
    pub(in crate::exchange_service) clock: Arc<dyn Clock>,
    pub(in crate::exchange_service) health: Health,
}

/// What the probes report, beside the signing keys and the budget.
#[derive(Debug, Default)]
pub(in crate::exchange_service) struct Health {
    has_credential: AtomicBool,
    has_database: AtomicBool,
    has_started: AtomicBool,
    is_draining: AtomicBool,
}

impl Health {
    /// Whether the credential for the resource could be used last time.
    pub(in crate::exchange_service) fn has_credential(&self) -> bool {
        self.has_credential.load(Ordering::Relaxed)
    }

    pub(in crate::exchange_service) fn set_credential(&self, works: bool) {
        self.has_credential.store(works, Ordering::Relaxed);
    }

    /// Whether the database responded to the last request.
    pub(in crate::exchange_service) fn has_database(&self) -> bool {
        self.has_database.load(Ordering::Relaxed)
    }

    pub(in crate::exchange_service) fn set_database(&self, responds: bool) {
        self.has_database.store(responds, Ordering::Relaxed);
    }

    /// Whether the service was ready once.
    pub(in crate::exchange_service) fn has_started(&self) -> bool {
        self.has_started.load(Ordering::Relaxed)
    }

    pub(in crate::exchange_service) fn started(&self) {
        self.has_started.store(true, Ordering::Relaxed);
    }

    /// Whether the service ends soon.
    pub(in crate::exchange_service) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    pub(in crate::exchange_service) fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }
}
