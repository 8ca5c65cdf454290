//! `serve --open`: opens the dashboard, of this process or of the service that runs already, in a
//! browser that gets no secret on its command line.

use axum::http::Method;
use serde::Deserialize;
use url::Url;

use crate::entra::browser::{Link, Opened};
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback;
use crate::serve::{Client, DashboardLink, Running};

use super::browser;
use super::context::Environment;
use super::output::Output;

const TICKETS: &str = "/dashboard/tickets";

/// Whether a browser is started: elsewhere than at a terminal, and if a program reads the result,
/// the link is only printed.
pub(super) fn opens(env: &Environment, output: &Output) -> bool {
    env.stderr_is_terminal && !output.is_json
}

/// Opens the link, or prints it. The result keeps the redirect file, if there is one.
pub(super) fn show(opening: &DashboardLink, env: &Environment, output: &Output) -> Result<Opened> {
    let browser = browser::for_dashboard(env, opens(env, output))?;
    output
        .messages()
        .print("the link to the dashboard works once, and for a minute");
    browser.open(&opening.link)
}

/// Asks the running service for a ticket.
pub(super) async fn opening_of(
    running: &Running,
    folder: &Folder,
    has_start: bool,
) -> Result<DashboardLink> {
    #[derive(Deserialize)]
    struct Answer {
        url: String,
        start: Option<String>,
        number: u64,
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
    let target = match has_start {
        true => format!("{TICKETS}?start"),
        false => TICKETS.to_owned(),
    };
    let reply = Client::of(running, folder)?
        .send(Method::POST, &target)
        .await?;
    if !(200..300).contains(&reply.status) {
        return Err(odd());
    }
    let answer: Answer = serde_json::from_slice(&reply.body).map_err(|_| odd())?;
    // Both are opened: they must lead to this machine.
    let leads_here = |url: &str| {
        Url::parse(url).is_ok_and(|url| {
            let is_plain = url.scheme() == "http" && url.username().is_empty();
            is_plain && url.host_str().is_some_and(loopback::is_loopback_host)
        })
    };
    let start = answer.start.as_deref();
    if !leads_here(&answer.url) || !start.is_none_or(leads_here) {
        return Err(odd());
    }
    let link = Link::new(answer.url);
    Ok(DashboardLink {
        link: match answer.start {
            Some(start) => link.with_start(start),
            None => link,
        },
        number: answer.number,
    })
}

/// Waits until the ticket is used, or its minute is over, or the service has ended.
pub(super) async fn opened(
    running: &Running,
    folder: &Folder,
    opening: &DashboardLink,
) -> Result<()> {
    #[derive(Deserialize)]
    struct Answer {
        waits: bool,
    }
    let client = Client::of(running, folder)?;
    let target = format!("{TICKETS}?number={}", opening.number);
    // The service answers once a second at most, and the ticket's life bounds the loop.
    while let Ok(reply) = client.send(Method::GET, &target).await
        && let Ok(Answer { waits: true }) = serde_json::from_slice(&reply.body)
    {}
    Ok(())
}
