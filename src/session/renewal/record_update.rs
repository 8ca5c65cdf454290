//! Adds the response of a token endpoint to the record of a session.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::entra::Tokens;
use crate::session::sessions::Sessions;
use crate::store::{CachedEntraToken, Record};
use crate::time::{ClockMark, MAX_CLOCK_SKEW_SECONDS, Timestamp, in_words};

impl Sessions {
    /// Adds the tokens of a response to the record.
    pub(super) fn add_tokens(&self, record: &mut Record, tokens: Tokens, scopes: &[String]) {
        self.measure_clock(record, tokens.service_time);
        let offset = record.clock.as_ref().map_or(0, ClockMark::offset_seconds);
        let expires_on = match tokens.service_time {
            Some(_) => tokens.expires_on,
            // The response has no time, so the expiry is by this machine's clock.
            None => tokens.expires_on.shifted(offset),
        };
        if let Some(granted) = &tokens.granted {
            warn_of_partial_grant(scopes, granted);
        }
        if let Some(token) = tokens.refresh_token {
            record.refresh_token = Some(token);
        }
        record.keep_entra_token(CachedEntraToken {
            token: tokens.entra_token,
            scopes: scopes.to_vec(),
            expires_on,
        });
    }

    /// Records the clocks at a response, by its `Date`, and warns if they differ.
    pub(super) fn measure_clock(&self, record: &mut Record, service_time: Option<Timestamp>) {
        let clock = self.clock.as_ref();
        let mark = match service_time {
            Some(_) => ClockMark::new(clock, service_time),
            None => ClockMark::carried_on(clock, record.clock.as_ref()),
        };
        let offset = mark.offset_seconds();
        let known = record.clock.replace(mark).map(|mark| mark.offset_seconds());
        if offset != 0 && known.unwrap_or_default().abs_diff(offset) > MAX_CLOCK_SKEW_SECONDS {
            let direction = if offset > 0 { "behind" } else { "ahead of" };
            warn!(
                "this machine's clock is {} {direction} the service's; expiry is judged by the \
                 service's clock. Set the clock right",
                in_words(Duration::from_secs(offset.unsigned_abs())),
            );
        }
    }
}

/// Reports the requested scopes that were not granted. Granted names may be short or whole.
fn warn_of_partial_grant(requested: &[String], granted: &[String]) {
    let short = |scope: &str| scope.rsplit('/').next().unwrap_or(scope).to_lowercase();
    let granted: Vec<String> = granted.iter().map(|scope| short(scope)).collect();
    debug!("scopes granted: {}", granted.join(", "));
    let missing: Vec<&str> = requested
        .iter()
        .filter(|scope| short(scope) != ".default" && !granted.contains(&short(scope)))
        .map(|scope| scope.rsplit('/').next().unwrap_or(scope))
        .collect();
    if !missing.is_empty() {
        info!(
            "granted without {}: the token is kept and covers the rest",
            missing.join(", ")
        );
    }
}
