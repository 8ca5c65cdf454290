//! Sign-in without a listener: the user copies the browser's last address, or the code in it.
//!
//! [`super::pasted`] reads the text; no message repeats it.

use tracing::debug;

use super::flow::{SignInRequest, SignedIn, timed_out};
use super::options::{Notice, Reader};
use super::pasted;
use crate::entra::client::Entra;
use crate::entra::redirect::{AuthorizationResponse, PasteUri, ResponseMode};
use crate::error::{Error, Kind, Result};
use crate::secret::Pasted;

/// The number of pastes that are read.
const TRIES: u32 = 3;

const NOTHING_PASTED: &str = "run the command again, and paste the address that the browser ends on. Where it ended on an \
     error of Entra's own, that address carries no answer: the page says what is wrong, and \
     `acspass setup` shows what must be registered and consented to";

impl Entra {
    /// See [`Entra::sign_in`].
    pub(super) async fn sign_in_by_paste(
        &self,
        sign_in: &SignInRequest<'_>,
        redirect_uri: &PasteUri,
        reader: &Reader,
    ) -> Result<SignedIn> {
        let metadata = self.authority.discover(&self.http).await?;
        let redirect_uri = redirect_uri.as_str();
        let attempt = self.authorize(sign_in, metadata, redirect_uri, ResponseMode::Query)?;
        (sign_in.options.tell)(&Notice::Address {
            url: &attempt.url,
            redirect_uri,
        });
        let pasting = self.paste(sign_in, reader, attempt.state.secret());
        let response = tokio::time::timeout(sign_in.options.timeout, pasting)
            .await
            .unwrap_or_else(|_| Err(timed_out(sign_in.options.timeout, NOTHING_PASTED)))?;
        self.redeem(sign_in, &attempt, response).await
    }

    async fn paste(
        &self,
        sign_in: &SignInRequest<'_>,
        reader: &Reader,
        state: &str,
    ) -> Result<AuthorizationResponse> {
        let mut earlier = Pasted::new("");
        for left in (0..TRIES).rev() {
            let Some(text) = reader().await? else {
                return Err(Error::new(
                    Kind::SignInRefused,
                    "nothing was pasted: standard input has ended",
                    "run the command at a terminal, or give it the address on standard input",
                ));
            };
            match pasted::read(earlier.expose(), text.expose(), state) {
                Ok(response) => return Ok(response),
                Err(why) => {
                    debug!(
                        "the pasted text of {} bytes is of no use",
                        text.expose().len()
                    );
                    earlier = Pasted::new(format!("{}\n{}", earlier.expose(), text.expose()));
                    (sign_in.options.tell)(&Notice::Unusable {
                        why,
                        tries_left: left,
                    });
                }
            }
        }
        Err(Error::new(
            Kind::SignInRefused,
            "what was pasted was not the sign-in's answer, three times",
            "run the command again; copy the whole address that the browser ends on, which holds \
             `code=`",
        ))
    }
}
