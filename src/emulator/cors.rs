//! Cross-origin requests of browsers (Fetch, section "CORS protocol").
//!
//! Every page may read Entra's metadata and keys, and use the resource. Entra's token endpoint is for
//! the pages of the application's "Single-page application" platform. All other paths, among them the
//! control API, are for no page.

use crate::emulator::aadsts::CROSS_ORIGIN;
use crate::emulator::acs::operations;
use crate::emulator::http::{Reply, Request, is_acs_path};
use crate::emulator::real_hosts::names::Site;

/// The headers of the resource's responses that a page may read.
const EXPOSED: &str = "api-supported-versions, date, ms-cv, request-context, retry-after, \
                       www-authenticate, x-azure-ref, x-ms-client-request-id";
/// The seconds for which a browser may remember the response to a preflight.
const MAX_AGE: &str = "600";

/// The pages that may use a path.
enum Pages {
    All,
    /// Those of a browser app.
    OfApplication,
    None,
}

/// Returns the origin of a cross-origin request.
pub(crate) fn origin(request: &Request) -> Option<&str> {
    let origin = request.header("origin")?;
    (origin != request.base).then_some(origin)
}

/// Responds to a preflight; `None` if the request is not one, or its path is for no page.
pub(crate) fn preflight(request: &Request) -> Option<Reply> {
    if request.head.method != "OPTIONS" {
        return None;
    }
    let origin = request.header("origin")?;
    request.header("access-control-request-method")?;
    let (allowed, methods) = match pages(request) {
        Pages::None => return None,
        Pages::All if is_acs_path(&request.path) => {
            let methods = operations::methods(&request.path);
            ("*", Some(methods).filter(|methods| !methods.is_empty())?)
        }
        Pages::All => ("*", vec!["GET"]),
        // The application is named in the body, which a preflight does not have.
        Pages::OfApplication => {
            let mut applications = request.world.applications.iter();
            let is_known = applications.any(|app| app.has_spa_origin(origin));
            (if is_known { origin } else { "" }, vec!["POST"])
        }
    };
    let reply = Reply::new(204, ())
        .named("preflight")
        .with("vary", "origin");
    if allowed.is_empty() {
        return Some(reply.because("no browser app of this origin is registered"));
    }
    let headers = request.header("access-control-request-headers");
    let reply = reply
        .with("access-control-allow-origin", allowed)
        .with("access-control-allow-methods", &methods.join(", "))
        .with_some("access-control-allow-headers", headers)
        .with("access-control-max-age", MAX_AGE);
    Some(reply)
}

/// Lets the page of a cross-origin request read the reply, if it may.
pub(crate) fn readable(request: &Request, reply: Reply) -> Reply {
    let Some(origin) = origin(request) else {
        return reply;
    };
    match pages(request) {
        Pages::None => reply,
        Pages::All => {
            let is_acs = is_acs_path(&request.path);
            reply
                .with("access-control-allow-origin", "*")
                .with_some("access-control-expose-headers", is_acs.then_some(EXPOSED))
        }
        Pages::OfApplication => {
            let reply = reply.with("vary", "origin");
            let cross_origin = format!("AADSTS{}", CROSS_ORIGIN.number);
            let reason = reply.reason.as_deref().unwrap_or_default();
            match is_of_application(request, origin) && !reason.starts_with(&cross_origin) {
                true => reply.with("access-control-allow-origin", origin),
                false => reply,
            }
        }
    }
}

/// Returns whether the application of a token request has a browser app at this origin.
fn is_of_application(request: &Request, origin: &str) -> bool {
    let mut form = url::form_urlencoded::parse(request.form());
    let client = form.find(|(name, _)| name == "client_id");
    let mut applications = request.world.applications.iter();
    client.is_some_and(|(_, client)| {
        applications
            .any(|app| app.client_id.eq_ignore_ascii_case(&client) && app.has_spa_origin(origin))
    })
}

fn pages(request: &Request) -> Pages {
    let is_acs = is_acs_path(&request.path);
    match request.site() {
        // The hosts of a service have no path of another one. No page uses Graph.
        Some(Site::Graph) => return Pages::None,
        Some(Site::Entra(_)) if is_acs => return Pages::None,
        Some(Site::Resource(_)) if !is_acs => return Pages::None,
        _ if is_acs => return Pages::All,
        _ => {}
    }
    let path = request.path.trim_start_matches('/').split_once('/');
    match path {
        // Entra listens at the main port only.
        _ if request.at.resource > 0 => Pages::None,
        Some((
            _,
            "v2.0/.well-known/openid-configuration"
            | ".well-known/openid-configuration"
            | "discovery/v2.0/keys"
            | "discovery/keys",
        ))
        | Some(("common", "discovery/instance")) => Pages::All,
        Some((_, "oauth2/v2.0/token" | "oauth2/token")) => Pages::OfApplication,
        _ => Pages::None,
    }
}
