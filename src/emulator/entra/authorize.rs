//! The authorize endpoint (RFC 6749, section 4.1.1) and the sign-out.
//!
//! A request comes from a client, or from the sign-in page with a user. There is no password, no
//! cookie and no session.

use super::error::EntraError;
use super::params::{Params, check_client, tenant_named};
use super::requirements::{self, PageInput, Stop};
use super::scope::read_scopes;
use super::{aadsts, claims, tokens};
use crate::emulator::directory::{self, SignInRequirement, Tenant, User};
use crate::emulator::ensure::ensure;
use crate::emulator::http::{Reply, Request};
use crate::emulator::names::USER_FIELD;
use crate::emulator::pages::Page;
use crate::emulator::scopes::Scopes;
use crate::emulator::state::codes::{Code, Requested, SignIn};
use crate::emulator::verify::Challenge;

/// The client's redirect URI, and the form of the response to it.
struct Return {
    redirect_uri: String,
    /// The `response_mode`; an unknown one counts as `query`.
    mode: String,
    state: Option<String>,
}

/// A valid authorization request.
struct AuthorizeRequest {
    scopes: Scopes,
    challenge: Option<Challenge>,
    nonce: Option<String>,
    client_info: bool,
    claims: Requested,
    hint: Option<String>,
}

pub(crate) fn answer(request: &Request, segment: &str) -> Reply {
    authorize(request, segment).unwrap_or_else(|reply| *reply)
}

/// Returns the response with a code, or as `Err` any other response.
fn authorize(request: &Request, segment: &str) -> Result<Reply, Box<Reply>> {
    let on_page = |error: EntraError| Box::new(error.into_page(request, None));
    let encoded: &[u8] = match request.is_post() {
        true => &request.body,
        false => request.query.as_bytes(),
    };
    let mut params = Params::parse(encoded).map_err(on_page)?;
    let mut input = PageInput::take(&mut params);
    if !request.is_post() {
        // A link must not act as a click.
        input = PageInput::default();
    }
    for secret in [params.get("state"), params.get("nonce")].iter().flatten() {
        request.state().keep_secret(secret);
    }
    let (tenant, back) = read_return(segment, &params).map_err(on_page)?;
    let refuse = |error: EntraError| Box::new(back.refuse(request, &error));
    let wanted = read(&params).map_err(refuse)?;
    let hint = wanted.hint.as_deref();
    let user = input.user.as_deref().or(hint).and_then(User::named);
    if input.is_cancelled {
        return Err(refuse(cancelled(user.filter(|_| input.user.is_some()))));
    }
    let mut fields = params.into_pairs();
    let Some(user) = user else {
        let page = Page::SignIn {
            unknown: hint,
            tenant,
            fields,
        };
        return Err(Box::new(page.reply(200)));
    };
    let member = user
        .seen_from(tenant)
        .ok_or_else(|| on_page(aadsts::UNKNOWN_GUEST.about(&[user.username, tenant.segment()])))?;
    fields.push((USER_FIELD.to_owned(), user.username.to_owned()));
    let parameters = (&wanted.scopes, &wanted.claims);
    let has_mfa = requirements::check(request, user, parameters, &input, fields);
    let has_mfa = has_mfa.map_err(|stop| match stop {
        Stop::Page(page) => page,
        Stop::Refused(error) => refuse(error),
    })?;
    let code = format!("1.{}", tokens::random());
    let mut fields = vec![("code", code.clone())];
    if wanted.client_info {
        fields.push(("client_info", tokens::client_info(user)));
    }
    fields.push(("session_state", uuid::Uuid::new_v4().to_string()));
    let data = Code {
        sign_in: SignIn {
            user,
            member,
            scopes: wanted.scopes,
            claims: wanted.claims,
            has_mfa,
        },
        tenant,
        redirect_uri: back.redirect_uri.clone(),
        challenge: wanted.challenge,
        nonce: wanted.nonce,
        issued: request.now,
        redeemed: None,
    };
    let mut state = request.state();
    state.keep_secret(&code);
    state.codes.add(code, data);
    Ok(back.deliver(request, fields))
}

/// Returns the error for a cancelled sign-in, perhaps on the page that requires an admin.
fn cancelled(user: Option<&User>) -> EntraError {
    let error = match user.map(|user| user.requirement) {
        Some(SignInRequirement::AdminConsent) => aadsts::ADMIN_CONSENT_REQUIRED,
        _ => aadsts::DECLINED,
    };
    error.with_suberror("cancel")
}

/// Responds to the client with the error of a fault.
pub(crate) fn refuse(request: &Request, segment: &str, error: &EntraError) -> Reply {
    let params = Params::parse(request.query.as_bytes());
    match params.and_then(|params| read_return(segment, &params)) {
        Ok((_, back)) => back.refuse(request, error),
        Err(_) => error.clone().into_page(request, None),
    }
}

/// Checks everything that must be valid before a redirect (RFC 6749, section 4.1.2.1).
fn read_return(segment: &str, params: &Params) -> Result<(Tenant, Return), EntraError> {
    let tenant = tenant_named(segment)?;
    let client = params.need("client_id")?;
    check_client(client, segment)?;
    let redirect_uri = params.get("redirect_uri").ok_or(aadsts::NO_REPLY_ADDRESS)?;
    if !directory::is_registered_redirect(redirect_uri) {
        return Err(aadsts::UNREGISTERED_REDIRECT.about(&[redirect_uri, client]));
    }
    let back = Return {
        redirect_uri: redirect_uri.to_owned(),
        mode: params.get("response_mode").unwrap_or("query").to_owned(),
        state: params.get("state").map(str::to_owned),
    };
    Ok((tenant, back))
}

fn read(params: &Params) -> Result<AuthorizeRequest, EntraError> {
    let mode = params.get("response_mode").unwrap_or("query");
    let is_mode = matches!(mode, "query" | "fragment" | "form_post");
    ensure(is_mode, aadsts::UNSUPPORTED_RESPONSE_MODE)?;
    let is_code = params.need("response_type")? == "code";
    ensure(is_code, aadsts::UNSUPPORTED_RESPONSE_TYPE)?;
    let scopes = read_scopes(params.need("scope")?)?;
    let method = params.get("code_challenge_method");
    let challenge = match params.get("code_challenge") {
        None if method.is_none() => None,
        None => return Err(aadsts::MISSING_CHALLENGE),
        Some(challenge) => match Challenge::parse(challenge, method) {
            Some(challenge) => Some(challenge),
            None if matches!(method, None | Some("S256" | "plain")) => {
                return Err(aadsts::INVALID_CHALLENGE_SIZE);
            }
            None => return Err(aadsts::INVALID_CHALLENGE_METHOD),
        },
    };
    let claims = claims::requested(params)?;
    let hint = params.get("login_hint");
    match params.get("prompt") {
        None | Some("login" | "consent") => {}
        Some("select_account") if hint.is_none() => {}
        Some("select_account") => return Err(aadsts::PROMPT_AND_HINT),
        Some("none") => return Err(aadsts::SILENT_SIGN_IN),
        Some(_) => return Err(aadsts::UNSUPPORTED_PROMPT),
    }
    Ok(AuthorizeRequest {
        scopes,
        challenge,
        nonce: params.get("nonce").map(str::to_owned),
        client_info: params.get("client_info") == Some("1"),
        claims,
        hint: hint.map(str::to_owned),
    })
}

impl Return {
    fn refuse(&self, request: &Request, error: &EntraError) -> Reply {
        self.deliver(request, error.to_fields(request))
    }

    fn deliver(&self, request: &Request, mut fields: Vec<(&'static str, String)>) -> Reply {
        fields.extend(self.state.clone().map(|state| ("state", state)));
        let action = self.redirect_uri.as_str();
        let separator = match self.mode.as_str() {
            "form_post" => {
                let fields = &fields;
                return Page::FormPost { action, fields }.reply(200);
            }
            "fragment" => '#',
            _ => '?',
        };
        // Entra adds the missing path of a host, in these two modes only.
        let slash = if action.matches('/').count() == 2 {
            "/"
        } else {
            ""
        };
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        let encoded = encoded.extend_pairs(fields).finish();
        redirect(request, &format!("{action}{slash}{separator}{encoded}"))
    }
}

/// Redirects with 303 after a POST, because 307 would send the form again (RFC 9700, section 4.12).
fn redirect(request: &Request, to: &str) -> Reply {
    Reply::empty(if request.is_post() { 303 } else { 302 })
        .with("location", to)
        .not_stored()
        .with("referrer-policy", "no-referrer")
}

/// Redirects after a sign-out, or shows a page if there is no registered URI.
pub(crate) fn logout(request: &Request) -> Reply {
    let params = Params::parse(request.query.as_bytes()).unwrap_or_default();
    let uri = params.get("post_logout_redirect_uri");
    let Some(uri) = uri.filter(|uri| directory::is_registered_redirect(uri)) else {
        let page = Page::Notice {
            title: "You signed out.",
            text: "The emulator keeps no session, so there was nothing to end.",
            details: &[],
        };
        return page.reply(200);
    };
    let Some(state) = params.get("state") else {
        return redirect(request, uri);
    };
    let state: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    redirect(request, &format!("{uri}?state={state}"))
}
