//! The authorize endpoint (RFC 6749, section 4.1.1) and the sign-out.
//!
//! A request comes from a client, or from the sign-in page with a user. There is no password, no
//! cookie and no session.

use std::sync::Arc;
use std::time::Duration;

use super::params::{Params, application_of_users};
use super::requirements::{self, PageInput};
use super::{tokens, v1};
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::{Reply, Request, random_id};
use crate::emulator::journal::notes::Flow;
use crate::emulator::pages::{FLOW_FIELD, Page, USER_FIELD, notice};
use crate::emulator::scopes::Scopes;
use crate::emulator::state::sign_ins::{Code, Requested, SignIn};
use crate::emulator::verify::{Challenge, ensure};
use crate::emulator::world::application::{Application, Platform};
use crate::emulator::world::requirement::SignInRequirement;
use crate::emulator::world::tenant::TenantPath;
use crate::emulator::world::user::User;

/// How long a code is remembered, to distinguish an expired or reused code from an unknown one.
const CODE_MEMORY: Duration = Duration::from_secs(3600);

/// The application, tenant and platform of a request.
struct Client {
    application: Arc<Application>,
    tenant: TenantPath,
    platform: Platform,
}

/// Returns the encoded parameters: those of the form, or of the query.
fn encoded(request: &Request) -> &[u8] {
    match request.is_post() {
        true => &request.body,
        false => request.query().as_bytes(),
    }
}

pub(crate) fn respond(request: &Request, segment: &str) -> Reply {
    let mut input = PageInput::default();
    let checked = Params::parse(encoded(request)).and_then(|mut params| {
        input = PageInput::take(&mut params);
        if let Some(client) = params.get("client_id") {
            request.notes().client(client);
        }
        for secret in [params.get("state"), params.get("nonce")].iter().flatten() {
            request.state().keep_secret(secret);
        }
        let client = check_redirect(request, segment, &params)?;
        Ok((client, params))
    });
    if !request.is_post() {
        // A link must not act as a click.
        input = PageInput::default();
    }
    match checked {
        Ok((client, mut params)) => {
            input.must_consent = params.get("prompt") == Some("consent");
            let with_scope = v1::set_scope(request, &mut params);
            let reply = with_scope.and_then(|()| authorize(request, client, &params, &input));
            reply.unwrap_or_else(|error| deliver_error(request, &params, &error))
        }
        Err(error) => error.to_page(request, None),
    }
}

/// Checks everything that must be valid before a redirect (RFC 6749, section 4.1.2.1).
fn check_redirect(request: &Request, segment: &str, params: &Params) -> Result<Client, EntraError> {
    let tenant = request.world.tenant_path(segment)?;
    let client = params.need("client_id")?;
    let application = application_of_users(&request.world, client, &tenant, segment)?;
    let redirect_uri = params.get("redirect_uri").ok_or(aadsts::NO_REPLY_ADDRESS)?;
    let platform = application.platform_of(redirect_uri);
    let unregistered = || aadsts::UNREGISTERED_REDIRECT.about(&[redirect_uri, client]);
    Ok(Client {
        platform: platform.ok_or_else(unregistered)?,
        application,
        tenant,
    })
}

/// Returns the response with a code, or the next page.
///
/// # Errors
/// Returns the error for the redirect URI.
fn authorize(
    request: &Request,
    client: Client,
    params: &Params,
    input: &PageInput,
) -> Result<Reply, EntraError> {
    let is_mode = matches!(mode(params), "query" | "fragment" | "form_post");
    ensure(is_mode, aadsts::UNSUPPORTED_RESPONSE_MODE)?;
    let is_code = params.need("response_type")? == "code";
    ensure(is_code, aadsts::UNSUPPORTED_RESPONSE_TYPE)?;
    let scopes = Scopes::parse(&request.world, params.need("scope")?)?;
    let flow = input.flow.unwrap_or_else(Flow::new);
    {
        let mut notes = request.notes();
        notes.flow = Some(flow);
        notes.scopes = Some(scopes.to_text());
    }
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
    let named = input.user.as_deref().or(hint);
    let user = named.and_then(|name| request.world.user_named(name));
    if input.is_cancelled {
        // Perhaps on the page that requires an admin.
        let needs_admin = |user: &Arc<User>| user.requirement == SignInRequirement::AdminConsent;
        let error = match input.user.is_some() && user.is_some_and(needs_admin) {
            true => aadsts::ADMIN_CONSENT_REQUIRED,
            false => aadsts::DECLINED,
        };
        return Err(error.with_suberror("cancel"));
    }
    let mut fields = params.pairs();
    fields.push((FLOW_FIELD.to_owned(), flow.to_string()));
    let Some(user) = user else {
        let page = Page::SignIn {
            world: &request.world,
            application: &client.application,
            unknown: hint,
            tenant: &client.tenant,
            fields,
        };
        return Ok(page.reply(200));
    };
    request.notes().user(&user.username);
    let Some(member) = user.seen_from(&client.tenant) else {
        let error = aadsts::UNKNOWN_GUEST.about(&[&user.username, client.tenant.segment()]);
        return Ok(error.to_page(request, None));
    };
    fields.push((USER_FIELD.to_owned(), user.username.clone()));
    let mut sign_in = SignIn {
        application: client.application,
        user: Arc::clone(user),
        member: member.clone(),
        scopes,
        claims,
        has_mfa: false,
        flow,
    };
    let state = &mut *request.state();
    let consents = &mut state.consents;
    if let Some(page) = requirements::check(request, consents, &mut sign_in, input, fields)? {
        return Ok(page);
    }
    let by = match input.user.is_some() {
        true => "the choice on the page",
        false => "the login_hint",
    };
    let proof = format!("sign-in of {} by {by}", user.username);
    request.notes().authenticated(proof);
    let code = format!("1.{}", tokens::random());
    state.keep_secret(&code);
    let now = request.now;
    state
        .codes
        .retain(|_, old| now.since(old.issued) < CODE_MEMORY);
    let data = Code {
        sign_in,
        tenant: client.tenant,
        platform: client.platform,
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
    let params = Params::parse(encoded(request)).unwrap_or_default();
    match check_redirect(request, segment, &params) {
        Ok(_) => deliver_error(request, &params, error),
        Err(_) => error.to_page(request, None),
    }
}

/// Returns the `response_mode`; an unknown one counts as `query`.
fn mode(params: &Params) -> &str {
    params.get("response_mode").unwrap_or("query")
}

fn deliver_error(request: &Request, params: &Params, error: &EntraError) -> Reply {
    let reply = deliver(request, params, error.to_fields(request));
    reply.because(error.journal_reason())
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
    redirect(
        request,
        &with_fields(&with_path(action), separator, &fields),
    )
}

/// Adds the missing path of a host, as Entra does in the modes `query` and `fragment` only.
fn with_path(uri: &str) -> String {
    let end = uri.find('?').unwrap_or(uri.len());
    let (address, query) = uri.split_at(end);
    let has_path = address
        .split_once("://")
        .is_none_or(|(_, rest)| rest.contains('/'));
    let slash = if has_path { "" } else { "/" };
    format!("{address}{slash}{query}")
}

/// Adds fields to a redirect URI, after `?` or `#`. Its own query stays (RFC 6749, section 3.1.2).
fn with_fields(uri: &str, separator: char, fields: &[(&str, String)]) -> String {
    let separator = match separator {
        '?' if uri.ends_with(['?', '&']) => "",
        '?' if uri.contains('?') => "&",
        '?' => "?",
        _ => "#",
    };
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    let encoded = encoded.extend_pairs(fields).finish();
    format!("{uri}{separator}{encoded}")
}

/// Redirects with 303 after a POST, because 307 would send the form again (RFC 9700, section 4.12).
fn redirect(request: &Request, to: &str) -> Reply {
    Reply::new(if request.is_post() { 303 } else { 302 }, ())
        .with("location", to)
        .not_stored()
        .with("referrer-policy", "no-referrer")
}

/// Redirects after a sign-out, or shows a page if there is no registered URI. The parameters are in the
/// query or in a form (OpenID Connect RP-Initiated Logout 1.0, section 2).
pub(crate) fn logout(request: &Request) -> Reply {
    let encoded = match request.is_post() && !request.form().is_empty() {
        true => request.form(),
        false => request.query().as_bytes(),
    };
    let params = Params::parse(encoded).unwrap_or_default();
    let uri = params.get("post_logout_redirect_uri");
    let is_registered = |uri: &&str| {
        let mut applications = request.world.applications.iter();
        applications.any(|app| app.platform_of(uri).is_some())
    };
    let Some(uri) = uri.filter(is_registered) else {
        let text = "The emulator stores no session in the browser.";
        return notice("You signed out.", text);
    };
    let Some(state) = params.get("state") else {
        return redirect(request, uri);
    };
    let fields = [("state", state.to_owned())];
    redirect(request, &with_fields(uri, '?', &fields))
}
