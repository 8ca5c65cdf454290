//! The page, its assets, and the pages that replace it if it is closed.
//!
//! The program contains all of it. The page loads its assets by relative paths and with their
//! digests, so that the browser runs no other script from its cache. No page contains a value that is
//! known only at run time, except the path of a session.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384};

use super::sessions::Opened;

/// The path of the page below its session.
pub(super) const PAGE: &str = "/";
const STYLE: &str = include_str!("../../../assets/dashboard/style.css");
const MAIN: &str = include_str!("../../../assets/dashboard/main.js");
const PARTS: &str = include_str!("../../../assets/dashboard/page.js");
const SERVICE: &str = include_str!("../../../assets/dashboard/service.js");
const ACCOUNTS: &str = include_str!("../../../assets/dashboard/accounts.js");
const IDENTITIES: &str = include_str!("../../../assets/dashboard/identities.js");
/// Path below the session, media type and text of each asset.
const ASSETS: [(&str, &str, &str); 6] = [
    ("/style.css", CSS, STYLE),
    ("/main.js", SCRIPT, MAIN),
    ("/page.js", SCRIPT, PARTS),
    ("/service.js", SCRIPT, SERVICE),
    ("/accounts.js", SCRIPT, ACCOUNTS),
    ("/identities.js", SCRIPT, IDENTITIES),
];
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

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
    let digest = |text: &str| format!("sha384-{}", STANDARD.encode(Sha384::digest(text)));
    let modules = ASSETS
        .iter()
        .filter(|(path, media_type, _)| *media_type == SCRIPT && *path != "/main.js")
        .map(|(path, _, text)| (format!(".{path}"), digest(text).into()))
        .collect::<serde_json::Map<String, Value>>();
    let imports = json!({"integrity": modules}).to_string();
    let index = Index {
        style: &digest(STYLE),
        main: &digest(MAIN),
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

/// The reason for a closed dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum ClosedReason {
    /// This browser has no session with this run of the service.
    NotOpened,
    /// The link was used or has expired.
    SpentTicket,
    /// A program opened the start page, and the system does not report its user.
    UnknownOwner,
}

/// The origin of a request with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenedFrom {
    /// The user or a program.
    Direct,
    /// The page in a redirect file.
    File,
}

#[derive(Template)]
#[template(path = "redirect_file.html")]
struct ForwardPage<'a> {
    target: &'a str,
}

#[derive(Template)]
#[template(path = "dashboard/closed.html")]
struct MessagePage<'a> {
    css: &'a str,
    heading: &'a str,
    message: &'a str,
}

/// Whether this path below a session is the page or an asset.
pub(super) fn is_asset(path: &str) -> bool {
    path == PAGE || ASSETS.iter().any(|(known, _, _)| *known == path)
}

/// Returns the page or an asset.
pub(super) fn asset(path: &str) -> Option<Response> {
    let (media_type, text) = match path {
        PAGE => (HTML, INDEX.0.as_str()),
        path => {
            let (_, media_type, text) = ASSETS.iter().find(|(known, _, _)| *known == path)?;
            (*media_type, *text)
        }
    };
    let mut response = ([(header::CONTENT_TYPE, media_type)], text).into_response();
    page_headers(response.headers_mut(), &INDEX.1);
    Some(response)
}

/// Returns the page that replaces a closed dashboard.
pub(in crate::serve) fn closed(reason: ClosedReason) -> Response {
    let css = include_str!("../../../assets/redirect.css").replace('\r', "");
    let (heading, message) = match reason {
        ClosedReason::NotOpened => (
            "This page is not open here",
            "The dashboard is at an address of its own, which is another one in every run.",
        ),
        ClosedReason::SpentTicket => (
            "This link does not work any more",
            "Each link opens the dashboard once, within a minute.",
        ),
        ClosedReason::UnknownOwner => (
            "This page opens in another way",
            "The system does not report which user opened it. Open the address that the terminal \
             shows: it works once, within a minute.",
        ),
    };
    let shown = MessagePage {
        css: &css,
        heading,
        message,
    };
    // A template without filters that can fail renders.
    let html = shown.render().unwrap_or_default();
    let headers = [(header::CONTENT_TYPE, HTML)];
    let mut response = (StatusCode::UNAUTHORIZED, headers, html).into_response();
    let digest = STANDARD.encode(Sha256::digest(&css));
    page_headers(
        response.headers_mut(),
        &format!(
            "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'none'; \
             frame-ancestors 'none'; base-uri 'none'"
        ),
    );
    clear_site_data(response.headers_mut());
    response
}

/// Redirects the browser to its session, away from the address with the ticket. The browser then
/// deletes the service workers, caches and storage of an earlier program at this port.
///
/// A browser that follows a redirect from a `file` page sends no `SameSite=Strict` cookie (RFC
/// 6265bis, section 5.2). So it gets a page that forwards.
pub(super) fn opened(opened: &Opened, from: OpenedFrom) -> Option<Response> {
    let target = &opened.path;
    let mut response = match from {
        OpenedFrom::Direct => {
            let location = HeaderValue::from_str(target).ok()?;
            (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
        }
        OpenedFrom::File => {
            let page = ForwardPage { target }.render().ok()?;
            ([(header::CONTENT_TYPE, HTML)], page).into_response()
        }
    };
    let headers = response.headers_mut();
    page_headers(headers, "default-src 'none'; frame-ancestors 'none'");
    clear_site_data(headers);
    let mut cookie = HeaderValue::from_str(&opened.cookie).ok()?;
    cookie.set_sensitive(true);
    headers.insert(header::SET_COOKIE, cookie);
    Some(response)
}

/// Sets [Clear Site Data](https://www.w3.org/TR/clear-site-data/), which unregisters service workers
/// too.
fn clear_site_data(headers: &mut HeaderMap) {
    headers.insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
}

/// Sets the headers of every page.
fn page_headers(headers: &mut HeaderMap, policy: &str) {
    const PAGES: [(HeaderName, &str); 4] = [
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
    for (name, value) in PAGES {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}
