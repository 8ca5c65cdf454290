//! Points in time, durations, and the [`Clock`] that the other modules get.
//!
//! Times are whole seconds in UTC. Fractions are cut off, so that no token seems to expire later than
//! it does. Other time zones are not supported.

mod clock;
mod mark;
#[cfg(test)]
mod mark_tests;
#[cfg(feature = "azure-identity")]
mod moment;
#[cfg(test)]
mod tests;
mod timestamp;

pub use clock::{Boot, Clock, SettableClock, Sleep, SystemClock};
pub use mark::{ClockMark, ClockReading};
#[cfg(feature = "azure-identity")]
pub(crate) use moment::Moment;
pub(crate) use timestamp::{LAST_RESORT, MAX_CLOCK_SKEW_SECONDS, unix_seconds};
pub use timestamp::{Timestamp, in_words, parse_duration};
