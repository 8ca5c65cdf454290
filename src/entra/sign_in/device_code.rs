//! A device code: the checks before it is shown (RFC 8628, section 3.3), and the delay between the
//! polls for it (section 3.5).
//!
//! Pure: inputs are a code and the outcome of a poll, outputs the page to show and the delay before
//! the next poll.

use std::fmt;
use std::time::Duration;

use url::Url;

use super::flow::SECOND;
use crate::error::Error;
use crate::loopback;
use crate::wire::entra::DeviceAuthorization;

const MAX_CODE_LENGTH: usize = 64;
const MAX_PAGE_LENGTH: usize = 256;

/// The increase of the interval by `slow_down` (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest pause after an outage, and the longest `Retry-After` that is followed.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(60);
/// The longest lifetime of a code that is accepted from the authority.
const MAX_LIFETIME: Duration = Duration::from_secs(3600);

/// The fault of a response without a code.
pub(super) const NOT_ENTERABLE: &str = "a device code that cannot be entered";
const UNSAFE_PAGE: &str = "a device code with a page that is not safe to open";

/// Checks that the code and its page, which may be on any host, are safe to show. Returns the parsed
/// page, so that the shown address is the checked one. The error names the fault. Rejects user info
/// before an `@`, because it looks like the host.
pub(super) fn check(code: &DeviceAuthorization) -> Result<Url, &'static str> {
    let is_shown = |text: &str, longest: usize| {
        text.len() <= longest && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if code.user_code.is_empty() || !is_shown(&code.user_code, MAX_CODE_LENGTH) {
        return Err(NOT_ENTERABLE);
    }
    let text = code.verification_uri.as_str();
    let url = match Url::parse(text) {
        Ok(url) if is_shown(text, MAX_PAGE_LENGTH) => url,
        _ => return Err(UNSAFE_PAGE),
    };
    match url.scheme() {
        "https" => {}
        "http" if url.host_str().is_some_and(loopback::is_loopback_host) => {}
        _ => return Err(UNSAFE_PAGE),
    }
    // The parser drops an empty user name, so the text is checked too.
    let after_scheme = text.split_once(':').map_or(text, |(_, rest)| rest);
    let after_slashes = after_scheme.trim_start_matches(['/', '\\']);
    let authority = after_slashes.split(['/', '\\', '?', '#']).next();
    let has_user = !url.username().is_empty() || url.password().is_some();
    match has_user || authority.unwrap_or_default().contains('@') {
        false => Ok(url),
        true => Err("a device code with user info in the address of its page"),
    }
}

/// The outcome of a poll without tokens.
#[derive(Debug)]
pub(super) enum PollOutcome {
    /// The user has not entered the code yet.
    Pending,
    /// The polls are too frequent.
    SlowDown,
    /// Entra or the network fails, with the `Retry-After` if there is one.
    Outage(Option<Duration>, Error),
    /// The code can no longer be entered.
    Expired,
}

impl fmt::Display for PollOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PollOutcome::Pending => f.write_str("not entered yet"),
            PollOutcome::SlowDown => f.write_str("slow down"),
            PollOutcome::Outage(None, _) => f.write_str("no response"),
            PollOutcome::Outage(Some(pause), _) => write!(f, "retry after {} s", pause.as_secs()),
            PollOutcome::Expired => f.write_str("expired"),
        }
    }
}

/// The polling state of one code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Polling {
    interval: Duration,
    /// The backoff of the latest outage.
    pause: Duration,
    /// The time until the code expires.
    left: Duration,
}

impl Polling {
    pub(super) fn new(interval: Duration, life: Duration) -> Self {
        Polling {
            // An interval of 0 s would be a busy loop.
            interval: interval.clamp(SECOND, MAX_POLL_INTERVAL),
            pause: Duration::ZERO,
            left: life.min(MAX_LIFETIME),
        }
    }

    /// Returns the delay before the next poll, which is counted as elapsed; `None` if the code has
    /// expired.
    pub(super) fn next(&mut self, outcome: &PollOutcome) -> Option<Duration> {
        let pause = std::mem::take(&mut self.pause);
        let mut requested = Duration::ZERO;
        match outcome {
            PollOutcome::Expired => return None,
            PollOutcome::Outage(retry_after, _) => {
                self.pause = (pause * 2).max(self.interval).min(MAX_POLL_INTERVAL);
                requested = retry_after.unwrap_or_default().min(MAX_POLL_INTERVAL);
            }
            PollOutcome::SlowDown => self.interval += SLOWER,
            PollOutcome::Pending => {}
        }
        let wait = self.interval.max(self.pause).max(requested).min(self.left);
        self.left -= wait;
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::http::host_of;

    fn read(user_code: &str, page: &str) -> DeviceAuthorization {
        let json = serde_json::json!({
            "device_code": "d", "user_code": user_code, "verification_uri": page,
        });
        serde_json::from_value(json).expect("the shape")
    }

    fn checked(user_code: &str, page: &str) -> Result<Url, &'static str> {
        check(&read(user_code, page))
    }

    #[test]
    fn only_a_page_that_is_safe_to_open_is_shown() {
        for page in ["https://microsoft.com/devicelogin", "http://localhost:1/x"] {
            assert!(checked("ABC-123", page).is_ok(), "{page}");
        }
        for (user_code, page) in [
            ("A\u{1b}[2J", "https://microsoft.com/devicelogin"),
            ("ABC", "http://microsoft.com/devicelogin"),
            ("ABC", "javascript:alert(1)"),
            ("ABC", "file:///etc/passwd"),
            ("ABC", "ms-settings:network"),
            ("ABC", "data:text/html,x"),
            ("ABC", "https://microsoft.com/\n"),
        ] {
            assert!(checked(user_code, page).is_err(), "{page:?}");
        }
        let defaults = read("A", "https://a.test");
        assert_eq!((defaults.expires_in, defaults.interval), (900, 5));
    }

    #[test]
    fn a_page_with_user_info_in_its_address_is_refused() {
        for page in [
            "https://microsoft.com@evil.test/devicelogin",
            "https://microsoft.com:443@evil.test/devicelogin",
            "https://microsoft.com%2fdevicelogin@evil.test",
            "https://@evil.test/",
            "https://:@evil.test/",
            "https:\\\\microsoft.com@evil.test\\",
            "https:microsoft.com@evil.test",
            "http://localhost@127.0.0.1:9/",
        ] {
            let what = checked("ABC", page).expect_err(page);
            assert!(what.contains("user info"), "{page}: {what}");
        }
        let later = "https://login.test/x?mail=a@b.test#c@d";
        assert!(checked("ABC", later).is_ok());
    }

    #[test]
    fn the_host_that_is_named_is_the_one_that_a_browser_opens() {
        for (page, host) in [
            ("https://microsoft.com/devicelogin", "microsoft.com"),
            ("https:\\\\evil.test\\microsoft.com", "evil.test"),
            (
                "https://MICROSOFT.com.evil.test/microsoft.com",
                "microsoft.com.evil.test",
            ),
            ("http://localhost:8080/x", "localhost:8080"),
            ("https://[::1]:1/", "[::1]:1"),
        ] {
            let page = checked("ABC", page).expect(page);
            assert_eq!(host_of(&page), host);
            assert!(page.as_str().contains(&format!("://{host}/")), "{page}");
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn outage(retry_after: Option<u64>) -> PollOutcome {
        let error = Error::new(Kind::Unreachable, "no answer", "wait");
        PollOutcome::Outage(retry_after.map(seconds), error)
    }

    #[test]
    fn slow_down_increases_the_interval_permanently() {
        let mut polling = Polling::new(seconds(5), seconds(900));
        assert_eq!(polling.next(&PollOutcome::Pending), Some(seconds(5)));
        assert_eq!(polling.next(&PollOutcome::SlowDown), Some(seconds(10)));
        assert_eq!(polling.next(&PollOutcome::Pending), Some(seconds(10)));
        assert_eq!(polling.next(&PollOutcome::SlowDown), Some(seconds(15)));
        assert_eq!(polling.left, seconds(860));
    }

    #[test]
    fn outages_back_off_honor_retry_after_and_end_with_a_response() {
        let mut polling = Polling::new(seconds(5), seconds(900));
        for expected in [5, 10, 20, 40, 60, 60] {
            assert_eq!(polling.next(&outage(None)), Some(seconds(expected)));
        }
        assert_eq!(polling.next(&PollOutcome::Pending), Some(seconds(5)));
        assert_eq!(polling.next(&outage(Some(30))), Some(seconds(30)));
        assert_eq!(polling.next(&outage(Some(86_400))), Some(MAX_POLL_INTERVAL));
    }

    #[test]
    fn a_code_is_polled_for_until_it_expires_and_not_longer() {
        let mut polling = Polling::new(seconds(5), seconds(12));
        assert_eq!(polling.next(&PollOutcome::Pending), Some(seconds(5)));
        assert_eq!(polling.next(&PollOutcome::Pending), Some(seconds(5)));
        assert_eq!(polling.next(&PollOutcome::Pending), Some(seconds(2)));
        assert_eq!(polling.next(&PollOutcome::Pending), None);
        let mut polling = Polling::new(seconds(5), seconds(900));
        assert_eq!(polling.next(&PollOutcome::Expired), None);
    }

    #[test]
    fn zero_interval_is_no_busy_loop_and_long_lifetimes_are_capped() {
        let mut polling = Polling::new(Duration::ZERO, seconds(1 << 40));
        assert_eq!(polling.next(&PollOutcome::Pending), Some(SECOND));
        assert!(polling.left < MAX_LIFETIME);
    }
}
