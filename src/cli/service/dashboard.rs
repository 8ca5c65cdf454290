//! `serve --open`: opens the dashboard of this process or of the running service. The browser gets no
//! secret on its command line.

use std::sync::Arc;

use axum::http::Method;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::sign_in::browser::{self, Page, PageOpener};
use crate::config::Opener;
use crate::entra::browser::{Link, Opened};
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback;
use crate::serve::{Client, DashboardLink, Running};

const TICKETS: &str = "/dashboard/tickets";

/// Whether a browser is started: at a terminal, and without one (a desktop launcher, a build tool) if
/// this environment has a browser. If a program reads the result, the link is only printed.
pub(crate) fn opens(env: &Environment, output: &Output) -> bool {
    let has_browser = !matches!(Opener::of(&env.variables), Opener::Nothing(_));
    !output.is_json && (env.stderr_is_terminal || has_browser)
}

/// Opens the link, or prints it. The result keeps the redirect file, if there is one.
pub(crate) fn show(
    dashboard: &DashboardLink,
    env: &Arc<Environment>,
    output: &Output,
) -> Result<Opened> {
    let opening = match opens(env, output) {
        true => PageOpener::Browser,
        false => PageOpener::Printed,
    };
    let browser = browser::for_page(Page::Dashboard, env, opening, None);
    env.messages
        .print("The dashboard link works once and expires in 1 min.");
    browser.open(&dashboard.link)
}

/// Requests a ticket from the running service.
///
/// # Errors
/// [`Kind::Unreachable`] if the service returns none, or one for another machine.
pub(crate) async fn request_link(
    running: &Running,
    folder: &Folder,
    has_start: bool,
) -> Result<DashboardLink> {
    #[derive(Deserialize)]
    struct DashboardTicket {
        url: String,
        start: Option<String>,
        number: u64,
    }
    let target = format!("{TICKETS}{}", if has_start { "?start" } else { "" });
    let client = Client::of(running, folder)?;
    let response = client.send(Method::POST, &target).await?;
    let ticket = match response.status {
        200..300 => serde_json::from_slice::<DashboardTicket>(&response.body).ok(),
        _ => None,
    };
    let is_of_this_machine = |url: &String| {
        Url::parse(url).is_ok_and(|url| {
            let is_plain = url.scheme() == "http" && url.username().is_empty();
            is_plain && url.host_str().is_some_and(loopback::is_loopback_host)
        })
    };
    let ticket = ticket.filter(|DashboardTicket { url, start, .. }| {
        is_of_this_machine(url) && start.iter().all(is_of_this_machine)
    });
    let ticket = ticket.ok_or_else(|| {
        Error::new(
            Kind::Unreachable,
            format!(
                "the service at {} returned no link to its dashboard",
                running.url
            ),
            format!(
                "Run `{}` to stop it, then run `acspass serve --open` again.",
                running.stop_command()
            ),
        )
    })?;
    let link = Link::new(ticket.url);
    Ok(DashboardLink {
        link: match ticket.start {
            Some(start) => link.with_start(start),
            None => link,
        },
        number: ticket.number,
    })
}

/// Waits until the ticket is used, its minute is over, or the service has ended.
pub(crate) async fn wait_for_use(
    running: &Running,
    folder: &Folder,
    opening: &DashboardLink,
) -> Result<()> {
    let client = Client::of(running, folder)?;
    let target = format!("{TICKETS}?number={}", opening.number);
    // The service delays each response by up to a second, and the ticket's life bounds the loop.
    while let Ok(response) = client.send(Method::GET, &target).await
        && let Ok(ticket) = serde_json::from_slice::<Value>(&response.body)
        && ticket["waits"] == true
    {}
    Ok(())
}
