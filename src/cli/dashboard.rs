//! `serve --open`: the dashboard's one-time link, from this process or from the service that runs
//! already, and the browser that it opens in.

use std::time::Duration;

use axum::http::{HeaderValue, Method, header};
use serde::Deserialize;
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::http::{Http, Request};
use crate::loopback;
use crate::secret::ServiceSecret;
use crate::serve::Running;

use super::browser;
use super::output::Output;
use super::parts::World;

/// The service is on this machine: it answers at once, or not at all.
const ANSWER: Duration = Duration::from_secs(10);

/// Opens the link, which works once and for a minute; elsewhere than on a terminal, and where
/// programs read what is printed, it is only printed, beside the result.
pub(super) fn show(link: &str, world: &World, output: &Output) -> Result<()> {
    let opens = world.stderr_is_terminal && !output.is_json;
    let browser = browser::for_dashboard(world, opens)?;
    output
        .talk()
        .say("the link to the dashboard works once, and for a minute");
    browser.open(link).map(|_| ())
}

/// Asks the service that runs for a link. `secret` is its own.
pub(super) async fn link_of(
    running: &Running,
    secret: &ServiceSecret,
    http: &Http,
) -> Result<String> {
    #[derive(Deserialize)]
    struct Answer {
        url: String,
    }
    let odd = |what: &str| {
        Error::new(
            Kind::Unreachable,
            format!("the service at {} {what}", running.url),
            "stop it, then run `acspass serve --open` again",
        )
    };
    let url = Url::parse(&format!("{}/dashboard/tickets", running.url))
        .map_err(|_| odd("is at no address"))?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", secret.expose()))
        .map_err(|_| odd("has a secret that is none"))?;
    bearer.set_sensitive(true);
    let mut request = Request::get(url).with_header(header::AUTHORIZATION, bearer);
    request.method = Method::POST;
    let answer = tokio::time::timeout(ANSWER, http.send_once(request))
        .await
        .map_err(|_| odd("does not answer"))??;
    if !answer.status.is_success() {
        return Err(odd("gave no link to its dashboard"));
    }
    let answer: Answer =
        serde_json::from_slice(&answer.body).map_err(|_| odd("gave no link to its dashboard"))?;
    // The link is opened: it must lead to this machine.
    let host = Url::parse(&answer.url).ok().and_then(|url| {
        let is_plain = url.scheme() == "http" && url.username().is_empty();
        url.host_str().filter(|_| is_plain).map(str::to_owned)
    });
    match host.is_some_and(|host| loopback::is_loopback_host(&host)) {
        true => Ok(answer.url),
        false => Err(odd("gave no link to its dashboard")),
    }
}
