//! A sign-in of the emulator's first user, for the examples: the session is kept in memory.

use std::sync::Arc;
use std::time::Duration;

use acspass::account::{Account, Tenancy};
use acspass::config::parse_scopes;
use acspass::emulator::{Emulator, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::entra::{Authority, Entra};
use acspass::http::Http;
use acspass::session::{Session, SignInOptions};
use acspass::store::{CachedEntraToken, MemoryStore, SessionStore};
use acspass::time::SystemClock;

/// A browser that nobody has to look at: the emulator's user agent walks the pages. In an app of
/// yours it is [`SystemBrowser`](acspass::entra::browser::SystemBrowser).
struct Unattended;

impl Browser for Unattended {
    fn open(&self, link: &Link) -> acspass::Result<Opened> {
        UserAgent::default().start(link.target())?;
        Ok(Opened::by("the emulator's user agent"))
    }
}

/// Who signed in, and their Entra token for Teams.
pub(crate) async fn sign_in(
    emulator: &Emulator,
    http: &Arc<Http>,
) -> Result<(Account, CachedEntraToken), Box<dyn std::error::Error>> {
    let clock = Arc::new(SystemClock);
    let authority = Authority::new(&emulator.http_url(), emulator.tenant_id())?;
    let client_id = emulator.client_id().to_owned();
    let tenancy = Tenancy {
        authority_host: authority.host(),
        tenant: authority.tenant().to_owned(),
        client_id: client_id.clone(),
    };
    let sessions = Arc::new(SessionStore::new(Box::new(MemoryStore::new()), None));
    let session = Session::new(sessions, clock.clone(), tenancy);
    let entra = Entra::new(http.clone(), clock, authority, client_id);
    let options = SignInOptions::in_browser(&Unattended, Duration::from_secs(60));
    let scopes = parse_scopes("Teams.ManageCalls Teams.ManageChats")?;
    let record = session.login(&entra, &options, None, &scopes).await?;
    let token = record.entra_token(&scopes).ok_or("a sign-in keeps it")?;
    Ok((record.account.clone(), token.clone()))
}
