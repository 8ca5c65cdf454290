//! `token exchange`: a Teams user's Entra token in, their Communication token out.

use acspass::Kind;
use acspass::secret::EntraToken;

use super::{block_on, claims_of, client, entra_token};
use crate::harness::{Home, TestBrowser};

const ANOTHER: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn a_token_from_standard_input_is_exchanged() {
    let (home, emulator) = Home::with_emulator();
    let entra = entra_token(&home);
    for words in [
        &["token", "exchange"][..],
        &["token", "exchange", "-"],
        &["token", "get-for-teams-user"],
    ] {
        let token = home
            .call(words)
            .typing(&format!("  {entra}\n"))
            .run()
            .token();
        assert!(emulator.is_token_valid(&token));
        let claims = claims_of(&token);
        assert_eq!(claims["skypeid"], format!("orgid:{}", emulator.object_id()));
        assert_eq!(
            claims["exp"],
            claims_of(&entra)["exp"],
            "it lives as long as the Entra token"
        );
    }
    assert_eq!(emulator.count("exchange"), 3);
}

#[test]
fn a_token_from_a_file_is_exchanged_and_comes_in_json() {
    let (home, _emulator) = Home::with_emulator();
    let entra = entra_token(&home);
    // Not in the home, which is searched for secrets.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("entra-token.txt");
    std::fs::write(&file, format!("{entra}\n")).unwrap();
    let file = file.to_str().expect("a plain path");
    let json = home.run(&["token", "exchange", file, "-o", "json"]).json();
    let members: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(members, ["expiresInSeconds", "expiresOn", "token"]);
    let left = json["expiresInSeconds"].as_u64().unwrap();
    assert!((4000..=4500).contains(&left), "{left}");
    home.run(&["token", "exchange", "no/such/file"])
        .assert_error(2, &["could not open the file `no/such/file`"]);
}

#[test]
fn the_ids_can_be_named_and_must_be_the_tokens_own() {
    let (home, emulator) = Home::with_emulator();
    let entra = entra_token(&home);
    let exchange = |app: &str, user: &str| {
        let words = ["token", "exchange", "--client-id", app, "--user-id", user];
        home.call(&words).typing(&entra).run()
    };
    let (app, user) = (emulator.client_id(), emulator.object_id());
    exchange(app, user).token();
    assert_eq!(emulator.count("exchange"), 1);
    exchange(ANOTHER, user).assert_error(5, &["another application than the given client id"]);
    exchange(app, ANOTHER).assert_error(5, &["another user than the given object id", "object id"]);
    exchange(app, emulator.tenant_id()).assert_error(5, &["another user than the given object id"]);
    assert_eq!(emulator.count("exchange"), 1, "the token itself told");
}

#[test]
fn text_that_is_no_token_is_refused_as_it_is_read() {
    let (home, emulator) = Home::with_emulator();
    for wrong in ["two words", "a,b", "a.ä.c"] {
        let run = home.call(&["token", "exchange"]).typing(wrong).run();
        run.assert_error(2, &["is not one token"]);
    }
    assert_eq!(emulator.requests().len(), 0);
}

#[test]
fn communication_token_is_named_and_not_sent() {
    let (home, emulator) = Home::with_emulator();
    let entra = entra_token(&home);
    let token = home
        .call(&["token", "exchange"])
        .typing(&entra)
        .run()
        .token();
    let (app, user) = (emulator.client_id(), emulator.object_id());
    let ids = ["--client-id", app, "--user-id", user];
    let before = emulator.count("exchange");
    for ids in [&[][..], &ids] {
        let words = [&["token", "exchange"], ids].concat();
        home.call(&words).typing(&token).run().assert_error(
            2,
            &[
                "error: this is a Communication access token, not an Entra token",
                "hint: Run `acspass get --entra | acspass token exchange`.",
            ],
        );
    }
    assert_eq!(emulator.count("exchange"), before);
}

#[test]
fn the_service_names_the_id_that_does_not_fit() {
    let (home, emulator) = Home::with_emulator();
    let token = EntraToken::new(entra_token(&home));
    let client = client(&emulator);
    let (app, user) = (emulator.client_id(), emulator.object_id());
    block_on(client.exchange_teams_user_token(&token, app, user)).unwrap();
    for (app, user, target) in [
        (ANOTHER, user, "appId"),
        (app, ANOTHER, "userId"),
        ("not-a-guid", user, "appId"),
        (app, "", "UserId"),
    ] {
        let error = block_on(client.exchange_teams_user_token(&token, app, user)).unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (Kind::Refused, Some("ValidationError"))
        );
        assert_eq!(
            error.service_response().unwrap().target.as_deref(),
            Some(target)
        );
        assert!(error.message().contains(target), "{}", error.message());
    }
    let garbage = EntraToken::new("not-a-token-at-all");
    let error = block_on(client.exchange_teams_user_token(&garbage, app, user)).unwrap_err();
    assert_eq!(error.code(), Some("InvalidAccessToken"));
    assert_eq!(error.service_response().unwrap().target, None);
}

#[test]
fn what_cannot_be_a_token_or_an_id_is_not_sent() {
    let (home, emulator) = Home::with_emulator();
    let token = EntraToken::new(entra_token(&home));
    let client = client(&emulator);
    let (app, user) = (emulator.client_id(), emulator.object_id());
    let before = emulator.count("exchange");
    for text in ["two words", "a\r\nx-injected: 1", "=", "", "t\u{e4}", "a,b"] {
        let handed_in = EntraToken::new(text);
        let sent = client.exchange_teams_user_token(&handed_in, app, user);
        let error = block_on(sent).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage, "{text:?}");
        home.call(&["token", "exchange"])
            .typing(text)
            .run()
            .assert_error(2, &["token"]);
    }
    for (app, user) in [("two words", user), (app, "\"}"), (app, &"0".repeat(513))] {
        let sent = client.exchange_teams_user_token(&token, app, user);
        assert_eq!(block_on(sent).unwrap_err().kind(), Kind::Usage);
    }
    assert_eq!(emulator.count("exchange"), before);
}

#[test]
fn a_token_for_another_audience_is_named_before_the_call() {
    let (mut home, emulator) = Home::with_emulator();
    home.set("ACSPASS_SCOPES", "https://graph.microsoft.com/User.Read");
    let browser = TestBrowser::walking();
    let call = home.call(&["get", "--entra", "--interactive"]).by(&browser);
    let graph = call.run().token();
    home.unset("ACSPASS_SCOPES");
    let run = home.call(&["token", "exchange"]).typing(&graph).run();
    run.assert_error(
        5,
        &["Microsoft Graph", "Teams.ManageCalls", "Teams.ManageChats"],
    );
    assert_eq!(emulator.count("exchange"), 0);
}

#[test]
fn what_cannot_be_read_here_needs_its_ids_and_the_service_decides() {
    let (home, emulator) = Home::with_emulator();
    let run = home.call(&["token", "exchange"]).typing("opaque").run();
    run.assert_error(2, &["--client-id"]);
    let call = home.call(&["token", "exchange", "--client-id", ANOTHER]);
    call.typing("opaque").run().assert_error(2, &["--user-id"]);
    assert_eq!(emulator.count("exchange"), 0);
    let words = [
        "token",
        "exchange",
        "--client-id",
        ANOTHER,
        "--user-id",
        ANOTHER,
    ];
    let run = home.call(&words).typing("opaque").run();
    run.assert_error(5, &["InvalidAccessToken", "the service decides"]);
    assert_eq!(emulator.count("exchange"), 1);
}

#[test]
fn an_entra_token_as_the_argument_is_refused_and_not_repeated() {
    let (home, emulator) = Home::with_emulator();
    let token = "eyJhbGciOiJub25lIn0.eyJvaWQiOiJzb21lYm9keSJ9.c2lnbmF0dXJlLW9mLW5vYm9keQ";
    let run = home.run(&["token", "exchange", token]);
    run.assert_error(
        2,
        &[
            "every process on this machine",
            "Run `acspass token exchange` and paste the token",
        ],
    );
    run.assert_does_not_say(token);
    assert_eq!(emulator.requests(), []);
}

#[test]
fn a_user_without_a_teams_licence_is_told_what_to_check() {
    let (home, _emulator) = Home::with_emulator();
    let browser = TestBrowser::of("cleo@contoso.example");
    let call = home.call(&["get", "--entra", "--interactive"]).by(&browser);
    let entra = call.run().token();
    let run = home.call(&["token", "exchange"]).typing(&entra).run();
    run.assert_error(5, &["Forbidden", "Teams licence"]);
}

#[test]
fn an_entra_token_goes_to_no_host_that_is_not_allowed() {
    let (mut home, emulator) = Home::with_emulator();
    let entra = entra_token(&home);
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "endpoint=https://acs.example;accesskey=a2V5",
    );
    let run = home.call(&["token", "exchange"]).typing(&entra).run();
    run.assert_error(
        2,
        &["acs.example is not a host of Azure Communication Services"],
    );
    assert_eq!(emulator.count("exchange"), 0);
}
