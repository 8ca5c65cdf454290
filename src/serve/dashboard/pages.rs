//! The page, what belongs to it, and what stands there where it is closed.
//!
//! All of it is part of the program. Nothing that is known at run time is written into any of it,
//! so that there is nothing to escape.

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::serve::answer;

/// Path, media type and text of everything that a browser loads.
const ASSETS: [(&str, &str, &str); 7] = [
    asset(
        "/",
        HTML,
        include_str!("../../../assets/dashboard/index.html"),
    ),
    asset(
        "/dashboard/style.css",
        CSS,
        include_str!("../../../assets/dashboard/style.css"),
    ),
    asset(
        "/dashboard/main.js",
        SCRIPT,
        include_str!("../../../assets/dashboard/main.js"),
    ),
    asset(
        "/dashboard/page.js",
        SCRIPT,
        include_str!("../../../assets/dashboard/page.js"),
    ),
    asset(
        "/dashboard/service.js",
        SCRIPT,
        include_str!("../../../assets/dashboard/service.js"),
    ),
    asset(
        "/dashboard/accounts.js",
        SCRIPT,
        include_str!("../../../assets/dashboard/accounts.js"),
    ),
    asset(
        "/dashboard/identities.js",
        SCRIPT,
        include_str!("../../../assets/dashboard/identities.js"),
    ),
];
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const fn asset(
    path: &'static str,
    media_type: &'static str,
    text: &'static str,
) -> (&'static str, &'static str, &'static str) {
    (path, media_type, text)
}

/// Why there is no dashboard to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Closed {
    /// This browser has no session with this run of the service.
    NotOpened,
    /// The link was used, or is too old.
    SpentTicket,
}

#[derive(Template)]
#[template(path = "dashboard/closed.html")]
struct Shown<'a> {
    css: &'a str,
    heading: &'a str,
    message: &'a str,
}

/// The paths of the page and its parts.
pub(in crate::serve) fn paths() -> impl Iterator<Item = &'static str> {
    ASSETS.iter().map(|(path, _, _)| *path)
}

/// Whether this is a part of the page: a style or a script.
pub(super) fn is_asset(path: &str) -> bool {
    paths().any(|known| known == path)
}

/// The page, or a part of it.
pub(in crate::serve) fn asset_at(path: &str) -> Option<Response> {
    let (_, media_type, text) = ASSETS.iter().find(|(known, _, _)| *known == path)?;
    let mut response = answer::text(StatusCode::OK, media_type, *text);
    page_headers(
        response.headers_mut(),
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    );
    Some(response)
}

/// The page where there is none.
pub(in crate::serve) fn closed(why: Closed) -> Response {
    let css = include_str!("../../../assets/redirect.css").replace('\r', "");
    let (heading, message) = match why {
        Closed::NotOpened => (
            "This page is not open here",
            "The dashboard opens in the browser that is given its link.",
        ),
        Closed::SpentTicket => (
            "This link does not work any more",
            "Each link opens the dashboard once, within a minute.",
        ),
    };
    let shown = Shown {
        css: &css,
        heading,
        message,
    };
    // A template without filters that can fail renders.
    let html = shown.render().unwrap_or_default();
    let mut response = answer::text(StatusCode::UNAUTHORIZED, HTML, html);
    let digest = STANDARD.encode(Sha256::digest(&css));
    page_headers(
        response.headers_mut(),
        &format!(
            "default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'none'; \
             frame-ancestors 'none'; base-uri 'none'"
        ),
    );
    response
}

/// Leads the browser away from the address that held the ticket.
pub(super) fn opened(cookie: &str) -> Option<Response> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    page_headers(headers, "default-src 'none'; frame-ancestors 'none'");
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    let mut cookie = HeaderValue::from_str(cookie).ok()?;
    cookie.set_sensitive(true);
    headers.insert(header::SET_COOKIE, cookie);
    Some(response)
}

/// What a page carries beside what every answer carries.
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
