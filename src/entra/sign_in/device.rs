//! Sign-in on another device, with a code that the user enters there (RFC 8628).
//!
//! [`Polling`] computes the delay between polls. This file sends them, and sleeps by the clock.

use std::ops::ControlFlow;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tracing::{debug, warn};
use url::Url;

use super::device_code::{self, PollOutcome, Polling};
use super::flow::{SECOND, SignInRequest, SignedIn, timed_out};
use super::options::{Notice, SignInOptions};
use crate::claims::Claims;
use crate::entra::client::Entra;
use crate::entra::refusal::{self, Grant};
use crate::entra::token_endpoint::{Tokens, scope_text};
use crate::error::{Delivery, Error, Kind, Result};
use crate::http::{Request, Response, host_of};
use crate::wire;
use crate::wire::entra::{DeviceAuthorization, Metadata, TokenError};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The number of codes: after two expired codes, the user is assumed absent.
const CODES: u8 = 2;

const CODE_NOT_ENTERED: &str = "Run `acspass login --device-code --timeout 15m` for more time. If the page refused the code, the usual \
     causes are: public client flows are not allowed for the application (`acspass setup`), an admin \
     must consent first, or a Conditional Access policy blocks device codes.";

impl Entra {
    /// See [`Entra::sign_in`].
    pub(super) async fn sign_in_by_device_code(
        &self,
        sign_in: &SignInRequest<'_>,
    ) -> Result<SignedIn> {
        let timeout = sign_in.options.timeout;
        let polled = tokio::time::timeout(timeout, self.poll_for_codes(sign_in));
        let tokens = tokio::select! {
            biased;
            polled = polled => {
                polled.unwrap_or_else(|_| Err(timed_out(timeout, CODE_NOT_ENTERED)))
            }
            error = sign_in.options.progress.failure() => Err(error),
        };
        self.signed_in(tokens?)
    }

    async fn poll_for_codes(&self, sign_in: &SignInRequest<'_>) -> Result<Tokens> {
        let options = sign_in.options;
        let claims = self.claims(sign_in.challenge);
        let metadata = self.discover().await?;
        let mut left = options.timeout;
        for _ in 0..CODES {
            let code = self
                .device_code(&metadata, sign_in.scopes, claims.as_ref())
                .await?;
            let page = device_code::check(&code)
                .map_err(|what| refusal::unusable(&self.authority.host_and_port(), what))?;
            let life = Duration::from_secs(code.expires_in);
            (options.tell)(&Notice::UserCode {
                code: &code.user_code,
                page: page.as_str(),
                host: &host_of(&page),
                client_id: &self.client_id,
                left: life.min(left),
            });
            let mut polling = Polling::new(Duration::from_secs(code.interval), life);
            let mut may_be_redeemed = false;
            // The first poll follows the first pause.
            let mut outcome = PollOutcome::Pending;
            while let Some(wait) = polling.next(&outcome) {
                self.sleep(wait, &mut left, options).await;
                let was_outage = matches!(outcome, PollOutcome::Outage(..));
                if left.is_zero() {
                    return Err(match outcome {
                        PollOutcome::Outage(_, failure) => failure,
                        _ => timed_out(options.timeout, CODE_NOT_ENTERED),
                    });
                }
                let polled = self.poll(&metadata, &code, claims.as_ref(), may_be_redeemed);
                outcome = match polled.await? {
                    ControlFlow::Break(tokens) => return Ok(tokens),
                    ControlFlow::Continue(outcome) => outcome,
                };
                if let PollOutcome::Outage(_, error) = &outcome {
                    // A client polls on after a connection failure (section 3.5).
                    may_be_redeemed |= error.may_have_arrived();
                    if !was_outage {
                        warn!("{error}; retrying until the code expires");
                    }
                }
                debug!("Polled for the device code: {outcome}.");
            }
            if let PollOutcome::Outage(_, failure) = outcome {
                return Err(failure);
            }
        }
        Err(Error::new(
            Kind::SignInRefused,
            "the device code expired before it was entered, and so did a second one",
            "Run `acspass login --device-code`, and enter the code before it expires.",
        ))
    }

    /// Sleeps second by second, and not longer than the time that is left.
    async fn sleep(&self, mut wait: Duration, left: &mut Duration, options: &SignInOptions<'_>) {
        while !wait.is_zero() && !left.is_zero() {
            (options.tell)(&Notice::Waiting { left: *left });
            let slice = wait.min(SECOND).min(*left);
            self.clock.sleep(slice).await;
            *left -= slice;
            wait -= slice;
        }
    }

    /// Requests a code (RFC 8628, section 3.1).
    async fn device_code(
        &self,
        metadata: &Metadata,
        scopes: &[String],
        claims: Option<&Claims>,
    ) -> Result<DeviceAuthorization> {
        let host = self.authority.host_and_port();
        let Some(endpoint) = &metadata.device_authorization_endpoint else {
            return Err(Error::new(
                Kind::SignInRefused,
                format!("{host} does not support sign-in with a device code"),
                "Run `acspass login` to sign in through the browser.",
            ));
        };
        let scopes = scope_text(scopes);
        let mut form = vec![("client_id", self.client_id.as_str()), ("scope", &scopes)];
        form.extend(claims.map(|claims| ("claims", claims.as_str())));
        let request = request(endpoint, &form)?;
        let response = self.http.send(|| Ok(request.clone())).await?;
        if response.is_transient_error() {
            return Err(refusal::outage(&host, &response));
        }
        if response.is_json() && response.status.is_client_error() {
            let token_error = error_in(&host, &response)?;
            return Err(refusal::from_token_error(Grant::SignIn, &token_error));
        }
        let other = "a response that is not a device code";
        refusal::read(&host, &response, other, device_code::NOT_ENTERABLE)
    }

    /// Polls once for the tokens (RFC 8628, section 3.4). `may_be_redeemed` says that an earlier
    /// response was lost, which may have contained the tokens.
    async fn poll(
        &self,
        metadata: &Metadata,
        code: &DeviceAuthorization,
        claims: Option<&Claims>,
        may_be_redeemed: bool,
    ) -> Result<ControlFlow<Tokens, PollOutcome>> {
        let mut form = vec![
            ("grant_type", GRANT),
            ("client_id", &self.client_id),
            ("device_code", code.device_code.expose()),
            ("client_info", "1"),
        ];
        form.extend(claims.map(|claims| ("claims", claims.as_str())));
        let requested_at = self.clock.now();
        let request = request(&metadata.token_endpoint, &form)?;
        let host = self.authority.host_and_port();
        let response = match self.http.send_once(request).await {
            Ok(response) if response.is_transient_error() => {
                let error = refusal::outage(&host, &response);
                let outcome = PollOutcome::Outage(response.retry_after(), error);
                return Ok(ControlFlow::Continue(outcome));
            }
            Ok(response) => response,
            // Only an approved code gets this status, and it is redeemed now.
            Err(error) if error.delivery() == Delivery::ResponseStarted(200) => {
                return Err(refusal::tokens_lost(&host).caused_by(error));
            }
            Err(error) if error.kind() == Kind::Unreachable => {
                return Ok(ControlFlow::Continue(PollOutcome::Outage(None, error)));
            }
            Err(error) => return Err(error),
        };
        refusal::check_format(&host, &response)?;
        let token_error = match response.status.as_u16() {
            200 => TokenError::despite_success(&response.body),
            _ => Some(error_in(&host, &response)?),
        };
        let Some(token_error) = token_error else {
            let what = "JSON that is not a token response";
            return wire::read(&response.body)
                .ok_or_else(|| refusal::not_entra(&host, what))
                .and_then(|read| self.tokens(metadata, read, None, requested_at, Some(&response)))
                .map(ControlFlow::Break)
                .map_err(refusal::code_not_redeemed);
        };
        let refused = || refusal::from_token_error(Grant::SignIn, &token_error);
        // Entra has error codes beside those of RFC 8628, section 3.5.
        Ok(ControlFlow::Continue(match token_error.error.as_str() {
            "authorization_pending" => PollOutcome::Pending,
            "slow_down" => PollOutcome::SlowDown,
            "expired_token" | "code_expired" => PollOutcome::Expired,
            "authorization_declined" | "access_denied" => {
                return Err(Error::new(
                    Kind::SignInRefused,
                    "the sign-in was declined on the other device",
                    "Run `acspass login --device-code`, and approve the sign-in on the other device.",
                ));
            }
            // Entra does not know the code, or no longer knows it.
            "bad_verification_code" | "invalid_grant" if may_be_redeemed => {
                return Err(refusal::tokens_lost(&host).caused_by(refused()));
            }
            _ => return Err(refused()),
        }))
    }
}

/// Reads an error response.
fn error_in(host: &str, response: &Response) -> Result<TokenError> {
    wire::read(&response.body).ok_or_else(|| {
        let status = response.status.as_u16();
        refusal::not_entra(host, &format!("{status} and JSON that is not its own"))
    })
}

fn request(endpoint: &str, form: &[(&str, &str)]) -> Result<Request> {
    let url = Url::parse(endpoint)
        .map_err(|_| Error::internal("an endpoint is not a URL after it was checked"))?;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    Ok(Request {
        method: Method::POST,
        url,
        headers: HeaderMap::from_iter([(CONTENT_TYPE, media_type)]),
        body: body.into_bytes(),
    })
}
