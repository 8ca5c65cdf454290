//! Sign-in on another device, with a code that the user enters there (RFC 8628).
//!
//! [`Polling`] computes the delay between polls. This file sends them, and sleeps by the clock.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use tracing::{debug, warn};
use url::Url;

use super::device_prompt::DevicePrompt;
use super::notice::Notice;
use super::options::SignInOptions;
use super::polling::{Next, PollOutcome, Polling};
use super::request::{SignInRequest, SignedIn};
use super::timeout::{SECOND, timed_out};
use crate::claims::Claims;
use crate::entra::client::Entra;
use crate::entra::refusal::{self, Grant};
use crate::entra::tokens::{Tokens, scope_text};
use crate::error::{Error, Kind, RequestProgress, Result};
use crate::http::{Request, Response};
use crate::wire;
use crate::wire::entra::{DeviceAuthorization, Metadata, TokenError};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The number of codes: after two expired codes, the user is assumed absent.
const CODES: u8 = 2;

const CODE_NOT_ENTERED: &str = "run the command again, and enter its new code in time; `--timeout 15m` waits longer. Where \
     the page refused to go on, the usual causes are: public client flows are not allowed for the \
     application, an admin must consent first, or a Conditional Access policy blocks device codes";

/// The result of a poll.
enum PollResult {
    Tokens(Tokens),
    Waiting(PollOutcome, Option<Error>),
}

impl Entra {
    /// See [`Entra::sign_in`].
    pub(super) async fn sign_in_by_device_code(
        &self,
        sign_in: &SignInRequest<'_>,
    ) -> Result<SignedIn> {
        let options = sign_in.options;
        let claims = self.claims(sign_in.challenge);
        let work = self.poll_for_codes(sign_in, claims.as_ref());
        let mut tokens = tokio::time::timeout(options.timeout, work)
            .await
            .unwrap_or_else(|_| Err(timed_out(options.timeout, CODE_NOT_ENTERED)))?;
        let account = tokens.account.take().ok_or_else(|| {
            refusal::unusable(
                &self.authority.host(),
                "tokens but no id_token, so nobody knows who signed in",
            )
        })?;
        Ok(SignedIn {
            tokens,
            account,
            page: None,
        })
    }

    async fn poll_for_codes(
        &self,
        sign_in: &SignInRequest<'_>,
        claims: Option<&Claims>,
    ) -> Result<Tokens> {
        let options = sign_in.options;
        let metadata = self.authority.discover(&self.http).await?;
        let mut left = options.timeout;
        for _ in 0..CODES {
            let code = self.device_codes(&metadata, sign_in.scopes, claims).await?;
            let life = Duration::from_secs(code.expires_in);
            (options.tell)(&Notice::UserCode {
                code: &code.user_code,
                page: code.page.as_str(),
                host: &code.host(),
                client_id: &self.client_id,
                left: life.min(left),
            });
            let mut polling = Polling::new(Duration::from_secs(code.interval), life);
            let mut failure = None;
            let mut may_be_redeemed = false;
            // The first poll follows the first pause.
            let mut outcome = PollOutcome::Pending;
            while let Next::Wait(wait) = polling.next(outcome) {
                self.sleep(wait, &mut left, options, failure.take()).await?;
                match self.poll(&metadata, &code, claims, may_be_redeemed).await? {
                    PollResult::Tokens(tokens) => return Ok(tokens),
                    PollResult::Waiting(now, error) => {
                        // A client polls on after a connection failure (section 3.5).
                        may_be_redeemed |= error.as_ref().is_some_and(Error::may_have_arrived);
                        if let (Some(error), false) = (&error, is_outage(outcome)) {
                            warn!("{error}: trying again until the code expires");
                        }
                        debug!("polled for the device code: {now}");
                        (outcome, failure) = (now, error);
                    }
                }
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        Err(Error::new(
            Kind::SignInRefused,
            "nobody entered the code before it expired, and neither the second one",
            "run the command again, and enter the code on the page within the time it names",
        ))
    }

    /// Sleeps second by second. At the time limit it returns `failure`, or a timeout.
    async fn sleep(
        &self,
        mut wait: Duration,
        left: &mut Duration,
        options: &SignInOptions<'_>,
        failure: Option<Error>,
    ) -> Result<()> {
        while !wait.is_zero() {
            (options.tell)(&Notice::Waiting { left: *left });
            let slice = wait.min(SECOND).min(*left);
            self.clock.sleep(slice).await;
            *left -= slice;
            wait -= slice;
            if left.is_zero() {
                return Err(failure.unwrap_or_else(|| timed_out(options.timeout, CODE_NOT_ENTERED)));
            }
        }
        Ok(())
    }

    /// Requests a code (RFC 8628, section 3.1).
    async fn device_codes(
        &self,
        metadata: &Metadata,
        scopes: &[String],
        claims: Option<&Claims>,
    ) -> Result<DevicePrompt> {
        let host = self.authority.host();
        let endpoint = metadata
            .device_authorization_endpoint
            .as_deref()
            .ok_or_else(|| {
                Error::new(
                    Kind::SignInRefused,
                    format!("{host} offers no sign-in with a device code"),
                    "sign in through the browser: `acspass login`",
                )
            })?;
        let scopes = scope_text(scopes);
        let mut form = vec![("client_id", self.client_id.as_str()), ("scope", &scopes)];
        form.extend(claims.map(|claims| ("claims", claims.as_str())));
        let request = request(endpoint, &form)?;
        let answer = self.http.send(|| Ok(request.clone())).await?;
        if answer.is_outage() {
            return Err(refusal::outage(&host, answer.status.as_u16()));
        }
        if answer.is_json() && answer.status.is_client_error() {
            return Err(refused(&host, &answer));
        }
        if !answer.is_json() || answer.status.as_u16() != 200 {
            return Err(refusal::foreign(
                &host,
                &answer,
                "something that is no device code",
            ));
        }
        let read = wire::read::<DeviceAuthorization>(&answer.body);
        let code = read.ok_or("a device code that cannot be entered");
        code.and_then(DevicePrompt::check)
            .map_err(|what| match answer.is_object() {
                true => refusal::unusable(&host, what),
                false => refusal::not_entra(&host, what),
            })
    }

    /// Polls once for the tokens (RFC 8628, section 3.4). `may_be_redeemed` says that an earlier
    /// response was lost, which may have contained the tokens.
    async fn poll(
        &self,
        metadata: &Metadata,
        code: &DevicePrompt,
        claims: Option<&Claims>,
        may_be_redeemed: bool,
    ) -> Result<PollResult> {
        let mut form = vec![
            ("grant_type", GRANT),
            ("client_id", &self.client_id),
            ("device_code", code.device_code.expose()),
            ("client_info", "1"),
        ];
        form.extend(claims.map(|claims| ("claims", claims.as_str())));
        let requested_at = self.clock.now();
        let request = request(&metadata.token_endpoint, &form)?;
        let host = self.authority.host();
        let answer = match self.http.send_once(request).await {
            Ok(answer) => answer,
            // Only an approved code gets this status, and it is redeemed now.
            Err(error) if error.reached() == RequestProgress::Answered(200) => {
                return Err(refusal::tokens_lost(&host).caused_by(error));
            }
            Err(error) if error.kind() == Kind::Unreachable => {
                return Ok(PollResult::Waiting(PollOutcome::Outage(None), Some(error)));
            }
            Err(error) => return Err(error),
        };
        if answer.is_outage() {
            let outcome = PollOutcome::Outage(answer.retry_after());
            let error = refusal::outage(&host, answer.status.as_u16());
            return Ok(PollResult::Waiting(outcome, Some(error)));
        }
        if !answer.is_json() || answer.status.is_server_error() {
            return Err(refusal::foreign(
                &host,
                &answer,
                &format!("{}, and not as Entra does", answer.status.as_u16()),
            ));
        }
        let response = match answer.status.as_u16() {
            200 => TokenError::despite_success(&answer.body),
            _ => Some(wire::read(&answer.body).ok_or_else(|| refused(&host, &answer))?),
        };
        match response {
            Some(response) if is_unknown_code(&response) && may_be_redeemed => {
                Err(refusal::tokens_lost(&host)
                    .caused_by(refusal::from_token_error(Grant::SignIn, &response)))
            }
            Some(response) => {
                poll_outcome(&response).map(|outcome| PollResult::Waiting(outcome, None))
            }
            None => {
                let tokens = self.read_tokens(metadata, &answer, requested_at);
                let tokens = tokens.map_err(refusal::code_not_redeemed)?;
                Ok(PollResult::Tokens(tokens))
            }
        }
    }
}

/// Returns whether Entra does not know the code, or no longer knows it.
fn is_unknown_code(response: &TokenError) -> bool {
    matches!(
        response.error.as_str(),
        "bad_verification_code" | "invalid_grant"
    )
}

fn is_outage(outcome: PollOutcome) -> bool {
    matches!(outcome, PollOutcome::Outage(_))
}

/// Reads an error response of the token endpoint. Entra has error codes beside those of RFC 8628,
/// section 3.5.
fn poll_outcome(response: &TokenError) -> Result<PollOutcome> {
    match response.error.as_str() {
        "authorization_pending" => Ok(PollOutcome::Pending),
        "slow_down" => Ok(PollOutcome::SlowDown),
        "expired_token" | "code_expired" => Ok(PollOutcome::Expired),
        "authorization_declined" | "access_denied" => Err(Error::new(
            Kind::SignInRefused,
            "the sign-in was declined on the other device",
            "run the command again, and confirm there that you sign in to this application",
        )),
        _ => Err(refusal::from_token_error(Grant::SignIn, response)),
    }
}

fn refused(host: &str, answer: &Response) -> Error {
    match wire::read::<TokenError>(&answer.body) {
        Some(response) => refusal::from_token_error(Grant::SignIn, &response),
        None => refusal::not_entra(
            host,
            &format!("{} and JSON that is not its own", answer.status.as_u16()),
        ),
    }
}

fn request(endpoint: &str, form: &[(&str, &str)]) -> Result<Request> {
    let url = Url::parse(endpoint)
        .map_err(|_| Error::internal("an endpoint is not a URL after it was checked"))?;
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    Ok(Request {
        method: Method::POST,
        url,
        headers,
        body: body.into_bytes(),
    })
}
