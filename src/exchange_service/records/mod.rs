//! What the service records: one line for each decision, figures, and messages to the operator.

mod audit;
mod log;
mod metrics;
mod outage;
mod writer;

pub(super) use audit::AuditLine;
pub(super) use log::log_to;
pub(super) use metrics::{Gauges, Metrics};
pub(super) use outage::{Outage, sentences};
pub(super) use writer::{Slot, Writer};
