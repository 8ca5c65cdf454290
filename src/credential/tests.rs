//! The credential with scripted refreshers, on a settable clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::Notify;

use super::*;
use crate::error::{Error, Kind, Result};
use crate::secret::CommunicationToken;
use crate::time::{Clock, SettableClock, Timestamp};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: u64 = 3600;

/// What the next refreshes bring: a life in seconds, or a failure.
type Script = Mutex<Vec<Result<u64, Kind>>>;

/// A service with numbered tokens. After the end of the script, tokens live one hour.
struct Service {
    clock: SettableClock,
    script: Script,
    refreshes: AtomicUsize,
    requested: Mutex<Vec<Duration>>,
    /// If set, each refresh waits for a notification.
    release: Option<Notify>,
}

#[derive(Clone)]
struct Asking(Arc<Service>);

impl Refresher for Asking {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        Box::pin(async move {
            let service = &self.0;
            let number = service.refreshes.fetch_add(1, Ordering::SeqCst) + 1;
            service.requested.lock().unwrap().push(min_validity);
            if let Some(release) = &service.release {
                release.notified().await;
            }
            let next = service.script.lock().unwrap().pop();
            let life = next
                .unwrap_or(Ok(HOUR))
                .map_err(|kind| Error::new(kind, "no token today", "come back tomorrow"))?;
            Ok(RefreshedToken {
                token: CommunicationToken::new(format!("token {number}")),
                expires_on: service.clock.now().plus(Duration::from_secs(life)),
                expires_in: None,
            })
        })
    }
}

struct Fixture {
    clock: SettableClock,
    service: Arc<Service>,
    credential: CommunicationTokenCredential,
}

impl Fixture {
    fn new(script: &[Result<u64, Kind>]) -> Fixture {
        Fixture::with(script, None)
    }

    fn with(script: &[Result<u64, Kind>], release: Option<Notify>) -> Fixture {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
        let service = Arc::new(Service {
            clock: clock.clone(),
            script: Mutex::new(script.iter().rev().copied().collect()),
            refreshes: AtomicUsize::new(0),
            requested: Mutex::default(),
            release,
        });
        let options = Options {
            clock: Arc::new(clock.clone()),
            ..Options::default()
        };
        Fixture {
            credential: CommunicationTokenCredential::new(Asking(service.clone()), options),
            clock,
            service,
        }
    }

    async fn get(&self, min_validity: Duration) -> Result<String> {
        let cached = self.credential.get(min_validity).await?;
        Ok(cached.token.expose().to_owned())
    }

    fn refreshes(&self) -> usize {
        self.service.refreshes.load(Ordering::SeqCst)
    }

    /// Lets the credential's task do all that it has to do at this time.
    async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    async fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.settle().await;
    }
}

#[tokio::test]
async fn the_pause_that_a_service_asks_for_is_waited_up_to_a_minute() {
    let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
    let starts: Arc<Mutex<Vec<i64>>> = Arc::default();
    let (times, now) = (starts.clone(), clock.clone());
    let refresher = move |_: Duration| {
        let (times, now) = (times.clone(), now.clone());
        Box::pin(async move {
            let mut times = times.lock().unwrap();
            times.push(now.now().unix_seconds());
            let pause = [40, 4000][times.len() % 2];
            let busy = Error::new(Kind::Unreachable, "busy", "wait");
            Err(busy.with_retry_after(Duration::from_secs(pause)))
        }) as Refreshing<'static>
    };
    let initial = RefreshedToken::new(
        CommunicationToken::new("initial"),
        clock.now().plus(Duration::from_secs(HOUR)),
    );
    let options = Options {
        clock: Arc::new(clock.clone()),
        initial: Some(initial),
        ..Options::default()
    };
    let _credential = CommunicationTokenCredential::new(refresher, options);
    for _ in 0..HOUR {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(1));
    }
    let starts = starts.lock().unwrap();
    let pauses: Vec<i64> = starts.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.len() > 8, "{pauses:?}");
    // Its own pauses are 1 s to a minute, with the number of failures.
    assert_eq!(pauses[..4], [60, 40, 60, 40], "{pauses:?}");
    assert!(
        pauses.iter().all(|pause| (40..=60).contains(pause)),
        "{pauses:?}"
    );
}

#[tokio::test]
async fn token_is_replaced_ahead_of_time_and_never_has_ten_minutes_left() {
    let fixture = Fixture::new(&[]);
    let mut changes = fixture.credential.changes();
    fixture.pass(HOUR).await;
    assert_eq!(fixture.refreshes(), 0, "no call came");
    assert_eq!(fixture.get(TEN_MINUTES).await.unwrap(), "token 1");
    let mut seen = 0;
    for _ in 0..(24 * 60) {
        fixture.pass(60).await;
        let cached = fixture.credential.cached().expect("a token");
        let left = cached.remaining_validity(&fixture.clock);
        assert!(left > TEN_MINUTES, "{left:?}");
        if changes.has_changed().expect("it lives") {
            changes.mark_unchanged();
            seen += 1;
        }
    }
    // One each 45 minutes, and the first.
    assert_eq!(fixture.refreshes(), 33);
    assert_eq!(seen, 33);
}

#[tokio::test]
async fn ten_thousand_callers_at_the_moment_of_expiry_cause_one_refresh() {
    let fixture = Fixture::new(&[]);
    fixture.get(TEN_MINUTES).await.unwrap();
    fixture.clock.advance(Duration::from_secs(HOUR));
    let asking = (0..10_000).map(|_| fixture.get(TEN_MINUTES));
    let tokens = futures_util::future::join_all(asking).await;
    assert!(tokens.into_iter().all(|token| token.unwrap() == "token 2"));
    assert_eq!(fixture.refreshes(), 2);
}

#[tokio::test]
async fn caller_that_gives_up_does_not_cancel_the_refresh() {
    let fixture = Fixture::with(&[], Some(Notify::new()));
    let patient = fixture.get(TEN_MINUTES);
    tokio::pin!(patient);
    {
        let hasty = fixture.get(TEN_MINUTES);
        tokio::pin!(hasty);
        assert!(futures_util::poll!(&mut hasty).is_pending());
        fixture.settle().await;
        assert_eq!(fixture.refreshes(), 1);
        assert!(futures_util::poll!(&mut patient).is_pending());
    }
    fixture.service.release.as_ref().unwrap().notify_one();
    assert_eq!(patient.await.unwrap(), "token 1");
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn a_wish_beyond_the_refresh_under_way_gets_its_own_and_no_third() {
    let fixture = Fixture::with(&[], Some(Notify::new()));
    let release = fixture.service.release.as_ref().unwrap();
    let two_hours = Duration::from_secs(2 * HOUR);
    let first = fixture.get(TEN_MINUTES);
    tokio::pin!(first);
    assert!(futures_util::poll!(&mut first).is_pending());
    fixture.settle().await;
    let second = fixture.get(two_hours);
    tokio::pin!(second);
    assert!(futures_util::poll!(&mut second).is_pending());
    release.notify_one();
    assert_eq!(first.await.unwrap(), "token 1");
    fixture.settle().await;
    release.notify_one();
    assert_eq!(second.await.unwrap(), "token 2");
    // It lives shorter than that, and is all there is.
    assert_eq!(fixture.get(two_hours).await.unwrap(), "token 2");
    let requested = fixture.service.requested.lock().unwrap().clone();
    assert_eq!(requested, [AHEAD, two_hours]);
}

#[tokio::test]
async fn no_life_however_short_makes_it_refresh_without_end() {
    for (life, most) in [(1, 125), (2, 125), (30, 10), (300, 3), (900, 2)] {
        let fixture = Fixture::new(&vec![Ok(life); 1000]);
        fixture.get(TEN_MINUTES).await.unwrap();
        for _ in 0..50 {
            // Independent of the number of calls.
            fixture.get(TEN_MINUTES).await.unwrap();
        }
        assert_eq!(fixture.refreshes(), 1, "{life}");
        for _ in 0..120 {
            fixture.pass(1).await;
            fixture.get(TEN_MINUTES).await.unwrap();
        }
        assert!(
            fixture.refreshes() <= most,
            "{life}: {}",
            fixture.refreshes()
        );
    }
    let sixty_days = 60 * 24 * HOUR;
    let fixture = Fixture::new(&[Ok(sixty_days)]);
    fixture.get(TEN_MINUTES).await.unwrap();
    for _ in 0..59 {
        fixture.pass(24 * HOUR).await;
    }
    assert_eq!(fixture.refreshes(), 1);
    fixture.pass(24 * HOUR - 900).await;
    assert_eq!(fixture.refreshes(), 2);
}

#[tokio::test]
async fn an_expired_token_is_an_error_for_all_who_wait_and_no_loop() {
    let fixture = Fixture::new(&vec![Ok(0); 100]);
    let (one, other) = tokio::join!(fixture.get(TEN_MINUTES), fixture.get(TEN_MINUTES));
    for outcome in [one, other] {
        let error = outcome.expect_err("it has expired");
        assert_eq!(error.kind(), Kind::Refused);
        assert!(!error.hint().is_empty());
    }
    for _ in 0..10 {
        fixture.pass(600).await;
    }
    assert_eq!(fixture.refreshes(), 1, "no call came");
}

#[tokio::test]
async fn an_outage_is_sat_out_on_the_old_token_with_ever_longer_pauses() {
    let mut script = vec![Ok(HOUR)];
    script.extend([Err(Kind::Unreachable); 8]);
    let fixture = Fixture::new(&script);
    fixture.get(TEN_MINUTES).await.unwrap();
    fixture.pass(HOUR - 900).await;
    assert_eq!(fixture.refreshes(), 2, "the first try");
    for _ in 0..240 {
        fixture.pass(1).await;
        fixture
            .get(Duration::ZERO)
            .await
            .expect("the old one lives");
    }
    assert_eq!(fixture.get(TEN_MINUTES).await.unwrap(), "token 10");
    // 1, 2, 4, 8, 16, 32, 60, 60 s at the most, and half of that at the least.
    assert_eq!(fixture.refreshes(), 10);
}

#[tokio::test]
async fn in_an_outage_a_token_with_a_minute_left_is_better_than_none_and_a_refusal_is_not_hidden() {
    for (kind, is_handed_out) in [
        (Kind::Unreachable, true),
        (Kind::SignInNeeded, false),
        (Kind::Refused, false),
    ] {
        let mut script = vec![Ok(HOUR)];
        script.extend([Err(kind); 50]);
        let fixture = Fixture::new(&script);
        fixture.get(TEN_MINUTES).await.unwrap();
        fixture.pass(HOUR - 300).await;
        let outcome = fixture.get(TEN_MINUTES).await;
        assert_eq!(outcome.is_ok(), is_handed_out, "{kind:?}");
        // The token satisfies this call, independent of a refresh.
        assert_eq!(
            fixture.get(Duration::from_secs(60)).await.unwrap(),
            "token 1"
        );
        fixture.pass(240).await;
        let error = fixture
            .get(TEN_MINUTES)
            .await
            .expect_err("a minute is left");
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test]
async fn a_machine_that_slept_past_the_end_refreshes_when_it_wakes() {
    let fixture = Fixture::new(&[]);
    fixture.get(TEN_MINUTES).await.unwrap();
    // The wall clock went on, the timers did not.
    fixture
        .clock
        .set(fixture.clock.now().plus(Duration::from_secs(2 * HOUR)));
    fixture.pass(60).await;
    assert_eq!(fixture.refreshes(), 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_token_younger() {
    let fixture = Fixture::new(&[]);
    fixture.get(TEN_MINUTES).await.unwrap();
    fixture.clock.advance(Duration::from_secs(HOUR - 300));
    fixture.clock.set(Timestamp::from_unix_seconds(1_000_000));
    let cached = fixture.credential.cached().expect("a token");
    assert_eq!(
        cached.remaining_validity(&fixture.clock),
        Duration::from_secs(300)
    );
    assert_eq!(fixture.get(TEN_MINUTES).await.unwrap(), "token 2");
}

#[tokio::test]
async fn an_initial_token_is_kept_fresh_and_a_dropped_credential_stops() {
    let fixture = Fixture::new(&[]);
    let options = Options {
        clock: Arc::new(fixture.clock.clone()),
        initial: Some(RefreshedToken {
            token: CommunicationToken::new("the first"),
            expires_on: fixture.clock.now().plus(Duration::from_secs(HOUR)),
            expires_in: None,
        }),
        ..Options::default()
    };
    let credential = CommunicationTokenCredential::new(Asking(fixture.service.clone()), options);
    let cached = credential.get(TEN_MINUTES).await.unwrap();
    assert_eq!(cached.token.expose(), "the first");
    fixture.settle().await;
    fixture.pass(HOUR - 900).await;
    assert_eq!(credential.cached().unwrap().token.expose(), "token 1");
    let mut changes = credential.changes();
    drop(credential);
    assert!(changes.changed().await.is_err() || changes.changed().await.is_err());
    fixture.pass(HOUR).await;
    assert_eq!(fixture.refreshes(), 1);
}

#[tokio::test]
async fn without_a_wish_to_be_ahead_only_a_caller_starts_a_refresh() {
    let fixture = Fixture::new(&[]);
    let options = Options {
        clock: Arc::new(fixture.clock.clone()),
        ahead: None,
        initial: None,
    };
    let credential = CommunicationTokenCredential::new(Asking(fixture.service.clone()), options);
    credential.get(TEN_MINUTES).await.unwrap();
    fixture.pass(2 * HOUR).await;
    assert_eq!(fixture.refreshes(), 1);
    credential.get(TEN_MINUTES).await.unwrap();
    assert_eq!(fixture.refreshes(), 2);
}

#[tokio::test]
async fn a_clock_that_is_put_right_does_not_kill_a_token_that_lives() {
    let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
    let service_clock = clock.clone();
    // The token of a service with a correct clock: it always knows the remaining lifetime.
    let options = Options {
        clock: Arc::new(clock.clone()),
        ..Options::default()
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let credential = CommunicationTokenCredential::new(
        move |_: Duration| {
            count.fetch_add(1, Ordering::SeqCst);
            let passed = service_clock.monotonic().unwrap_or_default();
            let refreshed = RefreshedToken {
                token: CommunicationToken::new("the only one"),
                expires_on: Timestamp::from_unix_seconds(2_000_000),
                expires_in: Some(Duration::from_secs(HOUR) - passed),
            };
            Box::pin(async move { Ok(refreshed) }) as _
        },
        options,
    );
    credential.get(TEN_MINUTES).await.expect("a token");
    clock.advance(Duration::from_secs(60));
    clock.set(Timestamp::from_unix_seconds(2_000_000 - HOUR as i64 + 60));
    let cached = credential.get(TEN_MINUTES).await.expect("it lives");
    assert_eq!(
        cached.remaining_validity(&clock),
        Duration::from_secs(HOUR - 60)
    );
    for _ in 0..10 {
        credential.get(TEN_MINUTES).await.expect("it lives");
    }
    assert_eq!(
        asked.load(Ordering::SeqCst),
        2,
        "it is asked once what is left"
    );
}

#[tokio::test]
async fn the_error_of_an_outage_is_not_repeated_once_the_service_answers_again() {
    // Nothing is cached: each failure doubles the pause, to a minute.
    let mut script = vec![Err(Kind::Unreachable); 8];
    script.push(Ok(HOUR));
    let fixture = Fixture::new(&script);
    for failures in 1..=8 {
        fixture.get(TEN_MINUTES).await.expect_err("an outage");
        let again = fixture.get(TEN_MINUTES).await.expect_err("still the same");
        assert_eq!(again.kind(), Kind::Unreachable);
        assert_eq!(fixture.refreshes(), failures, "it is repeated at first");
        fixture.pass(5).await;
    }
    assert_eq!(fixture.get(TEN_MINUTES).await.unwrap(), "token 9");
}

#[tokio::test]
async fn a_success_that_brings_the_same_token_ends_an_outage() {
    let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
    let is_out = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (outage, now) = (is_out.clone(), clock.clone());
    let options = Options {
        clock: Arc::new(clock.clone()),
        ahead: None,
        initial: None,
    };
    let credential = CommunicationTokenCredential::new(
        move |_: Duration| {
            let passed = now.monotonic().unwrap_or_default();
            let outcome = match outage.load(Ordering::SeqCst) {
                true => Err(Error::new(Kind::Unreachable, "no token today", "wait")),
                false => Ok(RefreshedToken {
                    token: CommunicationToken::new("the only one"),
                    expires_on: Timestamp::from_unix_seconds(2_000_000),
                    expires_in: Some(Duration::from_secs(3000) - passed),
                }),
            };
            Box::pin(async move { outcome }) as _
        },
        options,
    );
    let hours = |count: u64| Duration::from_secs(count * HOUR);
    credential.get(Duration::ZERO).await.expect("a token");
    clock.advance(Duration::from_secs(2950));
    is_out.store(true, Ordering::SeqCst);
    for _ in 0..7 {
        credential.get(hours(1)).await.expect_err("an outage");
        clock.advance(Duration::from_secs(5));
    }
    is_out.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(5));
    credential.get(hours(1)).await.expect("what is left");
    // One more failure is the first of its own.
    is_out.store(true, Ordering::SeqCst);
    credential.get(hours(2)).await.expect_err("an outage");
    is_out.store(false, Ordering::SeqCst);
    clock.advance(Duration::from_secs(1));
    credential.get(hours(2)).await.expect("a second later");
}

#[tokio::test]
async fn callers_that_begin_together_share_a_refresh_for_the_longest_validity() {
    let fixture = Fixture::new(&[]);
    let two_hours = Duration::from_secs(2 * HOUR);
    let (short, long) = tokio::join!(fixture.get(TEN_MINUTES), fixture.get(two_hours));
    assert_eq!(
        (short.unwrap(), long.unwrap()),
        ("token 1".to_owned(), "token 1".to_owned())
    );
    assert_eq!(*fixture.service.requested.lock().unwrap(), [two_hours]);
}

#[test]
fn a_refresh_runs_on_the_runtime_of_its_credential() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let own = runtime();
    for begins_on_a_runtime in [false, true] {
        let fixture = own.block_on(async { Fixture::with(&[], Some(Notify::new())) });
        let begins = || fixture.get(TEN_MINUTES).now_or_never();
        let token = match begins_on_a_runtime {
            true => runtime().block_on(async { begins() }),
            false => begins(),
        };
        assert!(token.is_none());
        fixture.service.release.as_ref().unwrap().notify_one();
        let token = own.block_on(fixture.get(TEN_MINUTES));
        assert_eq!(
            (token.unwrap().as_str(), fixture.refreshes()),
            ("token 1", 1)
        );
    }
}
