//! Sign-in on another device (RFC 8628): the two codes, and the page where a person enters one.
//!
//! In come a client's request for codes, a person's clicks and the client's polls; out come the
//! codes, the pages and what a poll is told. It keeps count of who guesses codes.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use super::super::directory::{self, Member, Tenant, User};
use super::super::pages;
use super::super::scopes::Scopes;
use super::super::server::{Context, Reply, Request};
use super::authorize::{CANCEL, CHOICE, read_scopes, unknown_client};
use super::claims::Requested;
use super::params::Params;
use super::requirement::{self, FormAnswers, RequirementOutcome};
use super::{Refusal, issue, tenant_named};
use crate::time::Timestamp;

/// What a person types; no letter of it is taken for another, and none makes a word.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LENGTH: usize = 9;
/// The field of the page that the code is typed into.
const USER_CODE: &str = "user_code";
/// The button by which a person says that they know the app.
const CONFIRM: &str = "emulator_confirm";
/// By how much a client that polls too fast must slow down (RFC 8628, section 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// So many wrong codes, and nobody may enter one for a while (RFC 8628, section 5.1).
const MOST_GUESSES: u32 = 10;
const GUESSING_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The sign-ins that wait for a person at another device.
#[derive(Debug, Default)]
pub(in super::super) struct Devices {
    pending: Vec<Device>,
    wrong: u32,
    last_wrong: Option<Timestamp>,
}

#[derive(Debug)]
struct Device {
    device_code: String,
    user_code: String,
    tenant: Tenant,
    scopes: Scopes,
    claims: Requested,
    issued: Timestamp,
    life: Duration,
    interval: Duration,
    last_poll: Option<Timestamp>,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Pending,
    Approved {
        user: &'static User,
        member: Member,
        proved: bool,
    },
    Declined,
}

/// What a device code buys once a person has approved.
pub(super) struct Approved {
    pub(super) user: &'static User,
    pub(super) member: Member,
    pub(super) scopes: Scopes,
    pub(super) claims: Requested,
    /// A second proof was given.
    pub(super) proved: bool,
}

impl Device {
    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.issued) >= self.life
    }
}

impl Devices {
    /// Answers a poll; a code that was approved is gone with it.
    pub(super) fn poll(
        &mut self,
        device_code: &str,
        tenant: Tenant,
        now: Timestamp,
    ) -> Result<Approved, Refusal> {
        let unknown = || {
            Refusal::new(
                "bad_verification_code",
                70018,
                "The device code is not known. It may have been redeemed already.",
            )
        };
        let place = self
            .pending
            .iter()
            .position(|device| device.device_code == device_code)
            .ok_or_else(unknown)?;
        let device = &mut self.pending[place];
        if device.tenant != tenant {
            return Err(unknown());
        }
        if device.is_over(now) {
            return Err(Refusal::new(
                "expired_token",
                70019,
                "The verification code expired before it was entered.",
            ));
        }
        let last = device.last_poll.replace(now);
        match device.outcome {
            Outcome::Approved {
                user,
                member,
                proved,
            } => {
                let device = self.pending.swap_remove(place);
                Ok(Approved {
                    user,
                    member,
                    scopes: device.scopes,
                    claims: device.claims,
                    proved,
                })
            }
            Outcome::Declined => Err(Refusal::new(
                "authorization_declined",
                70020,
                "The person declined to sign in.",
            )),
            Outcome::Pending if last.is_some_and(|last| now.since(last) < device.interval) => {
                device.interval += SLOWER;
                Err(Refusal::new(
                    "slow_down",
                    70016,
                    "The client polls faster than it was told to.",
                ))
            }
            // Never with Retry-After: MSAL for Python would then keep this answer.
            Outcome::Pending => Err(Refusal::new(
                "authorization_pending",
                70016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            )),
        }
    }

    /// The codes that a person could enter now.
    pub(in super::super) fn user_codes(&self, now: Timestamp) -> Vec<String> {
        self.pending
            .iter()
            .filter(|device| !device.is_over(now) && matches!(device.outcome, Outcome::Pending))
            .map(|device| device.user_code.clone())
            .collect()
    }

    /// The sign-in that still waits for this code, which a person may type as they like.
    fn entered(&mut self, typed: &str, now: Timestamp) -> Result<&mut Device, &'static str> {
        let is_paused = self.wrong >= MOST_GUESSES
            && self
                .last_wrong
                .is_some_and(|last| now.since(last) < GUESSING_PAUSE);
        if is_paused {
            return Err("Too many wrong codes. Wait a few minutes.");
        }
        let typed: String = typed
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let place = self.pending.iter().position(|device| {
            device.user_code == typed
                && !device.is_over(now)
                && matches!(device.outcome, Outcome::Pending)
        });
        match place {
            Some(place) => {
                self.wrong = 0;
                Ok(&mut self.pending[place])
            }
            None => {
                self.wrong = match self.last_wrong.replace(now) {
                    Some(last) if now.since(last) < GUESSING_PAUSE => self.wrong + 1,
                    _ => 1,
                };
                Err("That code did not work. Check it and try again.")
            }
        }
    }
}

/// `/{tenant}/oauth2/v2.0/devicecode`: both codes.
pub(super) fn start(shared: &Context, request: &Request, segment: &str) -> Reply {
    const OPERATION: &str = "device_authorization";
    match codes(shared, request, segment) {
        Ok(body) => Reply::json(OPERATION, StatusCode::OK, &body),
        Err(refusal) => refusal.into_json(request, OPERATION),
    }
    .with("cache-control", "no-store, no-cache")
    .with("pragma", "no-cache")
}

fn codes(shared: &Context, request: &Request, segment: &str) -> Result<serde_json::Value, Refusal> {
    let form: &[u8] = match request.is_of_type("application/x-www-form-urlencoded") {
        true => &request.body,
        false => &[],
    };
    let params = Params::parse(form)?;
    let tenant = tenant_named(segment)?;
    let client = params.need("client_id")?;
    if client != directory::CLIENT_ID {
        return Err(unknown_client(client, segment));
    }
    let scopes = read_scopes(params.need("scope")?)?;
    let claims = Requested::read(&params)?;
    let device_code = format!("D{}", issue::random());
    let user_code = user_code()?;
    let uri = format!("{}/devicelogin", request.base);
    let mut state = shared.state.lock();
    let (life, interval) = (state.device_code_life, state.device_interval);
    let body = json!({
        "user_code": user_code,
        "device_code": device_code,
        "verification_uri": uri,
        "expires_in": life.as_secs(),
        "interval": interval.as_secs(),
        "message": format!(
            "To sign in, use a web browser to open the page {uri} and enter the code {user_code} \
             to authenticate."
        ),
    });
    state.keep_secret(&device_code);
    let pending = &mut state.devices.pending;
    // Long enough that a late poll is told what happened.
    pending.retain(|device| request.now.since(device.issued) < device.life * 4);
    pending.push(Device {
        device_code,
        user_code,
        tenant,
        scopes,
        claims,
        issued: request.now,
        life,
        interval,
        last_poll: None,
        outcome: Outcome::Pending,
    });
    Ok(body)
}

fn user_code() -> Result<String, Refusal> {
    let mut code = String::with_capacity(CODE_LENGTH);
    let mut bytes = [0; 64];
    while code.len() < CODE_LENGTH {
        SystemRandom::new().fill(&mut bytes).map_err(|_| {
            Refusal::new("server_error", 90033, "A transient error has occurred.")
                .with_status(StatusCode::SERVICE_UNAVAILABLE)
        })?;
        // Above 240 some letters would come more often than others.
        let letters = bytes.iter().filter(|byte| **byte < 240);
        code.extend(letters.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])));
    }
    code.truncate(CODE_LENGTH);
    Ok(code)
}

/// `/devicelogin`: enter the code, choose who signs in, confirm the app, done.
pub(super) fn page(shared: &Context, request: &Request) -> Reply {
    if request.method != Method::POST {
        return pages::enter_code(None);
    }
    let mut params = match Params::parse(&request.body) {
        Ok(params) => params,
        Err(refusal) => return refusal.into_page(request),
    };
    let typed = params.take(USER_CODE).unwrap_or_default();
    let clicks = FormAnswers::take(&mut params);
    let mut state = shared.state.lock();
    let device = match state.devices.entered(&typed, request.now) {
        Ok(device) => device,
        Err(why) => return pages::enter_code(Some(why)),
    };
    if params.take(CANCEL).is_some() {
        device.outcome = Outcome::Declined;
        return declined();
    }
    let mut fields = vec![(USER_CODE.to_owned(), device.user_code.clone())];
    let user = params.take(CHOICE).and_then(|name| User::named(&name));
    let chosen = user.and_then(|user| Some((user, user.seen_from(device.tenant)?)));
    let Some((user, member)) = chosen else {
        let mut reply = pages::sign_in(None, device.tenant, fields);
        "device_page".clone_into(&mut reply.operation);
        return reply;
    };
    fields.push((CHOICE.to_owned(), user.username.to_owned()));
    let (scopes, claims) = (device.scopes.clone(), device.claims.clone());
    // The pages on the way look at the state too.
    drop(state);
    let way = requirement::way(
        shared,
        request,
        user,
        &scopes,
        &claims,
        &clicks,
        fields.clone(),
    );
    let outcome = match way {
        RequirementOutcome::Clear { .. } if params.take(CONFIRM).is_none() => {
            fields.extend(clicks.fields());
            return pages::confirm_app(user, fields);
        }
        RequirementOutcome::Clear { proved } => Outcome::Approved {
            user,
            member,
            proved,
        },
        RequirementOutcome::Page(mut page) => {
            "device_page".clone_into(&mut page.operation);
            return page;
        }
        RequirementOutcome::Refused(_) => Outcome::Declined,
    };
    let is_declined = matches!(outcome, Outcome::Declined);
    match shared.state.lock().devices.entered(&typed, request.now) {
        Ok(device) => device.outcome = outcome,
        Err(why) => return pages::enter_code(Some(why)),
    }
    if is_declined {
        return declined();
    }
    pages::device_end(
        "You have signed in",
        "You have signed in to the app on your device. You may now close this window.",
    )
}

fn declined() -> Reply {
    pages::device_end("You declined", "The app on your device is not signed in.")
}
