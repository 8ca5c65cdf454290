//! The authorize endpoint (RFC 6749, section 4.1.1) and the sign-out.
//!
//! A request comes from a client, or from the sign-in page with a user. There is no password, no
//! cookie and no session.

use std::time::Duration;

use super::params::{Params, check_client};
use super::requirements::{self, PageInput};
use super::tokens;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::directory::{self, Tenant};
use crate::emulator::http::{Reply, Request, random_id};
use crate::emulator::pages::{Page, USER_FIELD, notice};
use crate::emulator::scopes::Scopes;
use crate::emulator::state::sign_ins::{Code, Requested, SignIn};
use crate::emulator::users::{SignInRequirement, User};
use crate::emulator::verify::{Challenge, ensure};

/// How long a code is remembered, to distinguish an expired or reused code from an unknown one.
const CODE_MEMORY: Duration = Duration::from_secs(3600);

pub(crate) fn respond(request: &Request, segment: &str) -> Reply {
    let encoded: &[u8] = match request.is_post() {
        true => &request.body,
        false => request.query().as_bytes(),
    };
    let mut input = PageInput::default();
    let checked = Params::parse(encoded).and_then(|mut params| {
        input = PageInput::take(&mut params);
        for secret in [params.get("state"), params.get("nonce")].iter().flatten() {
            request.state().keep_secret(secret);
        }
        check_redirect(segment, &params).map(|tenant| (tenant, params))
    });
    if !request.is_post() {
        // A link must not act as a click.
        input = PageInput::default();
    }
    match checked {
        Ok((tenant, params)) => authorize(request, tenant, &params, &input)
            .unwrap_or_else(|error| deliver(request, &params, error.to_fields(request))),
        Err(error) => error.to_page(request, None),
    }
}

/// Checks everything that must be valid before a redirect (RFC 6749, section 4.1.2.1).
fn check_redirect(segment: &str, params: &Params) -> Result<Tenant, EntraError> {
    let tenant = Tenant::parse(segment)?;
    let client = params.need("client_id")?;
    check_client(client, segment)?;
    let redirect_uri = params.get("redirect_uri").ok_or(aadsts::NO_REPLY_ADDRESS)?;
    let is_registered = directory::is_registered_redirect(redirect_uri);
    let unregistered = aadsts::UNREGISTERED_REDIRECT.about(&[redirect_uri, client]);
    ensure(is_registered, unregistered)?;
    Ok(tenant)
}

/// Returns the response with a code, or the next page.
///
/// # Errors
/// Returns the error for the redirect URI.
fn authorize(
    request: &Request,
    tenant: Tenant,
    params: &Params,
    input: &PageInput,
) -> Result<Reply, EntraError> {
    let is_mode = matches!(mode(params), "query" | "fragment" | "form_post");
    ensure(is_mode, aadsts::UNSUPPORTED_RESPONSE_MODE)?;
    let is_code = params.need("response_type")? == "code";
    ensure(is_code, aadsts::UNSUPPORTED_RESPONSE_TYPE)?;
    let scopes = Scopes::parse(params.need("scope")?)?;
    let challenge = challenge(params)?;
    let claims = Requested::parse(params.get("claims"))?;
    let hint = params.get("login_hint");
    match params.get("prompt") {
        None | Some("login" | "consent") => {}
        Some("select_account") if hint.is_none() => {}
        Some("select_account") => return Err(aadsts::PROMPT_AND_HINT),
        Some("none") => return Err(aadsts::SILENT_SIGN_IN),
        Some(_) => return Err(aadsts::UNSUPPORTED_PROMPT),
    }
    let user = input.user.as_deref().or(hint).and_then(User::named);
    if input.is_cancelled {
        // Perhaps on the page that requires an admin.
        let needs_admin = |user: &User| user.requirement == SignInRequirement::AdminConsent;
        let error = match input.user.is_some() && user.is_some_and(needs_admin) {
            true => aadsts::ADMIN_CONSENT_REQUIRED,
            false => aadsts::DECLINED,
        };
        return Err(error.with_suberror("cancel"));
    }
    let mut fields = params.pairs();
    let Some(user) = user else {
        let page = Page::SignIn {
            unknown: hint,
            tenant,
            fields,
        };
        return Ok(page.reply(200));
    };
    let Some(member) = user.seen_from(tenant) else {
        let error = aadsts::UNKNOWN_GUEST.about(&[user.username, tenant.segment()]);
        return Ok(error.to_page(request, None));
    };
    fields.push((USER_FIELD.to_owned(), user.username.to_owned()));
    let mut sign_in = SignIn {
        user,
        member,
        scopes,
        claims,
        has_mfa: false,
    };
    let state = &mut *request.state();
    let consented = &mut state.consented;
    if let Some(page) = requirements::check(request, consented, &mut sign_in, input, fields)? {
        return Ok(page);
    }
    let code = format!("1.{}", tokens::random());
    state.keep_secret(&code);
    let now = request.now;
    state
        .codes
        .retain(|_, old| now.since(old.issued) < CODE_MEMORY);
    let data = Code {
        sign_in,
        tenant,
        redirect_uri: params.need("redirect_uri")?.to_owned(),
        challenge,
        nonce: params.get("nonce").map(str::to_owned),
        issued: now,
        redeemed: None,
    };
    state.codes.insert(code.clone(), data);
    let mut fields = vec![("code", code)];
    if params.get("client_info") == Some("1") {
        fields.push(("client_info", tokens::client_info(user)));
    }
    fields.push(("session_state", random_id()));
    Ok(deliver(request, params, fields))
}

fn challenge(params: &Params) -> Result<Option<Challenge>, EntraError> {
    let method = params.get("code_challenge_method");
    let Some(challenge) = params.get("code_challenge") else {
        ensure(method.is_none(), aadsts::MISSING_CHALLENGE)?;
        return Ok(None);
    };
    match Challenge::parse(challenge, method) {
        Some(challenge) => Ok(Some(challenge)),
        None if matches!(method, None | Some("S256" | "plain")) => {
            Err(aadsts::INVALID_CHALLENGE_SIZE)
        }
        None => Err(aadsts::INVALID_CHALLENGE_METHOD),
    }
}

/// Responds to the client with the error of a fault.
pub(crate) fn refuse(request: &Request, segment: &str, error: &EntraError) -> Reply {
    let params = Params::parse(request.query().as_bytes()).unwrap_or_default();
    match check_redirect(segment, &params) {
        Ok(_) => deliver(request, &params, error.to_fields(request)),
        Err(_) => error.to_page(request, None),
    }
}

/// Returns the `response_mode`; an unknown one counts as `query`.
fn mode(params: &Params) -> &str {
    params.get("response_mode").unwrap_or("query")
}

/// Responds to the client at the checked redirect URI.
fn deliver(request: &Request, params: &Params, mut fields: Vec<(&'static str, String)>) -> Reply {
    let state = params.get("state");
    fields.extend(state.map(|state| ("state", state.to_owned())));
    let action = params.get("redirect_uri").unwrap_or_default();
    let separator = match mode(params) {
        "form_post" => {
            let fields = &fields;
            return Page::FormPost { action, fields }.reply(200);
        }
        "fragment" => '#',
        _ => '?',
    };
    // Entra adds the missing path of a host, in these two modes only.
    let has_path = action.matches('/').count() > 2;
    let slash = if has_path { "" } else { "/" };
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    let encoded = encoded.extend_pairs(fields).finish();
    redirect(request, &format!("{action}{slash}{separator}{encoded}"))
}

/// Redirects with 303 after a POST, because 307 would send the form again (RFC 9700, section 4.12).
fn redirect(request: &Request, to: &str) -> Reply {
    Reply::new(if request.is_post() { 303 } else { 302 }, ())
        .with("location", to)
        .not_stored()
        .with("referrer-policy", "no-referrer")
}

/// Redirects after a sign-out, or shows a page if there is no registered URI.
pub(crate) fn logout(request: &Request) -> Reply {
    let params = Params::parse(request.query().as_bytes()).unwrap_or_default();
    let uri = params.get("post_logout_redirect_uri");
    let Some(uri) = uri.filter(|uri| directory::is_registered_redirect(uri)) else {
        let text = "The emulator stores no session in the browser.";
        return notice("You signed out.", text);
    };
    let Some(state) = params.get("state") else {
        return redirect(request, uri);
    };
    let state: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    redirect(request, &format!("{uri}?state={state}"))
}
