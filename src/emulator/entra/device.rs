//! The endpoint for device codes (RFC 8628, section 3.1) and the page that accepts a user code.

use std::sync::Arc;

use ring::rand::SystemRandom;
use serde_json::json;

use super::params::{Params, application_of_users};
use super::requirements::{self, PageInput};
use super::tokens;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::{Reply, Request};
use crate::emulator::journal::notes::Flow;
use crate::emulator::pages::{CODE_FIELD, Page, USER_FIELD, notice};
use crate::emulator::scopes::Scopes;
use crate::emulator::state::sign_ins::{Device, Outcome, Requested, SignIn};

/// Letters that differ clearly and form no words.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LENGTH: usize = 9;
/// The field of the user code.
const USER_CODE: &str = "user_code";

/// Issues a device code and a user code.
pub(crate) fn start(request: &Request, segment: &str) -> Result<Reply, EntraError> {
    let params = Params::parse(request.form())?;
    let tenant = request.world.tenant_path(segment)?;
    let client = params.need("client_id")?;
    request.notes().client(client);
    let application = application_of_users(&request.world, client, &tenant, segment)?;
    let scopes = Scopes::parse(&request.world, params.need("scope")?)?;
    let flow = Flow::new();
    {
        let mut notes = request.notes();
        notes.flow = Some(flow);
        notes.scopes = Some(scopes.to_text());
    }
    let claims = Requested::parse(params.get("claims"))?;
    let device_code = format!("D{}", tokens::random());
    let user_code = user_code()?;
    let uri = format!("{}/devicelogin", request.base);
    let options = &request.context.options;
    let (life, interval) = (options.device_code_life, options.device_interval);
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
    let mut state = request.state();
    state.keep_secret(&device_code);
    state.devices.add(Device {
        device_code,
        user_code,
        application,
        tenant,
        scopes,
        claims,
        issued: request.now,
        life,
        interval,
        last_poll: None,
        outcome: Outcome::Pending,
        flow,
    });
    Ok(Reply::json(200, &body))
}

fn user_code() -> Result<String, EntraError> {
    let random = ring::rand::generate::<[u8; 64]>(&SystemRandom::new());
    let random = random.map_err(|_| aadsts::NO_RANDOM_NUMBERS)?.expose();
    // Bytes from 240 on would make some letters more frequent. Always enough of 64 are smaller.
    let bytes = random.into_iter().filter(|byte| *byte < 240);
    let letters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
    Ok(letters.take(CODE_LENGTH).collect())
}

/// `/devicelogin`: enter the user code, choose a user, confirm the app.
pub(crate) fn page(request: &Request) -> Reply {
    if !request.is_post() {
        return Page::EnterCode { problem: None }.reply(200);
    }
    let mut params = match Params::parse(&request.body) {
        Ok(params) => params,
        Err(error) => return error.to_page(request, None),
    };
    let typed = params.take(USER_CODE).unwrap_or_default();
    let input = PageInput::take(&mut params);
    decide(request, &typed, &input).unwrap_or_else(|problem| {
        let page = Page::EnterCode {
            problem: Some(problem),
        };
        page.reply(400).because(problem)
    })
}

/// Records the user's decision, or returns the next page on the way to it.
///
/// # Errors
/// Returns the problem of the user code.
fn decide(request: &Request, typed: &str, input: &PageInput) -> Result<Reply, &'static str> {
    let state = &mut *request.state();
    let device = state.devices.entered(typed, request.now)?;
    request.notes().flow = Some(device.flow);
    if input.is_cancelled {
        device.outcome = Outcome::Declined;
        return Ok(declined().because("the user declined"));
    }
    let tenant = &device.tenant;
    let application = &device.application;
    let mut fields = vec![(USER_CODE.to_owned(), device.user_code.clone())];
    let user = input.user.as_deref();
    let user = user.and_then(|name| request.world.user_named(name));
    let Some((user, member)) = user.and_then(|user| Some((user, user.seen_from(tenant)?))) else {
        let page = Page::SignIn {
            world: &request.world,
            application,
            unknown: None,
            tenant,
            fields,
        };
        return Ok(page.reply(200));
    };
    request.notes().user(&user.username);
    fields.push((USER_FIELD.to_owned(), user.username.clone()));
    let mut sign_in = SignIn {
        application: Arc::clone(application),
        user: Arc::clone(user),
        member: member.clone(),
        scopes: device.scopes.clone(),
        claims: device.claims.clone(),
        has_mfa: false,
        flow: device.flow,
    };
    let consents = &mut state.consents;
    let next = requirements::check(request, consents, &mut sign_in, input, fields.clone());
    let (outcome, reply) = match next {
        Ok(Some(page)) => return Ok(page),
        Ok(None) if !input.is_confirmed => {
            let code = input.code.clone();
            fields.extend(code.map(|code| (CODE_FIELD.to_owned(), code)));
            return Ok(Page::ConfirmApp {
                application,
                user,
                fields,
            }
            .reply(200));
        }
        Ok(None) => (Outcome::Approved(sign_in), signed_in()),
        Err(error) => (
            Outcome::Declined,
            declined().because(error.journal_reason()),
        ),
    };
    device.outcome = outcome;
    Ok(reply)
}

fn signed_in() -> Reply {
    let text = "You have signed in to the app on your device. You may now close this window.";
    notice("You have signed in", text)
}

fn declined() -> Reply {
    notice("You declined", "The app on your device is not signed in.")
}
