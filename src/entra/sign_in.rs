//! Sign-in through the system browser: authorization code with PKCE (RFC 6749, section 4.1; RFC
//! 7636; RFC 8252), the answer by form_post to a loopback redirect.

use std::time::Duration;

use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use tracing::info;

use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::time::in_words;
use crate::wire::entra::Metadata;

use super::browser::Browser;
use super::redirect::{Callback, Page, Redirect, RedirectUri, ResponseMode};
use super::refusal;
use super::tokens::{Entra, Tokens, redirect_url, scope_text};

/// What Entra is to ask of the user (OpenID Connect Core 1.0, section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// Choose among accounts.
    SelectAccount,
    /// Sign in anew, whatever session the browser has.
    Login,
    /// Consent anew.
    Consent,
    /// Nothing: fail where the browser's session is not enough.
    None,
}

impl Prompt {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Prompt::SelectAccount => "select_account",
            Prompt::Login => "login",
            Prompt::Consent => "consent",
            Prompt::None => "none",
        }
    }
}

/// One sign-in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The resource's scopes; those for an id_token and a refresh token are added.
    pub scopes: Vec<String>,
    /// Whom to expect, as a hint to Entra; not sent with [`Prompt::SelectAccount`].
    pub login_hint: Option<String>,
    /// What to ask of the user.
    pub prompt: Option<Prompt>,
    /// Where the browser brings the answer.
    pub redirect_uri: RedirectUri,
    /// How long the user may take.
    pub timeout: Duration,
}

/// A sign-in that worked; the browser still waits for its page.
pub struct SignedIn {
    /// What was given.
    pub tokens: Tokens,
    /// Who signed in.
    pub account: Account,
    /// The page still owed to the browser: it says success only once all is stored.
    pub page: Page,
}

impl Entra {
    /// Signs a user in through the browser.
    ///
    /// # Errors
    /// [`Kind::SignInRefused`] where Entra or the user refused or the time ran out,
    /// [`Kind::Refused`] where the id_token does not hold, [`Kind::Unreachable`] where Entra does
    /// not answer, [`Kind::Usage`] where the redirect port is taken.
    pub async fn sign_in(&self, sign_in: &SignIn, browser: &dyn Browser) -> Result<SignedIn> {
        let metadata = self.authority.discover(&self.http).await?;
        let redirect = Redirect::bind(&sign_in.redirect_uri)?;
        let redirect_uri = redirect.uri().to_owned();
        let attempt = Attempt::new();
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let url = self.authorize_url(&metadata, sign_in, &redirect_uri, &attempt, challenge)?;
        browser.open(&url)?;
        info!(
            "waiting up to {} for the sign-in in the browser; Ctrl-C ends it",
            in_words(sign_in.timeout)
        );
        let wait = redirect.wait(attempt.state.secret(), ResponseMode::FormPost);
        let answer = tokio::time::timeout(sign_in.timeout, wait)
            .await
            .map_err(|_| timed_out(sign_in.timeout))??;
        let page = answer.page;
        let finished = match check_issuer(answer.issuer.as_deref(), &metadata.issuer) {
            Ok(()) => {
                self.finish(
                    sign_in,
                    &metadata,
                    answer.outcome,
                    verifier,
                    &redirect_uri,
                    &attempt,
                )
                .await
            }
            Err(error) => Err(error),
        };
        match finished {
            Ok((tokens, account)) => Ok(SignedIn {
                tokens,
                account,
                page,
            }),
            Err(error) => {
                page.failed(error.message(), error.hint());
                Err(error)
            }
        }
    }

    fn authorize_url(
        &self,
        metadata: &Metadata,
        sign_in: &SignIn,
        redirect_uri: &str,
        attempt: &Attempt,
        challenge: PkceCodeChallenge,
    ) -> Result<String> {
        let protocol = self
            .protocol(metadata)?
            .set_redirect_uri(redirect_url(redirect_uri)?);
        let state = attempt.state.clone();
        let mut request = protocol
            .authorize_url(|| state)
            .set_pkce_challenge(challenge)
            .add_extra_param("scope", scope_text(&sign_in.scopes))
            .add_extra_param("response_mode", "form_post")
            .add_extra_param("nonce", attempt.nonce.secret())
            .add_extra_param("client_info", "1");
        if let Some(prompt) = sign_in.prompt {
            request = request.add_extra_param("prompt", prompt.as_str());
        }
        // Entra refuses a hint together with the account picker.
        if let Some(hint) = &sign_in.login_hint
            && sign_in.prompt != Some(Prompt::SelectAccount)
        {
            request = request.add_extra_param("login_hint", hint);
        }
        Ok(request.url().0.to_string())
    }

    async fn finish(
        &self,
        sign_in: &SignIn,
        metadata: &Metadata,
        outcome: Callback,
        verifier: PkceCodeVerifier,
        redirect_uri: &str,
        attempt: &Attempt,
    ) -> Result<(Tokens, Account)> {
        let code = match outcome {
            Callback::Code { code, .. } => code,
            Callback::Denied(denial) => return Err(refusal::from_redirect(&denial)),
        };
        let mut tokens = self
            .redeem_code(
                metadata,
                &code,
                verifier,
                redirect_uri,
                &sign_in.scopes,
                attempt.nonce.secret(),
            )
            .await?;
        let account = tokens
            .account
            .take()
            .ok_or_else(|| Error::internal("a redeemed code named no account"))?;
        Ok((tokens, account))
    }
}

/// What binds the answer and the id_token to this one attempt: 128 random bits each.
struct Attempt {
    state: CsrfToken,
    nonce: CsrfToken,
}

impl Attempt {
    fn new() -> Self {
        Attempt {
            state: CsrfToken::new_random(),
            nonce: CsrfToken::new_random(),
        }
    }
}

/// Where an answer says who gave it, that must be who was asked (RFC 9207, section 2.4). Entra
/// does not say; on `organizations` the metadata's issuer leaves the tenant open.
fn check_issuer(said: Option<&str>, issuer: &str) -> Result<()> {
    let Some(said) = said else { return Ok(()) };
    let is_same = match issuer.split_once("{tenantid}") {
        Some((before, after)) => said
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(super::authority::is_guid),
        None => said == issuer,
    };
    match is_same {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Refused,
            "the sign-in was answered by another authority than the one asked",
            "check the setting `authority-host`, and sign in again",
        )),
    }
}

fn timed_out(timeout: Duration) -> Error {
    Error::new(
        Kind::SignInRefused,
        format!("nobody finished the sign-in within {}", in_words(timeout)),
        "run the command again. Where the browser showed an error and never came back, the usual \
         causes are: the redirect URI http://localhost is not registered under Mobile and desktop \
         applications, an admin must consent first, or a Conditional Access policy blocks the \
         sign-in",
    )
}
