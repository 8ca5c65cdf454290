//! A sign-in of the emulator's first user, for the examples. The session is in memory only.

use acspass::TeamsSession;
use acspass::emulator::{Emulator, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::session::Token;
use acspass::store::MemoryStore;

/// Signs in the emulator's user without a browser. A program of yours leaves it out: the default is
/// the system's browser.
struct Unattended;

impl Browser for Unattended {
    fn open(&self, link: &Link) -> acspass::Result<Opened> {
        UserAgent::default().start(link.target())?;
        Ok(Opened::by("the emulator's user agent"))
    }
}

/// Returns the user's Entra token for Teams.
pub(crate) async fn sign_in(emulator: &Emulator) -> acspass::Result<Token> {
    let session = TeamsSession::builder()
        .authority_host(emulator.http_url())
        .tenant(emulator.tenant_id())
        .client_id(emulator.client_id())
        .resource(emulator.http_connection_string())
        .store(MemoryStore::new())
        .without_state_folder()
        .browser(Unattended)
        .build()?;
    session.entra_token().await
}
