//! The exchanges that need no access key: a Teams user's own Entra token is exchanged directly.
//!
//! `cargo run --example direct_exchange`. It starts an emulator, whose user signs in without a browser, and
//! needs nothing else. A program of yours leaves out `store` and `browser`: the defaults are the
//! keyring and the system's browser.

use std::io::{self, Write};

use acspass::TeamsSession;
use acspass::emulator::{Emulator, Options, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::exchange::ExchangeKind;
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

/// Gets one token for each kind of direct exchange, and prints none.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options::default())?;
    for exchange in [ExchangeKind::Entra, ExchangeKind::TeamsExtension] {
        let session = TeamsSession::builder()
            .authority_host(emulator.http_url())
            .tenant(emulator.tenant_id())
            .client_id(emulator.client_id())
            .resource(emulator.http_url())
            .exchange(exchange)
            .store(MemoryStore::new())
            .without_state_folder()
            .browser(Unattended)
            .build()?;
        let token = session.token().await?;
        writeln!(
            out,
            "{exchange:?}: {} has a token of {} bytes, which expires at {}.",
            token.account.username,
            token.secret.expose().len(),
            token.expires_on
        )?;
    }
    Ok(())
}
