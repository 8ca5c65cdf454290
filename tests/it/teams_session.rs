//! The builder against the emulator: a sign-in, the cache, a refresh, and what is refused.

use std::sync::Arc;
use std::time::Duration;

use acspass::TeamsSession;
use acspass::credential::{self, CommunicationTokenCredential};
use acspass::emulator::{Emulator, Options, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::error::{Kind, Result};
use acspass::exchange::ExchangeKind;
use acspass::session::TokenSecret;
use acspass::store::MemoryStore;
use acspass::teams_session::TeamsSessionBuilder;
use acspass::time::{SettableClock, Timestamp};

/// Signs the emulator's user in without a person.
struct Unattended;

impl Browser for Unattended {
    fn open(&self, link: &Link) -> Result<Opened> {
        UserAgent::new(None).start(link.target())?;
        Ok(Opened::by("the emulator's user agent"))
    }
}

fn started() -> (Emulator, SettableClock) {
    let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
    let options = Options {
        clock: Arc::new(clock.clone()),
        ..Options::default()
    };
    (Emulator::start(options).expect("an emulator"), clock)
}

fn builder(emulator: &Emulator, clock: &SettableClock) -> TeamsSessionBuilder {
    TeamsSession::builder()
        .authority_host(emulator.http_url())
        .tenant(emulator.tenant_id())
        .client_id(emulator.client_id())
        .resource(emulator.http_connection_string())
        .store(MemoryStore::new())
        .without_state_folder()
        .browser(Unattended)
        .clock(Arc::new(clock.clone()))
}

#[tokio::test]
async fn token_is_cached_and_refreshed_when_little_is_left() {
    let (emulator, clock) = started();
    let session = builder(&emulator, &clock).build().expect("a session");
    let first = session.token().await.expect("a token");
    assert_eq!(first.account.username, "ada@contoso.example");
    let again = session.token().await.expect("the cached token");
    assert_eq!(again.secret, first.secret);
    let refreshed = session.refreshed_token().await.expect("a new token");
    assert_ne!(refreshed.secret, first.secret);
    clock.advance(Duration::from_secs(3600 * 20));
    let later = session.token().await.expect("a later token");
    assert!(later.expires_on > refreshed.expires_on);
    assert_eq!(emulator.count("authorization_code"), 1, "one sign-in");
}

#[tokio::test]
async fn direct_exchange_needs_no_key() {
    let (emulator, clock) = started();
    let session = builder(&emulator, &clock)
        .resource(emulator.http_url())
        .build()
        .expect("a session");
    let token = session.token().await.expect("a token");
    assert!(emulator.is_token_valid(token.secret.expose()));
    assert_eq!(emulator.count("exchange"), 0, "no access key");
}

#[tokio::test]
async fn entra_token_is_the_one_that_was_exchanged() {
    let (emulator, clock) = started();
    let session = builder(&emulator, &clock).build().expect("a session");
    session.token().await.expect("a token");
    let entra = session.entra_token().await.expect("an Entra token");
    assert!(matches!(entra.secret, TokenSecret::Entra(_)));
    assert_eq!(emulator.count("authorization_code"), 1, "one sign-in");
}

#[tokio::test]
async fn session_without_sign_in_reports_that_one_is_needed() {
    let (emulator, clock) = started();
    let session = builder(&emulator, &clock).without_sign_in();
    let session = session.build().expect("a session");
    let error = session.token().await.expect_err("no session yet");
    assert_eq!(error.kind(), Kind::SignInNeeded);
}

#[tokio::test]
async fn credential_refreshes_through_the_session() {
    let (emulator, clock) = started();
    let session = builder(&emulator, &clock).build().expect("a session");
    let options = credential::Options {
        clock: Arc::new(clock.clone()),
        ..credential::Options::default()
    };
    let credential = CommunicationTokenCredential::new(session, options);
    let token = credential.get(Duration::from_secs(60)).await;
    assert!(!token.expect("a token").token.expose().is_empty());
}

#[test]
fn builder_names_what_is_missing_or_wrong() {
    let complete = || {
        TeamsSession::builder()
            .tenant("contoso.example")
            .client_id("00000000-0000-0000-0000-000000000001")
            .resource("https://contoso.communication.azure.com")
            .without_state_folder()
    };
    complete().build().expect("a session");
    let wrong = [
        (TeamsSession::builder(), "`tenant`"),
        (
            TeamsSession::builder().tenant("contoso.example"),
            "`client_id`",
        ),
        (complete().client_id("me"), "client id"),
        (complete().resource("https://example.com"), "example.com"),
        (complete().exchange(ExchangeKind::Key), "access key"),
        (complete().scopes(" "), "scope"),
    ];
    for (builder, words) in wrong {
        let error = builder.build().expect_err(words);
        assert_eq!(error.kind(), Kind::Usage, "{words}");
        assert!(error.to_string().contains(words), "{error}");
    }
}
