//! The emulator's pages, each of which says that it is none of Microsoft's.
//!
//! In come plain values, out come self-contained HTML pages whose headers allow nothing but their
//! own style, an icon inside the page and, on one of them, one known script. No page sets a cookie
//! or loads anything.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use super::directory::{self, ServiceApp, Tenant, User};
use super::entra;
use super::scopes::Scopes;
use super::server::{Reply, Request};

const STYLE: &str = include_str!("../../assets/emulator/style.css");
/// Submits the answer's form; its visible button does the same where scripts are off.
const SUBMIT: &str = "document.forms[0].submit()";

#[derive(Template)]
#[template(path = "emulator/front.html")]
struct Front<'a> {
    style: &'static str,
    base: &'a str,
    tenant: &'static str,
    client: &'static str,
    service: &'static ServiceApp,
    users: &'static [User],
    personas: &'static [User],
}

#[derive(Template)]
#[template(path = "emulator/sign_in.html")]
struct SignIn<'a> {
    style: &'static str,
    tenant: &'static str,
    stranger: Option<&'a str>,
    users: Vec<&'static User>,
    personas: Vec<&'static User>,
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "emulator/form_post.html")]
struct FormPost<'a> {
    style: &'static str,
    script: &'static str,
    action: &'a str,
    fields: &'a [(&'static str, String)],
}

#[derive(Template)]
#[template(path = "emulator/device_code.html")]
struct EnterCode {
    style: &'static str,
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "emulator/confirm_app.html")]
struct ConfirmApp {
    style: &'static str,
    app: &'static str,
    user: &'static User,
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "emulator/consent.html")]
struct Consent {
    style: &'static str,
    app: &'static str,
    user: &'static User,
    scopes: Vec<(String, String)>,
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "emulator/admin_consent.html")]
struct AdminConsent<'a> {
    style: &'static str,
    app: &'static str,
    user: &'static User,
    scopes: Vec<(String, String)>,
    details: [(&'static str, &'a str); 3],
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "emulator/second_proof.html")]
struct SecondProof {
    style: &'static str,
    user: &'static User,
    code: &'static str,
    wrong: bool,
    fields: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "emulator/notice.html")]
struct Notice<'a> {
    style: &'static str,
    title: &'a str,
    text: &'a str,
    details: Vec<(&'static str, &'a str)>,
}

/// `/`: what this is.
pub(super) fn front(request: &Request) -> Reply {
    let page = Front {
        style: STYLE,
        base: &request.base,
        tenant: directory::CONTOSO.id,
        client: directory::CLIENT_ID,
        service: &directory::SERVICE_APPS[0],
        users: directory::ordinary(),
        personas: directory::personas(),
    };
    page_of("page", StatusCode::OK, &page, false)
}

/// Choose who signs in. `stranger` is a hint that named nobody.
pub(super) fn sign_in(
    stranger: Option<&str>,
    tenant: Tenant,
    fields: Vec<(String, String)>,
) -> Reply {
    let page = SignIn {
        style: STYLE,
        tenant: tenant.segment(),
        stranger,
        users: offered(directory::ordinary(), tenant),
        personas: offered(directory::personas(), tenant),
        fields,
    };
    page_of("authorize", StatusCode::OK, &page, false)
}

fn offered(users: &'static [User], tenant: Tenant) -> Vec<&'static User> {
    let known = |user: &&User| user.seen_from(tenant).is_some();
    users.iter().filter(known).collect()
}

/// The answer as a form that posts itself to the client.
pub(super) fn form_post(action: &str, fields: &[(&'static str, String)]) -> Reply {
    let page = FormPost {
        style: STYLE,
        script: SUBMIT,
        action,
        fields,
    };
    page_of("authorize", StatusCode::OK, &page, true)
}

/// Enter the code that a device shows. `problem` says what was wrong with the last one.
pub(super) fn enter_code(problem: Option<&'static str>) -> Reply {
    let page = EnterCode {
        style: STYLE,
        problem,
    };
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    page_of("device_page", status, &page, false)
}

/// Whether the person knows the app that the code is for (RFC 8628, section 5.4).
pub(super) fn confirm_app(user: &'static User, fields: Vec<(String, String)>) -> Reply {
    let page = ConfirmApp {
        style: STYLE,
        app: directory::APP_NAME,
        user,
        fields,
    };
    page_of("device_page", StatusCode::OK, &page, false)
}

/// Whether the person lets the app have what it asks for.
pub(super) fn consent(
    user: &'static User,
    scopes: &Scopes,
    fields: Vec<(String, String)>,
) -> Reply {
    let page = Consent {
        style: STYLE,
        app: directory::APP_NAME,
        user,
        scopes: words(scopes),
        fields,
    };
    page_of("authorize", StatusCode::OK, &page, false)
}

/// Only an admin may say that, and none is here.
pub(super) fn admin_consent(
    request: &Request,
    user: &'static User,
    scopes: &Scopes,
    fields: Vec<(String, String)>,
) -> Reply {
    let page = AdminConsent {
        style: STYLE,
        app: directory::APP_NAME,
        user,
        scopes: words(scopes),
        details: [
            ("Error", "AADSTS90094"),
            ("Request Id", &request.request_id),
            ("Correlation Id", &request.correlation_id),
        ],
        fields,
    };
    page_of("authorize", StatusCode::OK, &page, false)
}

/// Each scope as its resource, with the slash behind it, and its own name: a line breaks there.
fn words(scopes: &Scopes) -> Vec<(String, String)> {
    let parted = |scope: &str| {
        let (resource, name) = scope.split_at(scope.rfind('/').map_or(0, |slash| slash + 1));
        (resource.to_owned(), name.to_owned())
    };
    scopes.to_text().split(' ').map(parted).collect()
}

/// Enter a code that proves more than the account's name. `wrong` says that the last one did not.
pub(super) fn second_proof(
    user: &'static User,
    wrong: bool,
    fields: Vec<(String, String)>,
) -> Reply {
    let page = SecondProof {
        style: STYLE,
        user,
        code: entra::RIGHT_CODE,
        wrong,
        fields,
    };
    let status = match wrong {
        false => StatusCode::OK,
        true => StatusCode::BAD_REQUEST,
    };
    page_of("authorize", status, &page, false)
}

/// The last page at the other device.
pub(super) fn device_end(title: &str, text: &str) -> Reply {
    let page = Notice {
        style: STYLE,
        title,
        text,
        details: Vec::new(),
    };
    page_of("device_page", StatusCode::OK, &page, false)
}

/// A refusal that may not be sent to any redirect URI.
pub(super) fn refused(request: &Request, title: &str, text: &str, timestamp: &str) -> Reply {
    let page = Notice {
        style: STYLE,
        title,
        text,
        details: vec![
            ("Request Id", &request.request_id),
            ("Correlation Id", &request.correlation_id),
            ("Timestamp", timestamp),
        ],
    };
    page_of("authorize", StatusCode::BAD_REQUEST, &page, false)
}

/// Where `error_uri` leads: real Entra explains the number there.
pub(super) fn explained(number: u32) -> Reply {
    let page = Notice {
        style: STYLE,
        title: &format!("AADSTS{number}"),
        text: "The emulator uses Entra\u{2019}s own numbers, and Microsoft explains them.",
        details: vec![(
            "Where",
            "learn.microsoft.com/entra/identity-platform/reference-error-codes",
        )],
    };
    page_of("page", StatusCode::OK, &page, false)
}

/// After a sign-out that leads nowhere.
pub(super) fn signed_out() -> Reply {
    let page = Notice {
        style: STYLE,
        title: "You signed out.",
        text: "The emulator keeps no session, so there was nothing to end.",
        details: Vec::new(),
    };
    page_of("logout", StatusCode::OK, &page, false)
}

fn page_of(operation: &str, status: StatusCode, page: &impl Template, script: bool) -> Reply {
    // Rendering writes into a string and cannot fail; an empty page would show in every test.
    let mut response = Response::new(Body::from(page.render().unwrap_or_default()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    let script = match script {
        true => format!("script-src {}; ", hash(SUBMIT)),
        false => String::new(),
    };
    // form-action must allow the client's listener: browsers apply it to every redirect after
    // a form as well, and 'self' alone would silently stop the sign-in.
    let policy = format!(
        "default-src 'none'; style-src {}; {script}img-src data:; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self' http://localhost:* http://127.0.0.1:*",
        hash(STYLE)
    );
    Reply::new(operation, response)
        .with("content-security-policy", &policy)
        .with("x-frame-options", "DENY")
        .with("cache-control", "no-store, no-cache")
        .with("pragma", "no-cache")
        .with("referrer-policy", "no-referrer")
}

fn hash(inline: &str) -> String {
    let digest = digest::digest(&digest::SHA256, inline.as_bytes());
    format!("'sha256-{}'", STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Enter in a text field clicks the form's first submit button (HTML, "implicit submission").
    #[test]
    fn enter_in_a_form_goes_on_and_does_not_cancel() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/emulator");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("the pages' folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "html") {
                continue;
            }
            let page = std::fs::read_to_string(&path).expect("a page");
            let Some((_, form)) = page.split_once("<form") else {
                continue;
            };
            seen += 1;
            let (_, button) = form.split_once("<button").expect("a form has a button");
            let (button, _) = button.split_once('>').expect("a whole tag");
            let goes_on = button.contains("\"main\"") || button.contains("\"emulator_user\"");
            assert!(goes_on, "{}: <button{button}>", path.display());
        }
        assert_eq!(seen, 7, "every form page was looked at");
    }
}
