//! What all handlers share.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::acs::IdentityClient;
use crate::error::Result;
use crate::session::{CacheLookup, Overview, Renewal, Sessions, Token, TokenRequest};
use crate::store::{Index, IndexEntry};
use crate::time::Clock;

use super::blocking::blocking;
use super::events::Events;
use super::options::Options;

/// The options, the recent events, and the client of the ACS resource once a request has needed it.
pub(super) struct Context {
    pub(super) options: Options,
    pub(super) events: Events,
    identity_client: OnceCell<IdentityClient>,
}

impl Context {
    pub(super) fn new(options: Options) -> Self {
        Context {
            events: Events::new(options.clock.clone()),
            options,
            identity_client: OnceCell::new(),
        }
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.options.clock.as_ref()
    }

    pub(super) fn session(&self) -> &Sessions {
        &self.options.session
    }

    /// Returns the client of the ACS resource. The first call makes it, which may read the keyring.
    pub(super) async fn identity_client(&self) -> Result<&IdentityClient> {
        let made = self.identity_client.get_or_try_init(|| {
            let clients = self.options.clients.clone();
            blocking(move || clients.identity_client())
        });
        made.await
    }

    /// Returns the stored accounts without secrets.
    pub(super) async fn overview(&self) -> Result<Overview> {
        let clients = self.options.clients.clone();
        blocking(move || clients.overview()).await
    }

    /// Returns the index entry of this user, or of the active account. An ambiguous name has none.
    pub(super) fn entry<'i>(&self, index: &'i Index, user: Option<&str>) -> Option<&'i IndexEntry> {
        let tenancy = self.session().tenancy();
        match user {
            Some(user) => match index.called(tenancy, user)[..] {
                [entry] => Some(entry),
                _ => None,
            },
            None => index.active(tenancy),
        }
    }

    /// Looks for a stored token with more than `min_validity` left. The call may block.
    pub(super) fn cached_token(
        &self,
        user: Option<&str>,
        min_validity: Duration,
    ) -> Result<CacheLookup> {
        let token_request = TokenRequest {
            min_validity,
            ..self.options.token_request.clone()
        };
        self.session().cached_token(user, token_request)
    }

    /// Renews a token without an interactive sign-in. The call blocks.
    pub(super) fn renew(&self, renewal: Renewal) -> Result<Token> {
        let renewed = Handle::current().block_on(renewal.run(|| self.options.clients.net(), None));
        match &renewed {
            Ok(token) => {
                let name = &token.account.username;
                self.events.good(format!("{name} has a new token"));
            }
            Err(error) => self.events.bad("No token could be had", error),
        }
        renewed
    }
}
