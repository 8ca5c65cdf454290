//! Starts the flow of the sign-in method.

use super::options::{SignInMethod, SignInOptions};
use super::request::{SignInRequest, SignedIn};
use crate::claims::Claims;
use crate::entra::client::Entra;
use crate::error::Result;

impl Entra {
    /// Signs a user in. `scopes` are the resource's; those for an id_token and a refresh token are
    /// added. `login_hint` is the expected user; it is not sent with the prompt
    /// `select_account`, nor with a device code. `challenge` is the claims challenge of an earlier
    /// refusal ([`Error::claims`](crate::Error::claims)).
    ///
    /// # Errors
    /// [`Kind::SignInRefused`](crate::Kind::SignInRefused) if Entra or the user refuses or the time
    /// limit passes, [`Kind::Refused`](crate::Kind::Refused) if the id_token is not valid,
    /// [`Kind::Unreachable`](crate::Kind::Unreachable) if Entra does not respond,
    /// [`Kind::Usage`](crate::Kind::Usage) if the redirect port is taken.
    pub async fn sign_in(
        &self,
        scopes: &[String],
        login_hint: Option<&str>,
        challenge: Option<&Claims>,
        options: &SignInOptions<'_>,
    ) -> Result<SignedIn> {
        let sign_in = SignInRequest {
            scopes,
            login_hint,
            challenge,
            options,
        };
        match &options.by {
            SignInMethod::Browser {
                browser,
                redirect_uri,
            } => {
                self.sign_in_by_browser(&sign_in, *browser, redirect_uri)
                    .await
            }
            SignInMethod::DeviceCode => self.sign_in_by_device_code(&sign_in).await,
            SignInMethod::Paste {
                redirect_uri,
                reader,
            } => self.sign_in_by_paste(&sign_in, redirect_uri, *reader).await,
        }
    }
}
