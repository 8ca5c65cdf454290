//! The page, what belongs to it, and what stands there where it is closed.
//!
//! All of it is part of the program, and the page names its parts by relative paths and by their
//! digests: a part that something else put into the browser's cache is not run. Nothing that is
//! known at run time is written into any of it, so that there is nothing to escape.

use std::sync::LazyLock;

use askama::Template;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384};

use crate::serve::response;

use super::sessions::Opened;

/// The page's own path, below its session's.
const PAGE: &str = "/";
const STYLE: &str = include_str!("../../../assets/dashboard/style.css");
const MAIN: &str = include_str!("../../../assets/dashboard/main.js");
const PARTS: &str = include_str!("../../../assets/dashboard/page.js");
const SERVICE: &str = include_str!("../../../assets/dashboard/service.js");
const ACCOUNTS: &str = include_str!("../../../assets/dashboard/accounts.js");
const IDENTITIES: &str = include_str!("../../../assets/dashboard/identities.js");
/// Path below the session's, media type and text of everything that the page loads.
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

/// The page, with the digests of its parts as `integrity` wants them.
#[derive(Template)]
#[template(path = "dashboard/index.html")]
struct Index<'a> {
    style: &'a str,
    main: &'a str,
    /// The import map, which has the digests of the modules that `main` imports.
    imports: &'a str,
}

/// The page's text, and its policy.
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

/// Why there is no dashboard to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Closed {
    /// This browser has no session with this run of the service.
    NotOpened,
    /// The link was used, or is too old.
    SpentTicket,
    /// The start page was opened, and the system does not report by which user.
    UnknownOwner,
}

/// How a browser came with a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenedFrom {
    /// The user or a program opened the address.
    Direct,
    /// The page in a redirect file led there.
    FromFile,
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

/// Whether this path below a session's is the page or a part of it.
pub(super) fn is_asset(path: &str) -> bool {
    path == PAGE || ASSETS.iter().any(|(known, _, _)| *known == path)
}

/// The page, or a part of it.
pub(super) fn asset_at(path: &str) -> Option<Response> {
    let mut response = match path {
        PAGE => response::text(StatusCode::OK, HTML, INDEX.0.as_str()),
        path => {
            let (_, media_type, text) = ASSETS.iter().find(|(known, _, _)| *known == path)?;
            response::text(StatusCode::OK, media_type, *text)
        }
    };
    page_headers(response.headers_mut(), &INDEX.1);
    Some(response)
}

/// The page where there is none.
pub(in crate::serve) fn closed(why: Closed) -> Response {
    let css = include_str!("../../../assets/redirect.css").replace('\r', "");
    let (heading, message) = match why {
        Closed::NotOpened => (
            "This page is not open here",
            "The dashboard is at an address of its own, which is another one in every run.",
        ),
        Closed::SpentTicket => (
            "This link does not work any more",
            "Each link opens the dashboard once, within a minute.",
        ),
        Closed::UnknownOwner => (
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
    let mut response = response::text(StatusCode::UNAUTHORIZED, HTML, html);
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

/// Leads the browser away from the address that held the ticket, and has it forget what an earlier
/// program at this port left there: service workers, caches and storage.
///
/// A browser that follows a redirect from a `file` page sends no `SameSite=Strict` cookie (RFC
/// 6265bis, section 5.2). So it gets a page of ours that leads on.
pub(super) fn opened(opened: &Opened, arrival: OpenedFrom) -> Option<Response> {
    let target = &opened.path;
    let mut response = match arrival {
        OpenedFrom::Direct => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::SEE_OTHER;
            response
        }
        OpenedFrom::FromFile => {
            response::text(StatusCode::OK, HTML, ForwardPage { target }.render().ok()?)
        }
    };
    let headers = response.headers_mut();
    page_headers(headers, "default-src 'none'; frame-ancestors 'none'");
    clear_site_data(headers);
    if arrival == OpenedFrom::Direct {
        headers.insert(header::LOCATION, HeaderValue::from_str(target).ok()?);
    }
    let mut cookie = HeaderValue::from_str(&opened.cookie).ok()?;
    cookie.set_sensitive(true);
    headers.insert(header::SET_COOKIE, cookie);
    Some(response)
}

/// [Clear Site Data](https://www.w3.org/TR/clear-site-data/): it unregisters service workers too.
fn clear_site_data(headers: &mut HeaderMap) {
    headers.insert(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    );
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
