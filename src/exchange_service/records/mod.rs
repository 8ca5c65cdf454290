//! What the service records: one line for each decision, figures, and messages to the operator.

mod audit;
mod log;
mod metrics;

pub(super) use audit::{Audit, AuditLine};
pub(super) use log::log_to;
pub(super) use metrics::{Gauges, Metrics};
