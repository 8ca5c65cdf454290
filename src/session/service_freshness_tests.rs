//! The freshness rule for an exchange service, whose exchange needs a second token.

use std::time::Duration;

use super::freshness::{CompletedSteps, Step, next_step};
use super::token::{TokenKind, TokenRequest};
use crate::account::{Account, EntraApplication};
use crate::exchange::{CommunicationTokenSource, ExchangeKind};
use crate::secret::{EntraToken, RefreshToken};
use crate::store::{CachedEntraToken, Record};
use crate::time::Timestamp;

const NOW: i64 = 1_000_000;

/// A session with these seconds left of the token for ACS and of the one for the service.
fn record(entra: i64, service: Option<i64>, has_refresh_token: bool) -> Record {
    let application = EntraApplication::new("login.test", "organizations", "app");
    let account = Account {
        home_account_id: "u.t".to_owned(),
        username: "ada".to_owned(),
        tenant_id: "t".to_owned(),
        object_id: "u".to_owned(),
    };
    let mut record = Record::new(application, account);
    record.refresh_token = has_refresh_token.then(|| RefreshToken::new("r"));
    let tokens = [("acs", Some(entra)), ("service", service)];
    for (scope, left) in tokens {
        let Some(left) = left else { continue };
        record.keep_entra_token(CachedEntraToken {
            token: EntraToken::new("e"),
            scopes: vec![scope.to_owned()],
            expires_on: Timestamp::from_unix_seconds(NOW + left),
        });
    }
    record
}

#[test]
fn the_exchange_waits_for_the_token_of_the_service() {
    let scopes = vec!["acs".to_owned()];
    let source = CommunicationTokenSource::new("https://x.test", ExchangeKind::Service, scopes);
    let kind = TokenKind::Communication(source);
    let mut request = TokenRequest::new(kind, Duration::from_secs(600));
    request.service_scopes = vec!["service".to_owned()];
    let none = CompletedSteps::default();
    let signed_in = CompletedSteps {
        signed_in: true,
        ..none
    };
    let refreshed = CompletedSteps {
        refreshed: true,
        ..none
    };
    let both = CompletedSteps {
        refreshed_for_service: true,
        ..refreshed
    };
    #[rustfmt::skip]
    let table = [
        (record(3600, None, true), none, false, Step::RefreshForService),
        (record(3600, None, true), signed_in, false, Step::RefreshForService),
        (record(3600, None, false), signed_in, false, Step::SignIn),
        // It is used at once, so a minute is enough.
        (record(3600, Some(61), true), none, false, Step::Exchange),
        (record(3600, Some(60), true), none, false, Step::RefreshForService),
        (record(3600, Some(60), false), none, false, Step::SignIn),
        // The token for ACS comes first.
        (record(600, Some(3600), true), none, false, Step::Refresh),
        (record(600, None, true), none, false, Step::Refresh),
        (record(3600, Some(30), true), both, false, Step::Exchange),
        (record(3600, Some(0), true), both, false, Step::SignIn),
        // Both are requested again.
        (record(3600, Some(3600), true), none, true, Step::Refresh),
        (record(3600, Some(3600), true), refreshed, true, Step::RefreshForService),
        (record(3600, Some(3600), true), both, true, Step::Exchange),
    ];
    let now = Timestamp::from_unix_seconds(NOW);
    for (place, (record, completed, force_refresh, expected)) in table.into_iter().enumerate() {
        request.force_refresh = force_refresh;
        let step = next_step(Some(&record), &request, completed, now);
        assert_eq!(step, expected, "row {place}");
    }
}
