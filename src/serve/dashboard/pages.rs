//! The page, its assets, and the pages that replace it if it is closed.
//!
//! The program contains all of it. The page loads its assets by relative paths and with their
//! digests, so that the browser runs no other script from its cache. No page contains a value that is
//! known only at run time, except the path of a session.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha384};

/// The path of the page below its session.
pub(super) const PAGE: &str = "/";
const STYLE: &str = include_str!("../../../assets/dashboard/style.css");
const MAIN: &str = include_str!("../../../assets/dashboard/main.js");
const PARTS: &str = include_str!("../../../assets/dashboard/page.js");
const SERVICE: &str = include_str!("../../../assets/dashboard/service.js");
const ACCOUNTS: &str = include_str!("../../../assets/dashboard/accounts.js");
const IDENTITIES: &str = include_str!("../../../assets/dashboard/identities.js");
const ASSIGNMENTS: &str = include_str!("../../../assets/dashboard/assignments.js");
const ORIGINS: &str = include_str!("../../../assets/dashboard/origins.js");
const SNIPPETS: &str = include_str!("../../../assets/dashboard/snippets.js");
/// Path below the session, media type and text of each asset. The modules follow the main script.
const ASSETS: [(&str, &str, &str); 9] = [
    ("/style.css", CSS, STYLE),
    ("/main.js", SCRIPT, MAIN),
    ("/page.js", SCRIPT, PARTS),
    ("/service.js", SCRIPT, SERVICE),
    ("/accounts.js", SCRIPT, ACCOUNTS),
    ("/identities.js", SCRIPT, IDENTITIES),
    ("/assignments.js", SCRIPT, ASSIGNMENTS),
    ("/origins.js", SCRIPT, ORIGINS),
    ("/snippets.js", SCRIPT, SNIPPETS),
];
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The headers of every page.
const PAGE_HEADERS: [(HeaderName, &str); 4] = [
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];
/// [Clear Site Data](https://www.w3.org/TR/clear-site-data/), which unregisters service workers too.
const CLEAR_SITE_DATA: [(HeaderName, &str); 1] = [(
    HeaderName::from_static("clear-site-data"),
    "\"cache\", \"storage\"",
)];

/// The page, with the digests of its assets in the form of `integrity`.
#[derive(Template)]
#[template(path = "dashboard/index.html")]
struct Index<'a> {
    style: &'a str,
    main: &'a str,
    /// The import map, with the digests of the modules that `main` imports.
    imports: &'a str,
}

/// The page's text, and its content security policy.
static INDEX: LazyLock<(String, String)> = LazyLock::new(|| {
    let digests =
        ASSETS.map(|(_, _, text)| format!("sha384-{}", STANDARD.encode(Sha384::digest(text))));
    let [style, main, modules @ ..] = &digests;
    let paths = ASSETS[2..].iter().map(|(path, ..)| format!(".{path}"));
    let integrity: Map<String, Value> = paths
        .zip(modules.iter().map(|digest| json!(digest)))
        .collect();
    let imports = json!({"integrity": integrity}).to_string();
    let index = Index {
        style,
        main,
        imports: &imports,
    };
    // A template without filters that can fail renders.
    let text = index.render().unwrap_or_default();
    let allowed = STANDARD.encode(Sha256::digest(&imports));
    let policy = format!(
        "default-src 'none'; script-src 'self' 'sha256-{allowed}'; style-src 'self'; \
         connect-src 'self'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; \
         base-uri 'none'"
    );
    (text, policy)
});

/// The reason for a closed dashboard: a heading and a message.
pub(in crate::serve) type ClosedReason = (&'static str, &'static str);

/// This browser has no session with this run of the service.
pub(in crate::serve) const NOT_OPENED: ClosedReason = (
    "The dashboard is not open here",
    "Each run of the service has a new dashboard address, which works in one browser.",
);
/// The link was used or has expired.
pub(super) const SPENT_TICKET: ClosedReason = (
    "This link has expired",
    "Each link opens the dashboard once, within 1 min.",
);
/// A program opened the start page, and the system does not report its user.
pub(super) const UNKNOWN_OWNER: ClosedReason = (
    "Open the address from the terminal",
    "This system does not report the user of a connection. Open the address that the terminal shows. \
     It works once, within 1 min.",
);

#[derive(Template)]
#[template(path = "redirect_file.html")]
struct ForwardPage<'a> {
    target: &'a str,
}

#[derive(Template)]
#[template(path = "dashboard/closed.html")]
struct ClosedPage<'a> {
    css: &'a str,
    heading: &'a str,
    message: &'a str,
}

/// Returns the page or the asset at this path below a session.
pub(super) fn asset(path: &str) -> Option<Response> {
    let (text, policy) = &*INDEX;
    if path == PAGE {
        return Some(page(policy, Html(text.as_str())));
    }
    let (_, media_type, text) = ASSETS.into_iter().find(|(known, ..)| *known == path)?;
    Some(page(policy, ([(header::CONTENT_TYPE, media_type)], text)))
}

/// Returns the page that replaces a closed dashboard.
pub(in crate::serve) fn closed((heading, message): ClosedReason) -> Response {
    let css = include_str!("../../../assets/redirect.css").replace('\r', "");
    let shown = ClosedPage {
        css: &css,
        heading,
        message,
    };
    // A template without filters that can fail renders.
    let html = Html(shown.render().unwrap_or_default());
    let digest = STANDARD.encode(Sha256::digest(&css));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'none'; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    page(&policy, (StatusCode::UNAUTHORIZED, CLEAR_SITE_DATA, html))
}

/// Redirects the browser to the path of its session, away from the address with the ticket. The
/// browser then deletes the service workers, caches and storage of an earlier program at this port.
///
/// A browser that follows a redirect from a `file` page sends no `SameSite=Strict` cookie (RFC
/// 6265bis, section 5.2). So it gets a page that forwards.
pub(super) fn opened(target: &str, cookie: &str, is_from_file: bool) -> Option<Response> {
    let forward = match is_from_file {
        true => Html(ForwardPage { target }.render().ok()?).into_response(),
        false => Redirect::to(target).into_response(),
    };
    let mut cookie = HeaderValue::from_str(cookie).ok()?;
    cookie.set_sensitive(true);
    let headers = (CLEAR_SITE_DATA, [(header::SET_COOKIE, cookie)]);
    Some(page(
        "default-src 'none'; frame-ancestors 'none'",
        (headers, forward),
    ))
}

/// Adds the headers of every page, and its content security policy.
fn page(policy: &str, content: impl IntoResponse) -> Response {
    (
        PAGE_HEADERS,
        [(header::CONTENT_SECURITY_POLICY, policy)],
        content,
    )
        .into_response()
}
