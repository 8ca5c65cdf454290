//! Sign-in through the system browser: authorization code with PKCE (RFC 6749, section 4.1; RFC
//! 7636; RFC 8252), with the response by form_post at a loopback address.

use std::time::Duration;

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier};

use super::browser_launch::BrowserLaunch;
use super::notice::Notice;
use super::options::Prompt;
use super::request::{SignInRequest, SignedIn};
use super::timeout::within;
use crate::account::Account;
use crate::entra::adapter::{LastResponse, RetryPolicy};
use crate::entra::authority;
use crate::entra::browser::Browser;
use crate::entra::client::Entra;
use crate::entra::redirect::{
    AuthorizationResponse, Callback, Received, Redirect, RedirectUri, ResponseMode, Wait,
};
use crate::entra::refusal::{self, Grant};
use crate::entra::tokens::{Tokens, redirect_url, scope_text};
use crate::error::{Error, Kind, Result};
use crate::wire::entra::Metadata;

/// The delay before the first notice that no request has arrived.
const NOTICED: Duration = Duration::from_secs(15);

impl Entra {
    /// See [`Entra::sign_in`].
    pub(super) async fn sign_in_by_browser(
        &self,
        sign_in: &SignInRequest<'_>,
        browser: &dyn Browser,
        redirect_uri: &RedirectUri,
    ) -> Result<SignedIn> {
        let metadata = self.authority.discover(&self.http).await?;
        let redirect = Redirect::bind(redirect_uri)?;
        let redirect_uri = redirect.uri().to_owned();
        let attempt = Attempt::new();
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let mode = ResponseMode::FormPost;
        let url =
            self.authorize_url(&metadata, sign_in, &redirect_uri, mode, &attempt, challenge)?;
        let opening = BrowserLaunch::new(sign_in.options, browser, &url, &redirect)?;
        let progress = redirect.progress().clone();
        let refused = |why| opening.refused(why);
        let wait = redirect.wait(Wait {
            state: attempt.state.secret(),
            mode,
            leads_to: opening.leads_to(),
            refused: &refused,
        });
        let timeout = sign_in.options.timeout;
        let mut is_suspicious = true;
        let tick = |left| {
            let waited = timeout.saturating_sub(left);
            if is_suspicious && waited >= NOTICED && !progress.has_requests() {
                is_suspicious = false;
                (sign_in.options.tell)(&Notice::NoResponse);
            }
            (sign_in.options.tell)(&Notice::Waiting { left });
        };
        let Received { response, page } = within(self.clock.as_ref(), timeout, tick, wait)
            .await
            .map_err(|error| opening.explained(error))?;
        let finished = self
            .finish(
                sign_in,
                &metadata,
                response,
                verifier,
                &redirect_uri,
                &attempt,
            )
            .await;
        match finished {
            Ok((tokens, account)) => Ok(SignedIn {
                tokens,
                account,
                page: Some(page),
            }),
            Err(error) => {
                page.failed(&error).await;
                Err(error)
            }
        }
    }

    pub(super) fn authorize_url(
        &self,
        metadata: &Metadata,
        sign_in: &SignInRequest<'_>,
        redirect_uri: &str,
        mode: ResponseMode,
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
            .add_extra_param("scope", scope_text(sign_in.scopes))
            .add_extra_param("response_mode", mode.as_str())
            .add_extra_param("nonce", attempt.nonce.secret())
            .add_extra_param("client_info", "1");
        if let Some(prompt) = sign_in.options.prompt {
            request = request.add_extra_param("prompt", prompt.as_str());
        }
        // Entra refuses a hint together with the account picker.
        if let Some(hint) = sign_in.login_hint
            && sign_in.options.prompt != Some(Prompt::SelectAccount)
        {
            request = request.add_extra_param("login_hint", hint);
        }
        if let Some(claims) = self.claims(sign_in.challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        Ok(request.url().0.to_string())
    }

    /// Checks the issuer of a response and redeems its code (RFC 6749, section 4.1.3) with the
    /// verifier (RFC 7636, section 4.5).
    pub(super) async fn finish(
        &self,
        sign_in: &SignInRequest<'_>,
        metadata: &Metadata,
        response: AuthorizationResponse,
        verifier: PkceCodeVerifier,
        redirect_uri: &str,
        attempt: &Attempt,
    ) -> Result<(Tokens, Account)> {
        check_issuer(response.issuer.as_deref(), &metadata.issuer)?;
        let code = match response.outcome {
            Callback::Code { code, .. } => code,
            Callback::Denied(denial) => return Err(refusal::from_redirect(&denial)),
        };
        // A code is sent once: Entra refuses it the second time, and may then revoke the tokens
        // that it issued (RFC 6749, section 4.1.2).
        let last = LastResponse::default();
        let requested_at = self.clock.now();
        let protocol = self
            .protocol(metadata)?
            .set_redirect_uri(redirect_url(redirect_uri)?);
        let mut request = protocol
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(verifier)
            .add_extra_param("scope", scope_text(sign_in.scopes))
            .add_extra_param("client_info", "1");
        if let Some(claims) = self.claims(sign_in.challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        let answer = request
            .request_async(&|request| self.send(request, RetryPolicy::Once, &last))
            .await
            .map_err(|error| self.token_error(Grant::SignIn, error, &last))
            .map_err(refusal::code_not_redeemed)?;
        let nonce = Some(attempt.nonce.secret().as_str());
        let mut tokens = self.tokens(metadata, answer, nonce, requested_at, last.date())?;
        let account = tokens
            .account
            .take()
            .ok_or_else(|| Error::internal("a redeemed code named no account"))?;
        Ok((tokens, account))
    }
}

/// Binds the response and the id_token to this attempt, by 128 random bits each.
pub(super) struct Attempt {
    pub(super) state: CsrfToken,
    nonce: CsrfToken,
}

impl Attempt {
    pub(super) fn new() -> Self {
        Attempt {
            state: CsrfToken::new_random(),
            nonce: CsrfToken::new_random(),
        }
    }
}

/// Compares a response's issuer with the authority's (RFC 9207, section 2.4). Entra sends none. On
/// `organizations` the metadata's issuer has a placeholder for the tenant.
fn check_issuer(received: Option<&str>, issuer: &str) -> Result<()> {
    let Some(received) = received else {
        return Ok(());
    };
    let is_same = match issuer.split_once("{tenantid}") {
        Some((before, after)) => received
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(authority::is_guid),
        None => received == issuer,
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
