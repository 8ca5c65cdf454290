//! Points in time, durations, and the [`Clock`] that the other modules get.
//!
//! Times are whole seconds in UTC. Fractions are cut off, so that no token seems to expire later than
//! it does. Other time zones are not supported.

mod clock;
#[cfg(feature = "azure-identity")]
mod moment;
#[cfg(test)]
mod properties;
mod server_time;
#[cfg(test)]
mod server_time_tests;
#[cfg(test)]
mod tests;
mod timestamp;

pub use clock::{Clock, SettableClock, Sleep, SystemClock, Uptime};
#[cfg(feature = "azure-identity")]
pub(crate) use moment::Moment;
pub use server_time::{LocalClocks, ServerTimeSample};
pub(crate) use timestamp::{MAX_CLOCK_SKEW_SECONDS, MIN_VALIDITY_DURING_OUTAGE, unix_seconds};
pub use timestamp::{Timestamp, in_words, parse_duration};
