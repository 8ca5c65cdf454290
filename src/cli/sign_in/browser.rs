//! Opens the sign-in page or the dashboard in a browser, or prints the address.

use std::sync::Arc;
use std::thread::JoinHandle;

use url::Url;

use crate::cli::env_vars::CI;
use crate::cli::environment::Environment;
use crate::config::{HostKind, Opener};
use crate::emulator::{self, UserAgent};
use crate::entra::browser::{Browser, BrowserCommand, Link, Opened, SystemBrowser};
use crate::entra::redirect::Progress;
use crate::entra::refused_on_page;
use crate::error::{Error, Kind, Result};

/// How a page is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageOpener {
    /// In the browser of this machine; with the embedded emulator by its user agent, if no browser
    /// can be opened.
    Browser,
    /// By the user: the address is printed.
    Printed,
    /// By the emulator's user agent.
    UserAgent,
}

/// The page to open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    SignIn,
    Dashboard,
}

/// Returns the browser for a page, or a printer of its address. `emulated_user` is the user to sign in
/// if the authority is the embedded emulator.
pub(crate) fn for_page(
    page: Page,
    env: &Arc<Environment>,
    opening: PageOpener,
    emulated_user: Option<&str>,
) -> Arc<dyn Browser> {
    let agent = |user: &str| {
        Arc::new(AgentBrowser {
            user: user.to_owned(),
            env: env.clone(),
        })
    };
    let announced = |is_printed| {
        Arc::new(AnnouncedBrowser {
            page,
            env: env.clone(),
            is_printed,
        })
    };
    let is_command = matches!(Opener::of(&env.variables), Opener::Command(_));
    match (
        opening,
        &env.browser,
        agent_user(env, opening, emulated_user),
    ) {
        (PageOpener::Printed, _, _) => announced(true),
        (PageOpener::UserAgent, _, Some(user)) => agent(user),
        (_, Some(browser), _) => browser.clone(),
        (_, None, Some(user)) if !is_command => {
            env.messages
                .print("No browser is available here: the emulator's user signs in without one.");
            agent(user)
        }
        (_, None, _) => announced(false),
    }
}

/// Returns the emulator's user if the built-in user agent signs in: it needs no display.
pub(super) fn agent_user<'u>(
    env: &Environment,
    opening: PageOpener,
    emulated_user: Option<&'u str>,
) -> Option<&'u str> {
    let host = HostKind::of(&env.variables);
    let opens_pages = matches!(host, HostKind::Desktop | HostKind::Wsl);
    let is_usual = opens_pages && env.variable(CI).is_none() && opening != PageOpener::UserAgent;
    emulated_user.filter(|_| !is_usual)
}

/// Returns the browser of this machine, if there is one. A malformed command in BROWSER is an error
/// only when a page is opened.
fn of_machine(env: &Environment) -> Option<Result<Box<dyn Browser>>> {
    // Files that lead a browser to an address with secrets.
    let files = env
        .state_folder()
        .ok()
        .map(|state| state.subfolder("browser"));
    let command = |command: &str, files| -> Result<Box<dyn Browser>> {
        let command = BrowserCommand::parse(command)?;
        Ok(Box::new(command.with_redirect_files(files)))
    };
    match Opener::of(&env.variables) {
        Opener::Command(configured) => Some(command(&configured, files)),
        Opener::Wslview => Some(command("wslview", files)),
        Opener::System => Some(Ok(Box::new(
            SystemBrowser::new().with_redirect_files(files),
        ))),
        Opener::Nothing(_) => None,
    }
}

/// A browser with messages before and after. Prints the address if no page can be opened.
struct AnnouncedBrowser {
    page: Page,
    env: Arc<Environment>,
    /// No browser is tried.
    is_printed: bool,
}

impl Browser for AnnouncedBrowser {
    fn open(&self, link: &Link) -> Result<Opened> {
        let messages = &self.env.messages;
        let browser = match self.is_printed {
            true => None,
            false => of_machine(&self.env),
        };
        let opening = match self.page {
            Page::SignIn => "Opening your browser.",
            Page::Dashboard => "Opening the dashboard in your browser.",
        };
        // A log of standard error would keep the address, which can contain state and nonce.
        let is_shown = browser.is_some() && self.env.stderr_is_terminal;
        if is_shown {
            let address = self.address(link);
            messages.print(&format!("{opening} If nothing opens, visit: {address}"));
        } else if browser.is_some() {
            messages.print(opening);
        }
        match browser.map(|browser| browser?.open(link)) {
            Some(Ok(opened)) => {
                tracing::debug!("The page opens in {}.", opened.name());
                return Ok(opened);
            }
            Some(Err(error)) => messages.warn(error.message()),
            None => {}
        }
        self.print_address(link, is_shown && !messages.is_quiet);
        Ok(Opened::by("you"))
    }
}

impl AnnouncedBrowser {
    /// Returns the address for the terminal. The dashboard's link works in any browser that reaches
    /// the port, also if the system cannot report the user of a connection.
    fn address<'l>(&self, link: &'l Link) -> &'l str {
        match self.page {
            Page::SignIn => link.printed(),
            Page::Dashboard => link.target(),
        }
    }

    /// Prints how to open the page, with its address unless that `is_shown` already. Prints before it
    /// why no page opens here, if a browser was tried.
    fn print_address(&self, link: &Link, is_shown: bool) {
        let messages = &self.env.messages;
        let url = self.address(link);
        let host = HostKind::of(&self.env.variables);
        let advice = match (self.page, &host) {
            // Their advice is another sign-in method.
            (Page::Dashboard, HostKind::Ssh(_) | HostKind::Container | HostKind::Bare) => None,
            _ => host.advice(),
        };
        if let Some(advice) = advice.filter(|_| !self.is_printed) {
            messages.print(advice);
        }
        let (port, instead) = match self.page {
            Page::SignIn => {
                let port = link.start().map_or_else(|| redirect_port(url), port_of);
                (port, " (not needed with `--paste`)")
            }
            Page::Dashboard => (port_of(url), ""),
        };
        let (address, url) = match is_shown {
            true => ("the address above", ".".to_owned()),
            false => ("this address", format!(":\n\n  {url}\n")),
        };
        let forwarding = port.and_then(|port| host.forwarding(port));
        messages.print_always(&match forwarding {
            Some(command) => format!(
                "Forward the port on your own machine{instead}:\n\n  {command}\n\nThen open \
                 {address} in a browser there{url}"
            ),
            None => format!("Open {address} in a browser on this machine{url}"),
        });
    }
}

fn port_of(url: &str) -> Option<u16> {
    Url::parse(url).ok()?.port()
}

/// Returns the port of the redirect URI in a sign-in address.
fn redirect_port(url: &str) -> Option<u16> {
    let url = Url::parse(url).ok()?;
    let mut pairs = url.query_pairs();
    let (_, redirect_uri) = pairs.find(|(name, _)| name == "redirect_uri")?;
    port_of(&redirect_uri)
}

/// The emulator's user agent, which requests the pages as a browser does, and signs in as one user.
struct AgentBrowser {
    user: String,
    env: Arc<Environment>,
}

impl Browser for AgentBrowser {
    fn open(&self, link: &Link) -> Result<Opened> {
        self.env.messages.print(&format!(
            "The emulator's built-in user agent signs in as {}.",
            self.user
        ));
        let run = UserAgent::new(Some(self.user.clone())).start(link.target())?;
        // The sign-in reports its outcome once the listener has the response.
        report_failure(run, link.progress().clone());
        Ok(Opened::by("the built-in user agent"))
    }
}

/// Ends the wait of a sign-in if the user agent fails, or ends on an error page.
pub(super) fn report_failure(run: JoinHandle<Result<emulator::Page>>, progress: Progress) {
    std::thread::spawn(move || {
        let ended = run.join();
        if progress.is_answered() {
            return;
        }
        match ended {
            Ok(Ok(page)) if page.status < 400 => {}
            Ok(Ok(page)) => progress.fail(refused_by(&page)),
            Ok(Err(error)) => {
                let what = "the built-in user agent could not sign in";
                progress.fail(Error::new(Kind::SignInRefused, what, IN_BROWSER).caused_by(error));
            }
            Err(_) => progress.fail(Error::internal("the built-in user agent panicked")),
        }
    });
}

/// Returns the error for a sign-in that ended on this page of the emulator.
fn refused_by(page: &emulator::Page) -> Error {
    match page.error_text() {
        Some(text) => refused_on_page(&text),
        None => Error::new(
            Kind::SignInRefused,
            format!(
                "the sign-in ended on the page {} with HTTP status {}",
                page.url, page.status
            ),
            IN_BROWSER,
        ),
    }
}

const IN_BROWSER: &str =
    "Run `acspass get --emulator --interactive` to see the page in the browser.";
