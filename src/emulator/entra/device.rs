//! The endpoint for device codes (RFC 8628, section 3.1) and the page that accepts a user code.

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;

use super::error::EntraError;
use super::params::{Params, check_client, tenant_named};
use super::requirements::{self, PageInput, Stop};
use super::scope::read_scopes;
use super::{aadsts, claims, tokens};
use crate::emulator::directory::User;
use crate::emulator::http::{Reply, Request};
use crate::emulator::names::USER_FIELD;
use crate::emulator::pages::Page;
use crate::emulator::state::devices::{Device, Outcome};

/// Letters that differ clearly and form no words.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LENGTH: usize = 9;
/// The field of the user code.
const USER_CODE: &str = "user_code";

/// Issues a device code and a user code.
pub(crate) fn start(request: &Request, segment: &str) -> Result<Reply, EntraError> {
    let params = Params::parse(request.form())?;
    let tenant = tenant_named(segment)?;
    check_client(params.need("client_id")?, segment)?;
    let scopes = read_scopes(params.need("scope")?)?;
    let claims = claims::requested(&params)?;
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
        tenant,
        scopes,
        claims,
        issued: request.now,
        life,
        interval,
        last_poll: None,
        outcome: Outcome::Pending,
    });
    Ok(Reply::json(200, &body))
}

fn user_code() -> Result<String, EntraError> {
    let mut code = String::with_capacity(CODE_LENGTH);
    let mut bytes = [0; 64];
    while code.len() < CODE_LENGTH {
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| aadsts::NO_RANDOM_NUMBERS)?;
        // Bytes from 240 on would make some letters more frequent.
        let letters = bytes.iter().filter(|byte| **byte < 240);
        code.extend(letters.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])));
    }
    code.truncate(CODE_LENGTH);
    Ok(code)
}

/// `/devicelogin`: enter the user code, choose a user, confirm the app.
pub(crate) fn page(request: &Request) -> Reply {
    if !request.is_post() {
        return enter_code(None);
    }
    let params = match Params::parse(&request.body) {
        Ok(params) => params,
        Err(error) => return error.into_page(request, None),
    };
    let outcome = match decide(request, params) {
        Ok(outcome) => outcome,
        Err(page) => return *page,
    };
    let (title, text) = match outcome {
        Outcome::Declined => ("You declined", "The app on your device is not signed in."),
        _ => (
            "You have signed in",
            "You have signed in to the app on your device. You may now close this window.",
        ),
    };
    let details = &[];
    Page::Notice {
        title,
        text,
        details,
    }
    .reply(200)
}

/// Returns the user's decision, or the next page on the way to it.
fn decide(request: &Request, mut params: Params) -> Result<Outcome, Box<Reply>> {
    let wrong = |problem| Box::new(enter_code(Some(problem)));
    let typed = params.take(USER_CODE).unwrap_or_default();
    let input = PageInput::take(&mut params);
    let mut state = request.state();
    let device = state.devices.entered(&typed, request.now).map_err(wrong)?;
    if input.is_cancelled {
        device.outcome = Outcome::Declined;
        return Ok(Outcome::Declined);
    }
    let mut fields = vec![(USER_CODE.to_owned(), device.user_code.clone())];
    let user = input.user.as_deref().and_then(User::named);
    let chosen = user.and_then(|user| Some((user, user.seen_from(device.tenant)?)));
    let Some((user, member)) = chosen else {
        let (unknown, tenant) = (None, device.tenant);
        let page = Page::SignIn {
            unknown,
            tenant,
            fields,
        };
        return Err(Box::new(page.reply(200)));
    };
    fields.push((USER_FIELD.to_owned(), user.username.to_owned()));
    let (scopes, claims) = (device.scopes.clone(), device.claims.clone());
    // The check of the requirements locks the state again.
    drop(state);
    let parameters = (&scopes, &claims);
    let outcome = match requirements::check(request, user, parameters, &input, fields.clone()) {
        Ok(_) if !input.is_confirmed => {
            fields.extend(input.fields());
            return Err(Box::new(Page::ConfirmApp { user, fields }.reply(200)));
        }
        Ok(has_mfa) => Outcome::Approved {
            user,
            member,
            has_mfa,
        },
        Err(Stop::Page(page)) => return Err(page),
        Err(Stop::Refused(_)) => Outcome::Declined,
    };
    let mut state = request.state();
    let device = state.devices.entered(&typed, request.now).map_err(wrong)?;
    device.outcome = outcome;
    Ok(outcome)
}

fn enter_code(problem: Option<&str>) -> Reply {
    let status = if problem.is_some() { 400 } else { 200 };
    Page::EnterCode { problem }.reply(status)
}
