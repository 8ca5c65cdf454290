//! Points in time, durations, and the [`Clock`] that the other modules get.
//!
//! Times are whole seconds in UTC. Fractions are cut off, so that no token seems to expire later than
//! it does. Other time zones are not supported.

mod clock;
mod duration;
mod expiry;
mod mark;
#[cfg(test)]
mod mark_tests;
mod settable;
#[cfg(test)]
mod tests;
mod timestamp;

pub use clock::{Boot, Clock, Sleep, SystemClock};
pub use duration::{in_words, parse_duration};
pub(crate) use expiry::{LAST_RESORT, MAX_CLOCK_SKEW_SECONDS};
pub use mark::{ClockMark, ClockReading};
pub use settable::SettableClock;
pub use timestamp::Timestamp;
