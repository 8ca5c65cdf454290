//! The library's client: each operation does at the resource what its name says.

use std::sync::Arc;
use std::time::Duration;

use acspass::acs::{
    CommunicationIdentifier, ConnectionString, IdentityClient, TokenLifetime, TokenScope,
};
use acspass::emulator::{Emulator, Options};
use acspass::http::Http;
use acspass::{Kind, time::Clock, time::SettableClock, time::SystemClock};

use super::{asked_of_the_resource, block_on, claims_of, client, emulator, issued, scopes, user};

#[test]
fn an_identity_is_created_at_the_resource() {
    let emulator = emulator();
    let id = block_on(client(&emulator).create_user()).unwrap();
    let start = format!("8:acs:{}_", emulator.resource_id());
    assert!(id.as_str().starts_with(&start), "{id}");
    let identifier = CommunicationIdentifier::from_raw_id(id.as_str());
    assert_eq!(identifier, CommunicationIdentifier::CommunicationUser(id));
    assert_eq!(emulator.count("create_identity"), 1);
}

#[test]
fn an_identity_and_its_first_token_come_in_one_request() {
    let emulator = emulator();
    let wanted = [TokenScope::Chat, TokenScope::Voip];
    let created = block_on(client(&emulator).create_user_with_token(&wanted, None)).unwrap();
    let token = created.token.expect("a token");
    let claims = claims_of(token.token.expose());
    assert_eq!(
        format!("8:{}", claims["skypeid"].as_str().unwrap()),
        created.id.as_str()
    );
    assert_eq!(claims["acsScope"], "chat,voip");
    assert_eq!(claims["exp"], token.expires_on.unix_seconds());
    assert!(emulator.is_token_valid(token.token.expose()));
    assert_eq!(asked_of_the_resource(&emulator), 1);
}

#[test]
fn the_quickstarts_sequence_runs_to_its_end() {
    let emulator = emulator();
    let client = client(&emulator);
    let is_valid =
        |token: &acspass::acs::IssuedToken| emulator.is_token_valid(token.token.expose());
    block_on(async {
        let id = client.create_user().await?;
        let first = client.issue_token(&id, &[TokenScope::Chat], None).await?;
        let refreshed = client.issue_token(&id, &[TokenScope::Chat], None).await?;
        assert!(is_valid(&first) && is_valid(&refreshed), "both are good");
        client.revoke_tokens(&id).await?;
        assert!(
            !is_valid(&first) && !is_valid(&refreshed),
            "both are revoked"
        );
        let again = client.issue_token(&id, &[TokenScope::Voip], None).await?;
        assert!(is_valid(&again), "the identity stayed");
        client.delete_user(&id).await?;
        assert!(!is_valid(&again), "its tokens went with it");
        let gone = client.issue_token(&id, &[TokenScope::Voip], None).await;
        assert_eq!(gone.unwrap_err().kind(), Kind::Refused);
        acspass::Result::<()>::Ok(())
    })
    .unwrap();
}

#[test]
fn every_scope_and_several_at_once_are_in_the_token() {
    let emulator = emulator();
    let client = client(&emulator);
    let id = block_on(client.create_user()).unwrap();
    for words in [
        &["chat"][..],
        &["voip"],
        &["chat.join"],
        &["chat.join.limited"],
        &["voip.join"],
        &["chat", "voip"],
        &["chat.join", "voip.join"],
    ] {
        let issued = block_on(client.issue_token(&id, &scopes(words), None)).unwrap();
        let claims = claims_of(issued.token.expose());
        assert_eq!(claims["acsScope"], words.join(","));
    }
}

#[test]
fn a_token_lives_as_long_as_was_asked_from_an_hour_to_a_day() {
    let emulator = emulator();
    let client = client(&emulator);
    let id = block_on(client.create_user()).unwrap();
    for (wanted, minutes) in [
        (Some(60), 60),
        (Some(90), 90),
        (Some(1440), 1440),
        (None, 1440),
    ] {
        let lifetime = wanted.map(|minutes| TokenLifetime::new(Duration::from_secs(minutes * 60)));
        let lifetime = lifetime.transpose().unwrap();
        let issued = block_on(client.issue_token(&id, &[TokenScope::Chat], lifetime)).unwrap();
        let claims = claims_of(issued.token.expose());
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(life, minutes * 60, "{wanted:?}");

        let created = client.create_user_with_token(&[TokenScope::Chat], lifetime);
        let claims = claims_of(block_on(created).unwrap().token.unwrap().token.expose());
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert_eq!(life, minutes * 60, "{wanted:?} at creation");
    }
}

#[test]
fn no_scope_at_all_is_a_usage_error_before_the_call() {
    let emulator = emulator();
    let client = client(&emulator);
    let id = user(&emulator.foreign_identity());
    let issue = block_on(client.issue_token(&id, &[], None)).unwrap_err();
    let create = block_on(client.create_user_with_token(&[], None)).unwrap_err();
    for error in [issue, create] {
        assert_eq!(error.kind(), Kind::Usage);
        assert!(
            error.hint().contains("chat.join.limited"),
            "{}",
            error.hint()
        );
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_refusal_keeps_status_code_target_message_and_the_services_id() {
    let emulator = emulator();
    let client = client(&emulator);
    let id = block_on(client.create_user()).unwrap();
    let error = block_on(client.issue_token(&id, &scopes(&["nonsense"]), None)).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(error.code(), Some("ValidationError"));
    let response = error.service_response().expect("the service answered");
    assert_eq!(response.status, 400);
    assert_eq!(response.code.as_deref(), Some("ValidationError"));
    assert_eq!(response.target.as_deref(), Some("scopes"));
    assert!(response.message.as_deref().unwrap().contains("scopes"));
    assert!(response.request_id.is_some());
    assert_eq!(error.correlation_id(), response.request_id.as_deref());
}

#[test]
fn an_identity_of_another_resource_is_refused_by_every_operation() {
    let emulator = emulator();
    let client = client(&emulator);
    let id = user(&emulator.foreign_identity());
    let issue = block_on(client.issue_token(&id, &[TokenScope::Chat], None)).unwrap_err();
    let revoke = block_on(client.revoke_tokens(&id)).unwrap_err();
    let delete = block_on(client.delete_user(&id)).unwrap_err();
    for error in [issue, revoke, delete] {
        assert_eq!(error.kind(), Kind::Refused);
        assert_eq!(error.code(), Some("IdentityNotOwned"));
        assert_eq!(error.service_response().unwrap().status, 401);
    }
}

#[test]
fn what_is_deleted_can_be_deleted_again_and_nothing_else() {
    let emulator = emulator();
    let client = client(&emulator);
    let id = block_on(client.create_user()).unwrap();
    block_on(client.delete_user(&id)).unwrap();
    block_on(client.delete_user(&id)).unwrap();
    let revoke = block_on(client.revoke_tokens(&id)).unwrap_err();
    assert_eq!(revoke.code(), Some("IdentityNotOwned"));
}

#[test]
fn a_revocation_spares_other_identities() {
    let emulator = emulator();
    let client = client(&emulator);
    let (ada, ben) = block_on(async { tokio::join!(client.create_user(), client.create_user()) });
    let (ada, ben) = (ada.unwrap(), ben.unwrap());
    let (hers, his) = (issued(&emulator, &ada), issued(&emulator, &ben));
    block_on(client.revoke_tokens(&ada)).unwrap();
    assert!(!emulator.is_token_valid(hers.token.expose()));
    assert!(emulator.is_token_valid(his.token.expose()));
}

#[test]
fn an_endpoint_and_its_key_do_as_well_as_a_connection_string() {
    let emulator = emulator();
    let read = ConnectionString::parse(&emulator.http_connection_string()).unwrap();
    let client = IdentityClient::from_access_key(read.endpoint, read.access_key);
    block_on(client.create_user()).unwrap();
    assert_eq!(emulator.count("create_identity"), 1);
}

#[test]
fn one_client_serves_many_tasks() {
    let emulator = emulator();
    let client = Arc::new(client(&emulator));
    let ids = block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let client = client.clone();
            tasks.spawn(async move { client.create_user().await });
        }
        tasks.join_all().await
    });
    let mut ids: Vec<String> = ids.into_iter().map(|id| id.unwrap().to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}

#[test]
fn the_callers_own_http_client_is_the_one_that_is_used() {
    let options = Options {
        https_port: Some(0),
        ..Options::default()
    };
    let emulator = Emulator::start(options).unwrap();
    let connect = || IdentityClient::from_connection_string(&emulator.connection_string()).unwrap();
    // Ours does not know the emulator's certificate authority; the caller's knows no other.
    let error = block_on(connect().create_user()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unreachable);
    let pem = emulator.ca_pem().unwrap();
    let authority = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a caller's own client")]
    let own = reqwest::Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .build()
        .unwrap();
    let client = connect().with_http(Arc::new(Http::with_client(own)));
    block_on(client.create_user()).unwrap();
}

#[test]
fn a_client_whose_clock_is_wrong_is_told_so_and_can_be_corrected() {
    let emulator = emulator();
    let ahead = SettableClock::new(SystemClock.now().plus(Duration::from_secs(3600)));
    let client = client(&emulator).with_clock(Arc::new(ahead));
    let error = block_on(client.create_user()).unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (Kind::Refused, Some("Denied"))
    );
    assert!(error.message().contains("clock is"), "{}", error.message());
    client.set_service_time(SystemClock.now());
    block_on(client.create_user()).unwrap();
}

#[test]
fn a_corrected_clock_is_not_the_cause_of_a_later_refusal() {
    let emulator = emulator();
    let ahead = SettableClock::new(SystemClock.now().plus(Duration::from_secs(3600)));
    let text = emulator.http_connection_string();
    let (endpoint, _) = text.split_once("accesskey=").unwrap();
    let other_key = format!("{endpoint}accesskey={}", "A".repeat(86) + "==");
    let client = IdentityClient::from_connection_string(&other_key).unwrap();
    let client = client.with_clock(Arc::new(ahead));
    client.set_service_time(SystemClock.now());
    let message = block_on(client.create_user()).unwrap_err().to_string();
    assert!(!message.contains("clock"), "{message}");
}
