//! The ACS Identity API against the emulator: the library's client, and the commands over it.

mod access;
mod bulk;
mod commands;
mod direct;
mod errors;
mod exchange;
mod refusals;
mod requests;
pub(crate) mod resource_principal;
mod troubles;

use std::sync::Arc;
use std::time::Duration;

use acspass::acs::{CommunicationUserId, IdentityClient, IssuedToken, TokenScope};
use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route};
use acspass::http::{self, Http};
use acspass::jwt;
use serde_json::Value;

use crate::harness::{Home, TestBrowser};

/// Runs what the library does.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work)
}

fn emulator() -> Emulator {
    Emulator::start(Options::default()).expect("an emulator")
}

/// A client of the emulated resource that hardly waits before it tries again.
fn client(emulator: &Emulator) -> IdentityClient {
    client_waiting(emulator, Duration::from_millis(1))
}

fn client_waiting(emulator: &Emulator, first_wait: Duration) -> IdentityClient {
    let options = http::Options {
        first_wait,
        ..http::Options::default()
    };
    IdentityClient::from_connection_string(&emulator.http_connection_string())
        .expect("the emulator's own")
        .with_http(Arc::new(Http::new(options)))
}

fn claims_of(token: &str) -> Value {
    jwt::claims(token).expect("a token of the emulator")
}

fn scopes(words: &[&str]) -> Vec<TokenScope> {
    let read = |word: &&str| word.parse().expect("a word");
    words.iter().map(read).collect()
}

fn user(id: &str) -> CommunicationUserId {
    CommunicationUserId::parse(id).expect("an id")
}

fn issued(emulator: &Emulator, id: &CommunicationUserId) -> IssuedToken {
    block_on(client(emulator).issue_token(id, &[TokenScope::Chat], None)).expect("a token")
}

/// What the service says instead, so often.
fn fault(status: u16, retry_after: Option<&str>, times: Option<u32>) -> Fault {
    Fault {
        route: Route::Identities,
        times,
        what: FaultKind::Status {
            status,
            retry_after: retry_after.map(str::to_owned),
            content_type: "application/json".to_owned(),
            body: r#"{"error":{"code":"Busy","message":"not now"}}"#.to_owned(),
        },
    }
}

/// A new identity, by the command.
fn created(home: &Home) -> String {
    let run = home.run(&["user", "create"]);
    run.assert_code(0);
    run.stdout.trim_end().to_owned()
}

/// Signs the first user in and takes their Entra token.
fn entra_token(home: &Home) -> String {
    let browser = TestBrowser::walking();
    let call = home.call(&["get", "--entra", "--interactive"]);
    call.by(&browser).run().token()
}

/// How often any of the resource's operations was asked for.
fn asked_of_the_resource(emulator: &Emulator) -> usize {
    let paths = emulator.requests().into_iter().map(|entry| entry.path);
    let starts = ["/identities", "/teamsUser/", "/access/"];
    paths
        .filter(|path| starts.iter().any(|start| path.starts_with(start)))
        .count()
}
