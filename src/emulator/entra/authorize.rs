//! The authorize endpoint: who may be asked, who signs in, and where the answer goes.
//!
//! In come the parameters of an authorization request (from a client, or again from the sign-in
//! page with a user chosen), out comes a page, a redirect or a form that posts itself. No password
//! is asked for, no cookie is set, no session is kept.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;

use super::super::directory::{self, SignInRequirement, Tenant, User};
use super::super::pages;
use super::super::scopes::{BadScope, Scopes};
use super::super::server::{Context, Reply, Request};
use super::super::state::Grant;
use super::super::verify::Challenge;
use super::claims::Requested;
use super::params::Params;
use super::requirement::{self, FormAnswers, RequirementOutcome};
use super::{Refusal, issue, tenant_named};

/// The fields by which the sign-in page says what was clicked.
pub(in super::super) const CHOICE: &str = "emulator_user";
pub(super) const CANCEL: &str = "emulator_cancel";

/// Where and how an answer goes back to the client.
struct Return {
    redirect_uri: String,
    mode: Mode,
    state: Option<String>,
}

#[derive(Clone, Copy)]
enum Mode {
    Query,
    Fragment,
    FormPost,
}

/// What a valid request asks for.
struct AuthorizeRequest {
    scopes: Scopes,
    challenge: Option<Challenge>,
    nonce: Option<String>,
    client_info: bool,
    claims: Requested,
    hint: Option<String>,
}

pub(super) fn answer(shared: &Context, request: &Request, segment: &str) -> Reply {
    let from_page = request.method == Method::POST;
    let encoded: &[u8] = match from_page {
        true => &request.body,
        false => request.query.as_bytes(),
    };
    let mut params = match Params::parse(encoded) {
        Ok(params) => params,
        Err(refusal) => return refusal.into_page(request),
    };
    let chosen = params.take(CHOICE).filter(|_| from_page);
    let cancelled = params.take(CANCEL).is_some() && from_page;
    let clicks = FormAnswers::take(&mut params);
    let clicks = if from_page {
        clicks
    } else {
        FormAnswers::default()
    };
    {
        let mut state = shared.state.lock();
        for secret in ["state", "nonce"]
            .iter()
            .filter_map(|name| params.get(name))
        {
            state.keep_secret(secret);
        }
    }
    let (tenant, back) = match whom_to_answer(segment, &params) {
        Ok(both) => both,
        Err(refusal) => return refusal.into_page(request),
    };
    let wish = match read(&params) {
        Ok(wish) => wish,
        Err(refusal) => return back.refuse(request, &refusal),
    };
    let user = chosen
        .as_deref()
        .or(wish.hint.as_deref())
        .and_then(User::named);
    if cancelled {
        return back.refuse(request, &gone_back(chosen.and(user)));
    }
    let Some(user) = user else {
        return pages::sign_in(wish.hint.as_deref(), tenant, params.into_pairs());
    };
    let Some(member) = user.seen_from(tenant) else {
        return Refusal::new(
            "invalid_request",
            50020,
            format!(
                "User account '{}' from another identity provider does not exist in tenant '{}' \
                 and cannot access the application.",
                user.username,
                tenant.segment()
            ),
        )
        .into_page(request);
    };

    let mut fields = params.into_pairs();
    fields.push((CHOICE.to_owned(), user.username.to_owned()));
    let way = requirement::way(
        shared,
        request,
        user,
        &wish.scopes,
        &wish.claims,
        &clicks,
        fields,
    );
    let proved = match way {
        RequirementOutcome::Clear { proved } => proved,
        RequirementOutcome::Page(page) => return page,
        RequirementOutcome::Refused(refusal) => return back.refuse(request, &refusal),
    };

    let code = format!("1.{}", issue::random());
    let mut fields = vec![("code", code.clone())];
    if wish.client_info {
        fields.push(("client_info", issue::client_info(user)));
    }
    fields.push(("session_state", uuid::Uuid::new_v4().to_string()));
    shared.state.lock().add_code(
        code,
        Grant {
            user,
            member,
            tenant,
            redirect_uri: back.redirect_uri.clone(),
            challenge: wish.challenge,
            nonce: wish.nonce,
            scopes: wish.scopes,
            claims: wish.claims,
            proved,
            issued: request.now,
            redeemed: None,
        },
    );
    back.deliver(request, fields)
}

/// The answer where a person goes back, perhaps from the page that asks for an admin.
fn gone_back(user: Option<&User>) -> Refusal {
    match user.map(|user| user.obstacle) {
        Some(SignInRequirement::AdminConsent) => Refusal::new(
            "access_denied",
            90094,
            "The grant requires admin permission.",
        ),
        _ => Refusal::new(
            "access_denied",
            65004,
            "User declined to consent to access the app.",
        ),
    }
    .with_suberror("cancel")
}

/// Answers the client with this refusal, as a fault asks for.
pub(super) fn refuse(request: &Request, segment: &str, refusal: Refusal) -> Reply {
    let back = Params::parse(request.query.as_bytes())
        .and_then(|params| whom_to_answer(segment, &params).map(|(_, back)| back));
    match back {
        Ok(back) => back.refuse(request, &refusal),
        Err(_) => refusal.into_page(request),
    }
}

/// What must hold before anyone may be redirected anywhere (RFC 6749, section 4.1.2.1).
fn whom_to_answer(segment: &str, params: &Params) -> Result<(Tenant, Return), Refusal> {
    let tenant = tenant_named(segment)?;
    let client = params.need("client_id")?;
    if client != directory::CLIENT_ID {
        return Err(unknown_client(client, segment));
    }
    let redirect_uri = params
        .get("redirect_uri")
        .ok_or_else(|| Refusal::new("invalid_request", 900_971, "No reply address provided."))?;
    if !directory::is_registered_redirect(redirect_uri) {
        return Err(Refusal::new(
            "invalid_request",
            50011,
            format!(
                "The redirect URI '{redirect_uri}' specified in the request does not match the \
                 redirect URIs configured for the application '{client}'."
            ),
        ));
    }
    let mode = match params.get("response_mode") {
        Some("fragment") => Mode::Fragment,
        Some("form_post") => Mode::FormPost,
        _ => Mode::Query,
    };
    let back = Return {
        redirect_uri: redirect_uri.to_owned(),
        mode,
        state: params.get("state").map(str::to_owned),
    };
    Ok((tenant, back))
}

pub(super) fn unknown_client(client: &str, segment: &str) -> Refusal {
    Refusal::new(
        "unauthorized_client",
        700_016,
        format!(
            "Application with identifier '{client}' was not found in the directory '{segment}'. \
             The emulator knows '{}' only.",
            directory::CLIENT_ID
        ),
    )
}

fn read(params: &Params) -> Result<AuthorizeRequest, Refusal> {
    let bad = |number, text: &str| Err(Refusal::new("invalid_request", number, text));
    match params.get("response_mode") {
        None | Some("query" | "fragment" | "form_post") => {}
        Some(_) => return bad(70007, "The value of 'response_mode' is not supported."),
    }
    if params.need("response_type")? != "code" {
        return Err(Refusal::new(
            "unsupported_response_type",
            700_054,
            "The 'response_type' is not enabled for the application; it must be 'code'.",
        ));
    }
    let scopes = read_scopes(params.need("scope")?)?;
    let challenge = match (
        params.get("code_challenge"),
        params.get("code_challenge_method"),
    ) {
        (None, None) => None,
        (None, Some(_)) => return bad(50147, "Missing code_challenge parameter."),
        (Some(challenge), method) => match Challenge::parse(challenge, method) {
            Some(challenge) => Some(challenge),
            None if matches!(method, None | Some("S256" | "plain")) => {
                return bad(501_491, "Invalid size of code_challenge parameter.");
            }
            None => return bad(50147, "Invalid code_challenge_method."),
        },
    };
    let claims = Requested::read(params)?;
    let hint = params.get("login_hint");
    match params.get("prompt") {
        None | Some("login" | "consent") => {}
        Some("select_account") if hint.is_none() => {}
        Some("select_account") => {
            return bad(
                90023,
                "'prompt=select_account' and 'login_hint' exclude each other.",
            );
        }
        Some("none") => {
            return Err(Refusal::new(
                "login_required",
                50058,
                "A silent sign-in request was sent but no user is signed in.",
            ));
        }
        Some(_) => return bad(90023, "Unsupported 'prompt' value."),
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

/// Reads a `scope` parameter; shared with the token endpoint.
pub(super) fn read_scopes(text: &str) -> Result<Scopes, Refusal> {
    let scopes = Scopes::parse(text).map_err(|bad| match bad {
        BadScope::Scope(scope) => Refusal::new(
            "invalid_scope",
            70011,
            format!(
                "The provided request must include a 'scope' input parameter. The scope \
                 '{scope}' is not valid."
            ),
        ),
        BadScope::Resource(scope) => Refusal::new(
            "invalid_resource",
            500_011,
            format!("The resource principal named in '{scope}' was not found in the tenant."),
        ),
    })?;
    match scopes.is_empty() {
        true => Err(Refusal::new(
            "invalid_request",
            900_144,
            "The request body must contain the following parameter: 'scope'.",
        )),
        false => Ok(scopes),
    }
}

impl Return {
    fn refuse(&self, request: &Request, refusal: &Refusal) -> Reply {
        self.deliver(request, refusal.to_fields(request))
    }

    fn deliver(&self, request: &Request, mut fields: Vec<(&'static str, String)>) -> Reply {
        if let Some(state) = &self.state {
            fields.push(("state", state.clone()));
        }
        let separator = match self.mode {
            Mode::FormPost => return pages::form_post(&self.redirect_uri, &fields),
            Mode::Query => '?',
            Mode::Fragment => '#',
        };
        // Entra adds the path that a bare host lacks, in these two modes only.
        let slash = match self.redirect_uri.matches('/').count() {
            2 => "/",
            _ => "",
        };
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        redirect(
            request,
            &format!("{}{slash}{separator}{encoded}", self.redirect_uri),
        )
    }
}

/// 303 turns a POST into a GET; 307 would send the form on (RFC 9700, section 4.12).
fn redirect(request: &Request, to: &str) -> Reply {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = match request.method == Method::POST {
        true => StatusCode::SEE_OTHER,
        false => StatusCode::FOUND,
    };
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    Reply::new("authorize", response)
        .with("cache-control", "no-store, no-cache")
        .with("pragma", "no-cache")
        .with("referrer-policy", "no-referrer")
}

/// Sign-out: there is no session to end, so it only leads back.
pub(super) fn logout(request: &Request) -> Reply {
    let params = Params::parse(request.query.as_bytes()).unwrap_or_default();
    let mut reply = match params.get("post_logout_redirect_uri") {
        Some(uri) if directory::is_registered_redirect(uri) => match params.get("state") {
            Some(state) => {
                let state: String =
                    url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
                redirect(request, &format!("{uri}?state={state}"))
            }
            None => redirect(request, uri),
        },
        _ => pages::signed_out(),
    };
    reply.operation = "logout".to_owned();
    reply
}
