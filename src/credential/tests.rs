//! The credential against refreshers that are told what to bring, on a clock that is set by hand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::*;
use crate::error::{Error, Kind, Result};
use crate::secret::CommunicationToken;
use crate::time::{Clock, SettableClock, Timestamp};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const HOUR: u64 = 3600;

/// What the next refreshes bring: a life in seconds, or a failure.
type Script = Mutex<Vec<Result<u64, Kind>>>;

/// A service whose tokens are numbered. Where the script has ended, tokens live an hour.
struct Service {
    clock: SettableClock,
    script: Script,
    refreshes: AtomicUsize,
    wishes: Mutex<Vec<Duration>>,
    /// Where set, each refresh waits until it is let go.
    gate: Option<Notify>,
}

#[derive(Clone)]
struct Asking(Arc<Service>);

impl Refresher for Asking {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        Box::pin(async move {
            let service = &self.0;
            let number = service.refreshes.fetch_add(1, Ordering::SeqCst) + 1;
            service.wishes.lock().unwrap().push(min_validity);
            if let Some(gate) = &service.gate {
                gate.notified().await;
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

struct World {
    clock: SettableClock,
    service: Arc<Service>,
    credential: CommunicationTokenCredential,
}

impl World {
    fn new(script: &[Result<u64, Kind>]) -> World {
        World::with(script, None)
    }

    fn with(script: &[Result<u64, Kind>], gate: Option<Notify>) -> World {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
        let service = Arc::new(Service {
            clock: clock.clone(),
            script: Mutex::new(script.iter().rev().copied().collect()),
            refreshes: AtomicUsize::new(0),
            wishes: Mutex::default(),
            gate,
        });
        let options = Options {
            clock: Arc::new(clock.clone()),
            ..Options::default()
        };
        World {
            credential: CommunicationTokenCredential::new(Asking(service.clone()), options),
            clock,
            service,
        }
    }

    async fn get(&self, min_validity: Duration) -> Result<String> {
        let held = self.credential.get(min_validity).await?;
        Ok(held.token.expose().to_owned())
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
async fn a_token_is_replaced_ahead_of_time_and_nobody_gets_one_with_ten_minutes_left() {
    let world = World::new(&[]);
    let mut changes = world.credential.changes();
    assert_eq!(world.get(TEN_MINUTES).await.unwrap(), "token 1");
    let mut seen = 0;
    for _ in 0..(24 * 60) {
        world.pass(60).await;
        let held = world.credential.held().expect("a token");
        let left = held.left(&world.clock);
        assert!(left > TEN_MINUTES, "{left:?}");
        if changes.has_changed().expect("it lives") {
            changes.mark_unchanged();
            seen += 1;
        }
    }
    // One each 45 minutes, and the first.
    assert_eq!(world.refreshes(), 33);
    assert_eq!(seen, 33);
}

#[tokio::test]
async fn ten_thousand_callers_at_the_moment_of_expiry_cause_one_refresh() {
    let world = World::new(&[]);
    world.get(TEN_MINUTES).await.unwrap();
    world.clock.advance(Duration::from_secs(HOUR));
    let asking = (0..10_000).map(|_| world.get(TEN_MINUTES));
    let tokens = futures_util::future::join_all(asking).await;
    assert!(tokens.into_iter().all(|token| token.unwrap() == "token 2"));
    assert_eq!(world.refreshes(), 2);
}

#[tokio::test]
async fn a_caller_that_gives_up_takes_the_refresh_from_nobody() {
    let world = World::with(&[], Some(Notify::new()));
    let patient = world.get(TEN_MINUTES);
    tokio::pin!(patient);
    {
        let hasty = world.get(TEN_MINUTES);
        tokio::pin!(hasty);
        assert!(futures_util::poll!(&mut hasty).is_pending());
        world.settle().await;
        assert_eq!(world.refreshes(), 1);
        assert!(futures_util::poll!(&mut patient).is_pending());
    }
    world.service.gate.as_ref().unwrap().notify_one();
    assert_eq!(patient.await.unwrap(), "token 1");
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn a_wish_beyond_the_refresh_under_way_gets_its_own_and_no_third() {
    let world = World::with(&[], Some(Notify::new()));
    let gate = world.service.gate.as_ref().unwrap();
    let two_hours = Duration::from_secs(2 * HOUR);
    let first = world.get(TEN_MINUTES);
    tokio::pin!(first);
    assert!(futures_util::poll!(&mut first).is_pending());
    world.settle().await;
    let second = world.get(two_hours);
    tokio::pin!(second);
    assert!(futures_util::poll!(&mut second).is_pending());
    gate.notify_one();
    assert_eq!(first.await.unwrap(), "token 1");
    world.settle().await;
    gate.notify_one();
    assert_eq!(second.await.unwrap(), "token 2");
    // It lives shorter than that, and is all there is.
    assert_eq!(world.get(two_hours).await.unwrap(), "token 2");
    let wishes = world.service.wishes.lock().unwrap().clone();
    assert_eq!(wishes, [AHEAD, two_hours]);
}

#[tokio::test]
async fn no_life_however_short_makes_it_refresh_without_end() {
    for (life, most) in [(1, 125), (2, 125), (30, 10), (300, 3), (900, 2)] {
        let world = World::new(&vec![Ok(life); 1000]);
        world.get(TEN_MINUTES).await.unwrap();
        for _ in 0..10 {
            // However often somebody asks.
            world.get(TEN_MINUTES).await.unwrap();
        }
        assert_eq!(world.refreshes(), 1, "{life}");
        for _ in 0..120 {
            world.pass(1).await;
            world.get(TEN_MINUTES).await.unwrap();
        }
        assert!(world.refreshes() <= most, "{life}: {}", world.refreshes());
    }
    let sixty_days = 60 * 24 * HOUR;
    let world = World::new(&[Ok(sixty_days)]);
    world.get(TEN_MINUTES).await.unwrap();
    for _ in 0..59 {
        world.pass(24 * HOUR).await;
    }
    assert_eq!(world.refreshes(), 1);
    world.pass(24 * HOUR - 900).await;
    assert_eq!(world.refreshes(), 2);
}

#[tokio::test]
async fn an_expired_token_is_an_error_for_all_who_wait_and_no_loop() {
    let world = World::new(&vec![Ok(0); 100]);
    let (one, other) = tokio::join!(world.get(TEN_MINUTES), world.get(TEN_MINUTES));
    for outcome in [one, other] {
        let error = outcome.expect_err("it has expired");
        assert_eq!(error.kind(), Kind::Refused);
        assert!(!error.hint().is_empty());
    }
    for _ in 0..10 {
        world.pass(600).await;
    }
    assert_eq!(world.refreshes(), 1, "nobody asked again");
}

#[tokio::test]
async fn an_outage_is_sat_out_on_the_old_token_with_ever_longer_pauses() {
    let mut script = vec![Ok(HOUR)];
    script.extend([Err(Kind::Unreachable); 8]);
    let world = World::new(&script);
    world.get(TEN_MINUTES).await.unwrap();
    world.pass(HOUR - 900).await;
    assert_eq!(world.refreshes(), 2, "the first try");
    for _ in 0..240 {
        world.pass(1).await;
        world.get(Duration::ZERO).await.expect("the old one lives");
    }
    assert_eq!(world.get(TEN_MINUTES).await.unwrap(), "token 10");
    // 1, 2, 4, 8, 16, 32, 60, 60 s at the most, and half of that at the least.
    assert_eq!(world.refreshes(), 10);
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
        let world = World::new(&script);
        world.get(TEN_MINUTES).await.unwrap();
        world.pass(HOUR - 300).await;
        let outcome = world.get(TEN_MINUTES).await;
        assert_eq!(outcome.is_ok(), is_handed_out, "{kind:?}");
        // It fulfils this wish, whatever a refresh would bring.
        assert_eq!(world.get(Duration::from_secs(60)).await.unwrap(), "token 1");
        world.pass(240).await;
        let error = world.get(TEN_MINUTES).await.expect_err("a minute is left");
        assert_eq!(error.kind(), kind);
    }
}

#[tokio::test]
async fn a_machine_that_slept_past_the_end_refreshes_when_it_wakes() {
    let world = World::new(&[]);
    world.get(TEN_MINUTES).await.unwrap();
    // The wall clock went on, the timers did not.
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(2 * HOUR)));
    world.pass(60).await;
    assert_eq!(world.refreshes(), 2);
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_token_younger() {
    let world = World::new(&[]);
    world.get(TEN_MINUTES).await.unwrap();
    world.clock.advance(Duration::from_secs(HOUR - 300));
    world.clock.set(Timestamp::from_unix_seconds(1_000_000));
    let held = world.credential.held().expect("a token");
    assert_eq!(held.left(&world.clock), Duration::from_secs(300));
    assert_eq!(world.get(TEN_MINUTES).await.unwrap(), "token 2");
}

#[tokio::test]
async fn an_initial_token_is_kept_fresh_and_a_dropped_credential_stops() {
    let world = World::new(&[]);
    let options = Options {
        clock: Arc::new(world.clock.clone()),
        initial: Some(RefreshedToken {
            token: CommunicationToken::new("the first"),
            expires_on: world.clock.now().plus(Duration::from_secs(HOUR)),
            expires_in: None,
        }),
        ..Options::default()
    };
    let credential = CommunicationTokenCredential::new(Asking(world.service.clone()), options);
    let held = credential.get(TEN_MINUTES).await.unwrap();
    assert_eq!(held.token.expose(), "the first");
    world.settle().await;
    world.pass(HOUR - 900).await;
    assert_eq!(credential.held().unwrap().token.expose(), "token 1");
    let mut changes = credential.changes();
    drop(credential);
    assert!(changes.changed().await.is_err() || changes.changed().await.is_err());
    world.pass(HOUR).await;
    assert_eq!(world.refreshes(), 1);
}

#[tokio::test]
async fn without_a_wish_to_be_ahead_only_a_caller_starts_a_refresh() {
    let world = World::new(&[]);
    let options = Options {
        clock: Arc::new(world.clock.clone()),
        ahead: None,
        initial: None,
    };
    let credential = CommunicationTokenCredential::new(Asking(world.service.clone()), options);
    credential.get(TEN_MINUTES).await.unwrap();
    world.pass(2 * HOUR).await;
    assert_eq!(world.refreshes(), 1);
    credential.get(TEN_MINUTES).await.unwrap();
    assert_eq!(world.refreshes(), 2);
}

#[tokio::test]
async fn a_clock_that_is_put_right_does_not_kill_a_token_that_lives() {
    let clock = SettableClock::new(Timestamp::from_unix_seconds(1_000_000));
    let service_clock = clock.clone();
    // The token of a service whose own clock is right: it always knows what is left.
    let options = Options {
        clock: Arc::new(clock.clone()),
        ..Options::default()
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let credential = CommunicationTokenCredential::new(
        move |_: Duration| {
            count.fetch_add(1, Ordering::SeqCst);
            let passed = service_clock.running().unwrap_or_default();
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
    let held = credential.get(TEN_MINUTES).await.expect("it lives");
    assert_eq!(held.left(&clock), Duration::from_secs(HOUR - 60));
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
    // Nothing is held: each failure doubles the pause, to a minute.
    let mut script = vec![Err(Kind::Unreachable); 8];
    script.push(Ok(HOUR));
    let world = World::new(&script);
    for failures in 1..=8 {
        world.get(TEN_MINUTES).await.expect_err("an outage");
        let again = world.get(TEN_MINUTES).await.expect_err("still the same");
        assert_eq!(again.kind(), Kind::Unreachable);
        assert_eq!(world.refreshes(), failures, "it is repeated at first");
        world.pass(5).await;
    }
    assert_eq!(world.get(TEN_MINUTES).await.unwrap(), "token 9");
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
            let passed = now.running().unwrap_or_default();
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
