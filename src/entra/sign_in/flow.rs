//! Starts the flow of the sign-in method.

use std::time::Duration;

use super::options::{SignInMethod, SignInOptions};
use crate::account::Account;
use crate::claims::Claims;
use crate::entra::client::Entra;
use crate::entra::redirect::Page;
use crate::entra::refusal;
use crate::entra::token_endpoint::{NO_ID_TOKEN, Tokens};
use crate::error::{Error, Kind, Result};
use crate::time::in_words;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// The parameters of a sign-in.
pub(super) struct SignInRequest<'a> {
    pub(super) scopes: &'a [String],
    pub(super) login_hint: Option<&'a str>,
    /// The claims challenge of an earlier refusal.
    pub(super) challenge: Option<&'a Claims>,
    pub(super) options: &'a SignInOptions<'a>,
}

/// A completed sign-in.
pub struct SignedIn {
    /// The tokens.
    pub tokens: Tokens,
    /// The account.
    pub account: Account,
    /// The page that a browser waits for. It reports success only after the tokens are stored.
    pub page: Option<Page>,
}

impl Entra {
    /// Signs a user in. `scopes` are the resource's; those for an id_token and a refresh token are
    /// added. `login_hint` is the expected user; it is not sent with the prompt
    /// `select_account`, nor with a device code. `challenge` is the claims challenge of an earlier
    /// refusal ([`Error::claims`](crate::Error::claims)).
    ///
    /// # Errors
    /// [`Kind::SignInRefused`] if Entra or the user refuses or the time
    /// limit passes, [`Kind::Refused`] if the id_token is not valid,
    /// [`Kind::Unreachable`] if Entra does not respond,
    /// [`Kind::Usage`] if the redirect port is taken.
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

    /// Returns the sign-in with these tokens, which must come with an account.
    pub(super) fn signed_in(&self, mut tokens: Tokens) -> Result<SignedIn> {
        match tokens.account.take() {
            Some(account) => Ok(SignedIn {
                tokens,
                account,
                page: None,
            }),
            None => Err(refusal::unusable(
                &self.authority.host_and_port(),
                NO_ID_TOKEN,
            )),
        }
    }
}

/// Returns the error for a sign-in that took longer than `timeout`. The hint suggests `--timeout 15m`,
/// which is replaced if the user waited that long already.
pub(super) fn timed_out(timeout: Duration, hint: &str) -> Error {
    let longer = match timeout.as_secs() {
        ..900 => "15m".to_owned(),
        900..3600 => "1h".to_owned(),
        seconds => format!("{}h", seconds / 3600 + 1),
    };
    Error::new(
        Kind::SignInRefused,
        format!("sign-in timed out after {}", in_words(timeout)),
        hint.replace("--timeout 15m", &format!("--timeout {longer}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_suggests_a_longer_time_than_the_last_one() {
        let minute = Duration::from_secs(60);
        for (minutes, suggested) in [(5, "15m"), (15, "1h"), (59, "1h"), (60, "2h"), (150, "3h")] {
            let error = timed_out(minute * minutes, "Run `acspass login --timeout 15m`.");
            let expected = format!("Run `acspass login --timeout {suggested}`.");
            assert_eq!(error.hint(), expected);
        }
    }
}
