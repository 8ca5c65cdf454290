//! A credential that refreshes its token by itself, in the program that uses it.
//!
//! `cargo run --example credential_in_process`. It starts an emulator whose tokens expire after seconds;
//! its user signs in once, and the credential refreshes from then on. A program of yours leaves out
//! `store` and `browser`: the defaults are the keyring and the system's browser.

use std::io::{self, Write};
use std::time::Duration;

use acspass::TeamsSession;
use acspass::credential::{self, CommunicationTokenCredential};
use acspass::emulator::{Emulator, Options, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::store::MemoryStore;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&mut io::stdout()).await
}

/// Signs in the emulator's user without a browser.
struct Unattended;

impl Browser for Unattended {
    fn open(&self, link: &Link) -> acspass::Result<Opened> {
        UserAgent::default().start(link.target())?;
        Ok(Opened::by("the emulator's user agent"))
    }
}

/// Gets three tokens, one after the other, and prints none.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options {
        token_life: Duration::from_secs(4),
        ..Options::default()
    })?;
    let session = TeamsSession::builder()
        .authority_host(emulator.http_url())
        .tenant(emulator.tenant_id())
        .client_id(emulator.client_id())
        .resource(emulator.http_url())
        .min_validity(Duration::ZERO)
        .store(MemoryStore::new())
        .without_state_folder()
        .browser(Unattended)
        .build()?;
    let credential = CommunicationTokenCredential::new(session, credential::Options::default());
    // While the cached token is valid, a call costs nothing.
    let token = credential.get(Duration::from_secs(60)).await?;
    writeln!(out, "The token expires at {}.", token.expires_on)?;
    // A program with an open connection waits for each new token.
    let mut changes = credential.changes();
    changes.mark_unchanged();
    for _ in 0..2 {
        changes.changed().await?;
        let token = changes.borrow_and_update().clone();
        let token = token.ok_or("a credential never loses its token")?;
        writeln!(out, "The next token expires at {}.", token.expires_on)?;
    }
    Ok(())
}
