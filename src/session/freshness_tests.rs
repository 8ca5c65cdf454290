//! The freshness rule as a table: what is kept, what is wished, what was done, what comes next.

use std::sync::Arc;
use std::time::Duration;

use super::freshness::{CompletedSteps, Step, next_step, outage_fallback};
use super::sessions::{CacheLookup, Sessions};
use super::token::{TokenKind, TokenRequest};
use crate::account::{Account, EntraApplication};
use crate::error::Error;
use crate::exchange::{CommunicationTokenSource, ExchangeKind};
use crate::secret::{CommunicationToken, EntraToken, RefreshToken};
use crate::store::{
    Activity, CachedCommunicationToken, CachedEntraToken, LockAttempt, LockTarget, MemoryStore,
    Record, SessionStore, ShortLifetimeNote,
};
use crate::time::{SystemClock, Timestamp};

const NOW: i64 = 1_000_000;

/// Seconds left of the kept tokens; `None` where there is no such token.
#[derive(Debug, Clone, Copy, Default)]
struct CachedTokens {
    communication: Option<i64>,
    entra: Option<i64>,
    refresh: bool,
    /// Life of the short tokens, and how long ago they were redeemed.
    short: Option<(u64, i64)>,
}

fn source(endpoint: &str) -> CommunicationTokenSource {
    CommunicationTokenSource {
        endpoint: endpoint.to_owned(),
        exchange: ExchangeKind::Key,
        scopes: vec!["s".to_owned()],
    }
}

fn record(held: CachedTokens) -> Record {
    let application = EntraApplication {
        authority_host: "login.test".to_owned(),
        tenant: "organizations".to_owned(),
        client_id: "app".to_owned(),
    };
    let account = Account {
        home_account_id: "u.t".to_owned(),
        username: "ada".to_owned(),
        tenant_id: "t".to_owned(),
        object_id: "u".to_owned(),
    };
    let at = |left: i64| Timestamp::from_unix_seconds(NOW + left);
    let mut record = Record::new(application, account);
    record.refresh_token = held.refresh.then(|| RefreshToken::new("r"));
    if let Some(left) = held.entra {
        record.keep_entra_token(CachedEntraToken {
            token: EntraToken::new("e"),
            scopes: vec!["s".to_owned()],
            expires_on: at(left),
        });
    }
    if let Some(left) = held.communication {
        record.keep_communication_token(CachedCommunicationToken {
            token: CommunicationToken::new("c"),
            source: source("https://a"),
            expires_on: at(left),
        });
    }
    record.short_lifetime = held.short.map(|(life_seconds, ago)| ShortLifetimeNote {
        redeemed_at_seconds: NOW - ago,
        life_seconds,
    });
    record
}

fn request() -> TokenRequest {
    let kind = TokenKind::Communication(source("https://a"));
    TokenRequest::new(kind, Duration::from_secs(600))
}

const NOTHING: CompletedSteps = CompletedSteps {
    signed_in: false,
    refreshed: false,
    refreshed_for_service: false,
    exchanged: false,
};

fn step(held: CachedTokens, request: &TokenRequest, completed: CompletedSteps) -> Step {
    let now = Timestamp::from_unix_seconds(NOW);
    next_step(Some(&record(held)), request, completed, now)
}

#[test]
fn the_rule_from_its_first_line_to_its_last() {
    let all = CachedTokens {
        communication: Some(601),
        entra: Some(601),
        refresh: true,
        short: None,
    };
    #[rustfmt::skip]
    let table = [
        (all, Step::UseCached),
        (CachedTokens { communication: Some(600), ..all }, Step::Exchange),
        (CachedTokens { communication: None, ..all }, Step::Exchange),
        (CachedTokens { communication: Some(600), entra: Some(600), ..all }, Step::Refresh),
        (CachedTokens { communication: Some(600), entra: None, ..all }, Step::Refresh),
        (CachedTokens { communication: None, entra: None, refresh: true, short: None }, Step::Refresh),
        (CachedTokens { communication: Some(600), entra: Some(600), refresh: false, short: None }, Step::SignIn),
        (CachedTokens { communication: Some(-1), entra: Some(-1), refresh: false, short: None }, Step::SignIn),
        (CachedTokens::default(), Step::SignIn),
    ];
    for (held, expected) in table {
        assert_eq!(step(held, &request(), NOTHING), expected, "{held:?}");
    }
    let now = Timestamp::from_unix_seconds(NOW);
    assert_eq!(next_step(None, &request(), NOTHING, now), Step::SignIn);
}

#[test]
fn a_token_for_anything_else_is_not_handed_out() {
    let held = CachedTokens {
        communication: Some(3600),
        entra: Some(3600),
        refresh: true,
        short: None,
    };
    let mut elsewhere = request();
    elsewhere.kind = TokenKind::Communication(source("https://b"));
    assert_eq!(step(held, &elsewhere, NOTHING), Step::Exchange);
    let mut other_kind = request();
    other_kind.kind = TokenKind::Communication(CommunicationTokenSource {
        exchange: ExchangeKind::Entra,
        ..source("https://a")
    });
    assert_eq!(step(held, &other_kind, NOTHING), Step::Exchange);
    let mut other_scopes = request();
    other_scopes.kind = TokenKind::Communication(CommunicationTokenSource {
        scopes: vec!["t".to_owned()],
        ..source("https://a")
    });
    assert_eq!(step(held, &other_scopes, NOTHING), Step::Refresh);
}

#[test]
fn refresh_is_followed_by_an_exchange_and_its_result() {
    let refreshed = CompletedSteps {
        refreshed: true,
        ..NOTHING
    };
    let exchanged = CompletedSteps {
        exchanged: true,
        ..refreshed
    };
    for (communication, after) in [(3600, Step::UseCached), (540, Step::UseCachedBelowMinimum)] {
        let held = CachedTokens {
            communication: Some(communication),
            entra: Some(communication),
            refresh: true,
            short: None,
        };
        assert_eq!(step(held, &request(), refreshed), Step::Exchange);
        assert_eq!(step(held, &request(), exchanged), after);
    }
}

#[test]
fn an_exchange_that_brought_too_little_is_followed_by_one_redemption() {
    let exchanged = CompletedSteps {
        exchanged: true,
        ..NOTHING
    };
    let held = CachedTokens {
        communication: Some(300),
        entra: Some(3600),
        refresh: true,
        short: None,
    };
    assert_eq!(step(held, &request(), exchanged), Step::Refresh);
    let without_refresh = CachedTokens {
        refresh: false,
        ..held
    };
    assert_eq!(step(without_refresh, &request(), exchanged), Step::SignIn);
}

#[test]
fn after_a_sign_in_a_short_token_is_redeemed_once_to_learn_that_all_are_short() {
    let signed_in = CompletedSteps {
        signed_in: true,
        ..NOTHING
    };
    let held = CachedTokens {
        communication: None,
        entra: Some(540),
        refresh: true,
        short: None,
    };
    assert_eq!(step(held, &request(), signed_in), Step::Refresh);
    let without_refresh = CachedTokens {
        refresh: false,
        ..held
    };
    assert_eq!(step(without_refresh, &request(), signed_in), Step::Exchange);
    let exchanged = CompletedSteps {
        exchanged: true,
        ..signed_in
    };
    let after = CachedTokens {
        communication: Some(540),
        ..without_refresh
    };
    assert_eq!(
        step(after, &request(), exchanged),
        Step::UseCachedBelowMinimum
    );
}

#[test]
fn short_tokens_are_redeemed_again_only_after_half_their_life() {
    let at = |left: i64, ago: i64| CachedTokens {
        communication: Some(left),
        entra: Some(left),
        refresh: true,
        short: Some((540, ago)),
    };
    assert_eq!(
        step(at(540, 0), &request(), NOTHING),
        Step::UseCachedBelowMinimum
    );
    assert_eq!(
        step(at(271, 269), &request(), NOTHING),
        Step::UseCachedBelowMinimum
    );
    assert_eq!(step(at(270, 270), &request(), NOTHING), Step::Refresh);
    let mut force = request();
    force.force_refresh = true;
    assert_eq!(step(at(540, 0), &force, NOTHING), Step::Refresh);
    // A clock that went back behind the redemption voids the note.
    assert_eq!(step(at(540, -1), &request(), NOTHING), Step::Refresh);
}

#[test]
fn validity_longer_than_the_lifetime_is_handled_alike() {
    let held = CachedTokens {
        communication: Some(4400),
        entra: Some(4400),
        refresh: true,
        short: Some((4500, 100)),
    };
    let mut long = request();
    long.min_validity = Duration::from_secs(7200);
    assert_eq!(step(held, &long, NOTHING), Step::UseCachedBelowMinimum);
    assert_eq!(step(held, &request(), NOTHING), Step::UseCached);
}

#[test]
fn force_refreshes_and_exchanges_despite_the_cache() {
    let mut force = request();
    force.force_refresh = true;
    let held = CachedTokens {
        communication: Some(3600),
        entra: Some(3600),
        refresh: true,
        short: None,
    };
    assert_eq!(step(held, &force, NOTHING), Step::Refresh);
    let refreshed = CompletedSteps {
        refreshed: true,
        ..NOTHING
    };
    assert_eq!(step(held, &force, refreshed), Step::Exchange);
    let exchanged = CompletedSteps {
        exchanged: true,
        ..refreshed
    };
    assert_eq!(step(held, &force, exchanged), Step::UseCached);
    let without_refresh = CachedTokens {
        refresh: false,
        ..held
    };
    assert_eq!(step(without_refresh, &force, NOTHING), Step::SignIn);
}

#[test]
fn the_entra_token_itself_needs_no_exchange() {
    let mut entra = request();
    entra.kind = TokenKind::Entra(vec!["s".to_owned()]);
    let held = |left: i64| CachedTokens {
        communication: None,
        entra: Some(left),
        refresh: true,
        short: None,
    };
    assert_eq!(step(held(601), &entra, NOTHING), Step::UseCached);
    assert_eq!(step(held(600), &entra, NOTHING), Step::Refresh);
    let refreshed = CompletedSteps {
        refreshed: true,
        ..NOTHING
    };
    assert_eq!(
        step(held(540), &entra, refreshed),
        Step::UseCachedBelowMinimum
    );
}

#[test]
fn every_path_ends_within_the_budget() {
    for left in [-1, 0, 1, 300, 540, 3600] {
        for refresh in [false, true] {
            for force in [false, true] {
                let mut request = request();
                request.force_refresh = force;
                let (mut held, mut completed) = (CachedTokens::default(), NOTHING);
                held.refresh = refresh;
                let mut steps = Vec::new();
                while steps.len() < 10 {
                    let next = step(held, &request, completed);
                    steps.push(next);
                    match next {
                        Step::UseCached | Step::UseCachedBelowMinimum => break,
                        Step::SignIn if completed.signed_in => break,
                        Step::SignIn => {
                            completed = CompletedSteps {
                                signed_in: true,
                                ..NOTHING
                            };
                            held.entra = Some(left);
                        }
                        Step::Refresh => {
                            assert!(!completed.refreshed, "{steps:?}");
                            completed.refreshed = true;
                            completed.exchanged = false;
                            held.entra = Some(left);
                        }
                        Step::RefreshForService => panic!("the request is of no service"),
                        Step::Exchange => {
                            completed.exchanged = true;
                            held.communication = Some(left);
                        }
                    }
                }
                assert!(steps.len() < 8, "left {left}, {refresh} {force}: {steps:?}");
            }
        }
    }
}

#[test]
fn the_last_resort_has_more_than_a_minute_left_and_is_never_forced() {
    let now = Timestamp::from_unix_seconds(NOW);
    let at = |left: i64| {
        record(CachedTokens {
            communication: Some(left),
            ..CachedTokens::default()
        })
    };
    assert!(outage_fallback(&at(61), &request(), now).is_some());
    assert!(outage_fallback(&at(60), &request(), now).is_none());
    let mut force = request();
    force.force_refresh = true;
    assert!(outage_fallback(&at(3600), &force, now).is_none());
}

#[tokio::test]
async fn services_are_created_before_the_lock_is_taken() {
    let store = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    let record = record(CachedTokens {
        refresh: true,
        ..CachedTokens::default()
    });
    let scope = LockTarget::Session(record.key());
    let try_lock = || match store.try_lock(&scope, Activity::Renewing) {
        Ok(LockAttempt::Acquired(guard)) => Some(guard),
        _ => None,
    };
    let guard = try_lock().expect("the lock");
    store.save(&record, &guard).expect("saved");
    drop(guard);
    let sessions = Sessions::new(
        Arc::clone(&store),
        Arc::new(SystemClock),
        record.application.clone(),
    );
    let Ok(CacheLookup::Miss(renewal)) = sessions.cached_token(None, request()) else {
        panic!("a session without a token");
    };
    let mut was_free = false;
    let services = || {
        was_free = try_lock().is_some();
        Err(Error::internal("no services"))
    };
    let error = renewal.run(services, None).await.expect_err("no services");
    assert_eq!(error.message(), "no services");
    assert!(was_free, "a passphrase prompt does not hold the lock");
}
