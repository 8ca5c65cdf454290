//! The freshness rule against the sentences of its definition, over records and requests. `clocks.rs` adds
//! wrong clocks.
//!
//! The sentences are those of docs/concepts/tokens.md. The model here has no record and no lookup: it has
//! lists of tokens with numbers, and states when each step is right.

mod clocks;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::freshness::{CompletedSteps, Step, next_step, outage_fallback};
use super::token::{TokenKind, TokenRequest};
use crate::account::{Account, EntraApplication};
use crate::exchange::{CommunicationTokenSource, ExchangeKind};
use crate::secret::{CommunicationToken, EntraToken, RefreshToken};
use crate::store::{CachedCommunicationToken, CachedEntraToken, Record, ShortLifetimeNote};
use crate::time::Timestamp;

const NOW: i64 = 1_800_000_000;

/// A token of the model: what it is for, and the seconds that are left of it.
#[derive(Debug, Clone, Copy)]
struct Cached {
    endpoint: usize,
    kind: usize,
    scopes: usize,
    left: i64,
}

/// A session and a request of the model.
#[derive(Debug, Clone)]
struct Case {
    communication: Vec<Cached>,
    /// Only `scopes` and `left` count.
    entra: Vec<Cached>,
    has_refresh_token: bool,
    /// The lifetime of short tokens, and the seconds since the redemption.
    note: Option<(u64, i64)>,
    wants_entra: bool,
    endpoint: usize,
    kind: usize,
    scopes: usize,
    min_validity: u64,
    force_refresh: bool,
}

const KINDS: [ExchangeKind; 4] = [
    ExchangeKind::Key,
    ExchangeKind::Entra,
    ExchangeKind::TeamsExtension,
    // Without scopes of the service, as with on-behalf-of: it has the steps of the others.
    ExchangeKind::Service,
];

fn scopes(number: usize) -> Vec<String> {
    let names = [&["calls"][..], &["calls", "chats"]][number];
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn source(endpoint: usize, kind: usize, of: usize) -> CommunicationTokenSource {
    let endpoint = ["https://one.test", "https://two.test"][endpoint];
    CommunicationTokenSource::new(endpoint, KINDS[kind], scopes(of))
}

impl Case {
    fn record(&self, now: Timestamp) -> Record {
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
        let mut record = Record::new(application, account);
        record.refresh_token = self.has_refresh_token.then(|| RefreshToken::new("r"));
        for token in &self.communication {
            record.keep_communication_token(CachedCommunicationToken {
                token: CommunicationToken::new("c"),
                source: source(token.endpoint, token.kind, token.scopes),
                expires_on: now.shifted(token.left),
            });
        }
        for token in &self.entra {
            record.keep_entra_token(CachedEntraToken {
                token: EntraToken::new("e"),
                scopes: scopes(token.scopes),
                expires_on: now.shifted(token.left),
            });
        }
        record.short_lifetime = self.note.map(|(life_seconds, ago)| ShortLifetimeNote {
            redeemed_at_seconds: now.shifted(-ago).unix_seconds(),
            life_seconds,
        });
        record
    }

    fn request(&self) -> TokenRequest {
        let kind = match self.wants_entra {
            true => TokenKind::Entra(scopes(self.scopes)),
            false => TokenKind::Communication(source(self.endpoint, self.kind, self.scopes)),
        };
        TokenRequest {
            force_refresh: self.force_refresh,
            ..TokenRequest::new(kind, Duration::from_secs(self.min_validity))
        }
    }

    /// The seconds left of the Entra token for the requested scopes. A later token replaced an earlier one.
    fn entra_left(&self) -> Option<i64> {
        let matching = |token: &&Cached| token.scopes == self.scopes;
        let last = self.entra.iter().rev().find(matching);
        last.map(|token| token.left)
    }

    /// The seconds left of the requested token.
    fn left(&self) -> Option<i64> {
        if self.wants_entra {
            return self.entra_left();
        }
        let matching = |token: &&Cached| {
            (token.endpoint, token.kind, token.scopes) == (self.endpoint, self.kind, self.scopes)
        };
        let last = self.communication.iter().rev().find(matching);
        last.map(|token| token.left)
    }

    /// "A token is fresh if it is valid for longer than the minimum validity."
    fn is_fresh(&self, left: i64) -> bool {
        i128::from(left) > i128::from(self.min_validity)
    }

    /// "The session notes that the tenant's tokens are short, and the next calls use the refresh token
    /// again only after half of that lifetime." A clock that was set back voids the note.
    fn is_before_half_of_short_lifetime(&self, left: i64) -> bool {
        let noted = self
            .note
            .filter(|(_, ago)| *ago >= 0 && !self.force_refresh);
        noted.is_some_and(|(life, _)| 2 * i128::from(left) > i128::from(life))
    }

    fn suffices(&self, left: i64) -> bool {
        self.is_fresh(left) || self.is_before_half_of_short_lifetime(left)
    }

    /// The first of the four rules that applies at the start of a run.
    fn expected(&self) -> Step {
        let usable = !self.force_refresh;
        if let Some(left) = self.left().filter(|left| usable && self.suffices(*left)) {
            return match self.is_fresh(left) {
                true => Step::UseCached,
                false => Step::UseCachedBelowMinimum,
            };
        }
        let entra = self.entra_left().filter(|_| usable && !self.wants_entra);
        if entra.is_some_and(|left| self.suffices(left)) {
            return Step::Exchange;
        }
        match self.has_refresh_token {
            true => Step::Refresh,
            false => Step::SignIn,
        }
    }
}

/// Seconds near the limits of the rule, and any others.
fn seconds() -> impl Strategy<Value = i64> {
    const LIMITS: [i64; 9] = [0, 60, 270, 300, 540, 600, 1800, 3600, 5400];
    let near = (proptest::sample::select(&LIMITS[..]), -1..=1_i64);
    prop_oneof![
        6 => near.prop_map(|(limit, offset)| limit + offset),
        2 => -4000..8000_i64,
        1 => -4_000_000_000..4_000_000_000_i64,
    ]
}

fn cached() -> impl Strategy<Value = Cached> {
    (0..2_usize, 0..4_usize, 0..2_usize, seconds()).prop_map(|(endpoint, kind, scopes, left)| {
        Cached {
            endpoint,
            kind,
            scopes,
            left,
        }
    })
}

fn case() -> impl Strategy<Value = Case> {
    let life = prop_oneof![seconds().prop_map(i64::unsigned_abs), any::<u64>()];
    let min_validity = prop_oneof![
        8 => seconds().prop_map(i64::unsigned_abs),
        1 => any::<u64>(),
    ];
    let session = (
        vec(cached(), 0..4),
        vec(cached(), 0..3),
        any::<bool>(),
        proptest::option::of((life, -100..4000_i64)),
    );
    let request = (any::<bool>(), 0..2_usize, 0..4_usize, 0..2_usize);
    (session, request, min_validity, any::<bool>()).prop_map(
        |(
            (communication, entra, has_refresh_token, note),
            request,
            min_validity,
            force_refresh,
        )| {
            let (wants_entra, endpoint, kind, scopes) = request;
            Case {
                communication,
                entra,
                has_refresh_token,
                note,
                wants_entra,
                endpoint,
                kind,
                scopes,
                min_validity,
                force_refresh,
            }
        },
    )
}

/// The default number of cases, `PROPTEST_CASES` or 256, times eight: a case is a pure call.
fn many() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: default.cases.saturating_mul(8),
        failure_persistence: None,
        ..default
    }
}

/// The outcomes of services in a run, each consumed by its step.
#[derive(Debug, Clone)]
struct Services {
    entra_lives: Vec<i64>,
    communication_lives: Vec<i64>,
    new_refresh_token: bool,
}

fn services() -> impl Strategy<Value = Services> {
    let lives = || vec(seconds(), 4);
    (lives(), lives(), any::<bool>()).prop_map(
        |(entra_lives, communication_lives, new_refresh_token)| Services {
            entra_lives,
            communication_lives,
            new_refresh_token,
        },
    )
}

proptest! {
    #![proptest_config(many())]

    /// The four rules, from the first to the last.
    #[test]
    fn first_step_is_that_of_the_first_rule_that_applies(case in case()) {
        let now = Timestamp::from_unix_seconds(NOW);
        let step = next_step(Some(&case.record(now)), &case.request(), CompletedSteps::default(), now);
        prop_assert_eq!(step, case.expected());
    }

    /// Expiries and clocks anywhere between the years 1 and 9999 use no expired token.
    #[test]
    fn expired_token_is_not_used_at_any_time(case in case(), now in any::<i64>(), steps in any::<[bool; 3]>()) {
        let now = Timestamp::from_unix_seconds(now);
        let [signed_in, refreshed, exchanged] = steps;
        let completed = CompletedSteps { signed_in, refreshed, exchanged, ..CompletedSteps::default() };
        let record = case.record(now);
        let request = case.request();
        let expiry = |entra: bool| match (&request.kind, entra) {
            (TokenKind::Communication(source), false) => {
                record.communication_token(source).map(|token| token.expires_on)
            }
            _ => record.entra_token(request.scopes()).map(|token| token.expires_on),
        };
        match next_step(Some(&record), &request, completed, now) {
            Step::UseCached | Step::UseCachedBelowMinimum => prop_assert!(expiry(false) > Some(now)),
            Step::Exchange => prop_assert!(expiry(true) > Some(now) && !exchanged),
            Step::Refresh => prop_assert!(case.has_refresh_token && !refreshed),
            Step::RefreshForService => prop_assert!(false, "the request is of no service"),
            Step::SignIn => {}
        }
    }

    /// "The refresh token is redeemed, once. The result is exchanged and returned even if it is not
    /// fresh. It never loops." With `force_refresh` no token of before the run is returned.
    #[test]
    fn run_ends_with_a_valid_token_after_at_most_one_refresh(
        mut case in case(),
        mut services in services(),
        may_sign_in in any::<bool>(),
    ) {
        let now = Timestamp::from_unix_seconds(NOW);
        let mut completed = CompletedSteps::default();
        let (mut refreshes, mut sign_ins, mut is_new) = (0, 0, false);
        let new = |case: &Case, left: i64| Cached {
            endpoint: case.endpoint,
            kind: case.kind,
            scopes: case.scopes,
            left,
        };
        for _ in 0..10 {
            match next_step(Some(&case.record(now)), &case.request(), completed, now) {
                Step::UseCached | Step::UseCachedBelowMinimum => {
                    prop_assert!(case.left() > Some(0));
                    prop_assert!(is_new || !case.force_refresh, "a token of before the run");
                    return Ok(());
                }
                Step::Exchange => {
                    let Some(life) = services.communication_lives.pop() else { return Ok(()) };
                    // A service issues no expired token, and none that outlives its source by much.
                    case.communication.push(new(&case, life.max(1)));
                    completed.exchanged = true;
                    is_new = true;
                }
                Step::Refresh => {
                    refreshes += 1;
                    prop_assert!(refreshes <= 1 + sign_ins, "redeemed twice");
                    let life = services.entra_lives.pop().unwrap_or(3600).max(1);
                    case.entra.push(new(&case, life));
                    // "A redemption sets that note."
                    case.note = (!case.is_fresh(life)).then_some((life.unsigned_abs(), 0));
                    completed = CompletedSteps { refreshed: true, exchanged: false, ..completed };
                    is_new |= case.wants_entra;
                }
                Step::RefreshForService => prop_assert!(false, "the request is of no service"),
                Step::SignIn => {
                    prop_assert_eq!(sign_ins, 0, "asked to sign in twice");
                    if !may_sign_in {
                        return Ok(());
                    }
                    sign_ins += 1;
                    let life = services.entra_lives.pop().unwrap_or(3600).max(1);
                    // A sign-in replaces the whole record.
                    case.communication.clear();
                    case.entra = vec![new(&case, life)];
                    case.has_refresh_token = services.new_refresh_token;
                    case.note = None;
                    completed = CompletedSteps { signed_in: true, ..CompletedSteps::default() };
                    is_new |= case.wants_entra;
                }
            }
        }
        prop_assert!(false, "more than ten steps");
    }

    /// "A cached token that is valid for more than 60 s", and never with `--force-refresh`.
    #[test]
    fn outage_returns_a_matching_token_with_more_than_a_minute(case in case()) {
        let now = Timestamp::from_unix_seconds(NOW);
        let token = outage_fallback(&case.record(now), &case.request(), now);
        let expected = case.left().filter(|left| *left > 60 && !case.force_refresh);
        prop_assert_eq!(token.map(|token| token.expires_on.seconds_since(now)), expected);
    }
}
