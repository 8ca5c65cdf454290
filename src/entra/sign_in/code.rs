//! The authorization code with PKCE (RFC 6749, section 4.1; RFC 7636): the request for it, and its
//! redemption.

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl};

use super::flow::{SignInRequest, SignedIn};
use super::options::Prompt;
use crate::entra::client::Entra;
use crate::entra::redirect::{AuthorizationResponse, Callback, ResponseMode};
use crate::entra::refusal::{self, Grant};
use crate::entra::token_endpoint::{CapturedResponse, OAuthClient, scope_text};
use crate::error::{Error, Kind, Result};
use crate::input::is_guid;
use crate::wire::entra::Metadata;

/// An authorization request. It binds the response and the id_token to itself, by 128 random bits
/// each.
pub(super) struct Attempt {
    /// The address of the sign-in page.
    pub(super) url: String,
    pub(super) state: CsrfToken,
    nonce: CsrfToken,
    verifier: PkceCodeVerifier,
    client: OAuthClient,
    metadata: Metadata,
}

impl Entra {
    /// Creates an authorization request (RFC 6749, section 4.1.1).
    pub(super) fn authorize(
        &self,
        sign_in: &SignInRequest<'_>,
        metadata: Metadata,
        redirect_uri: &str,
        mode: ResponseMode,
    ) -> Result<Attempt> {
        let (state, nonce) = (CsrfToken::new_random(), CsrfToken::new_random());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let redirect_url = RedirectUrl::new(redirect_uri.to_owned())
            .map_err(|_| Error::internal("the redirect URI is not a URL after it was checked"))?;
        let protocol = self.oauth_client(&metadata)?.set_redirect_uri(redirect_url);
        // A consent may be for several services, and a token is for one.
        let scopes = [sign_in.scopes, self.further_scopes.as_slice()].concat();
        let mut request = protocol
            .authorize_url(|| state.clone())
            .set_pkce_challenge(challenge)
            .add_extra_param("scope", scope_text(&scopes))
            .add_extra_param("response_mode", mode.as_str())
            .add_extra_param("nonce", nonce.secret())
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
        let url = request.url().0.to_string();
        Ok(Attempt {
            url,
            state,
            nonce,
            verifier,
            client: protocol,
            metadata,
        })
    }

    /// Checks the issuer of a response and redeems its code (RFC 6749, section 4.1.3) with the
    /// verifier (RFC 7636, section 4.5).
    pub(super) async fn redeem(
        &self,
        sign_in: &SignInRequest<'_>,
        attempt: &Attempt,
        response: AuthorizationResponse,
    ) -> Result<SignedIn> {
        check_issuer(response.issuer.as_deref(), &attempt.metadata.issuer)?;
        let code = match response.outcome {
            Callback::Code { code, .. } => code,
            Callback::Denied(denial) => return Err(refusal::from_redirect(denial)),
        };
        // A code is sent once: Entra refuses it the second time, and may then revoke the tokens
        // that it issued (RFC 6749, section 4.1.2).
        let last = CapturedResponse::default();
        let requested_at = self.clock.now();
        let verifier = PkceCodeVerifier::new(attempt.verifier.secret().clone());
        let mut request = attempt
            .client
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(verifier)
            .add_extra_param("scope", scope_text(sign_in.scopes))
            .add_extra_param("client_info", "1");
        if let Some(claims) = self.claims(sign_in.challenge) {
            request = request.add_extra_param("claims", claims.as_str().to_owned());
        }
        let response = request
            .request_async(&|request| self.send(request, Grant::SignIn, &last))
            .await
            .map_err(|error| self.token_error(error, &last))
            .map_err(refusal::code_not_redeemed)?;
        let nonce = Some(attempt.nonce.secret().as_str());
        self.signed_in(self.tokens(&attempt.metadata, response, nonce, requested_at, last.get())?)
    }
}

/// Compares a response's issuer with the authority's (RFC 9207, section 2.4). Entra sends none. On
/// `organizations` the metadata's issuer has a placeholder for the tenant.
fn check_issuer(received: Option<&str>, issuer: &str) -> Result<()> {
    let is_same = match (received, issuer.split_once("{tenantid}")) {
        (None, _) => true,
        (Some(received), Some((before, after))) => received
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(is_guid),
        (Some(received), None) => received == issuer,
    };
    match is_same {
        true => Ok(()),
        false => Err(Error::new(
            Kind::Refused,
            "the sign-in response is from another authority than the configured one",
            "Check `authority-host` in `acspass config list`, then run `acspass login`.",
        )),
    }
}
