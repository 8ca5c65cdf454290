//! `serve --open`: the dashboard's one-time link, from this process or from the service that runs
//! already, and the browser that it opens in.

use axum::http::Method;
use serde::Deserialize;
use url::Url;

use crate::entra::browser::Link;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback;
use crate::serve::{Client, Running};

use super::browser;
use super::output::Output;
use super::parts::World;

/// Opens the link, which works once and for a minute; elsewhere than on a terminal, and where
/// programs read what is printed, it is only printed, beside the result.
pub(super) fn show(link: &str, world: &World, output: &Output) -> Result<()> {
    let opens = world.stderr_is_terminal && !output.is_json;
    let browser = browser::for_dashboard(world, opens)?;
    output
        .talk()
        .say("the link to the dashboard works once, and for a minute");
    browser.open(&Link::new(link).with_start(link)).map(|_| ())
}

/// Asks the service that runs for a link.
pub(super) async fn link_of(running: &Running, folder: &Folder) -> Result<String> {
    #[derive(Deserialize)]
    struct Answer {
        url: String,
    }
    let odd = || {
        Error::new(
            Kind::Unreachable,
            format!(
                "the service at {} gave no link to its dashboard",
                running.url
            ),
            "stop it, then run `acspass serve --open` again",
        )
    };
    let reply = Client::of(running, folder)?
        .send(Method::POST, "/dashboard/tickets")
        .await?;
    if !(200..300).contains(&reply.status) {
        return Err(odd());
    }
    let answer: Answer = serde_json::from_slice(&reply.body).map_err(|_| odd())?;
    // The link is opened: it must lead to this machine.
    let host = Url::parse(&answer.url).ok().and_then(|url| {
        let is_plain = url.scheme() == "http" && url.username().is_empty();
        url.host_str().filter(|_| is_plain).map(str::to_owned)
    });
    match host.is_some_and(|host| loopback::is_loopback_host(&host)) {
        true => Ok(answer.url),
        false => Err(odd()),
    }
}
