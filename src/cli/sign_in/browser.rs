//! Opens the sign-in page or the dashboard in a browser, or prints the address.

use std::sync::Arc;

use url::Url;

use crate::cli::env_vars::CI;
use crate::cli::environment::Environment;
use crate::cli::io::messages::Messages;
use crate::config::{HostKind, Opener};
use crate::emulator::UserAgent;
use crate::entra::browser::{Browser, BrowserCommand, Link, Opened, SystemBrowser};
use crate::error::Result;

/// Returns the browser for a sign-in. `emulated_user` is the user to sign in if the authority is the
/// embedded emulator.
pub(super) fn for_sign_in(
    env: &Environment,
    is_printed: bool,
    emulated_user: Option<&str>,
) -> Arc<dyn Browser> {
    choose(Page::SignIn, env, is_printed, emulated_user)
}

/// Returns the browser for the dashboard, or a printer of its address.
pub(crate) fn for_dashboard(env: &Environment, opens: bool) -> Arc<dyn Browser> {
    choose(Page::Dashboard, env, !opens, None)
}

fn choose(
    page: Page,
    env: &Environment,
    is_printed: bool,
    emulated_user: Option<&str>,
) -> Arc<dyn Browser> {
    let announced = |browser, is_explained| {
        Arc::new(AnnouncedBrowser {
            page,
            messages: env.messages.clone(),
            prints_first: env.stderr_is_terminal,
            host: HostKind::of(&env.variables),
            browser,
            is_explained,
        })
    };
    if is_printed {
        return announced(None, false);
    }
    if let Some(browser) = &env.browser {
        return browser.clone();
    }
    // Files that lead a browser to an address with secrets.
    let files = env.state_folder().ok().map(|state| state.below("browser"));
    let command = |command: &str| -> Result<Box<dyn Browser>> {
        let command = BrowserCommand::parse(command)?;
        Ok(Box::new(command.with_redirect_files(files.clone())))
    };
    let opener = Opener::of(&env.variables);
    let browser = match (opener, agent_user(env, emulated_user)) {
        (Opener::Command(configured), _) => Some(command(&configured)),
        (_, Some(user)) => {
            env.messages
                .print("no browser can be opened here: the emulator's users sign in without one");
            return user_agent(env, user);
        }
        (Opener::Wslview, None) => Some(command("wslview")),
        (Opener::System, None) => {
            let browser = SystemBrowser::new().with_redirect_files(files.clone());
            Some(Ok(Box::new(browser) as Box<dyn Browser>))
        }
        (Opener::Nothing(_), None) => None,
    };
    announced(browser, true)
}

/// Returns the emulator's user agent, which needs no display and signs in as this user.
pub(super) fn user_agent(env: &Environment, user: &str) -> Arc<dyn Browser> {
    Arc::new(AgentBrowser {
        user: user.to_owned(),
        messages: env.messages.clone(),
    })
}

/// Returns the emulator's user if the built-in user agent signs in, because no browser opens here.
pub(super) fn agent_user<'u>(env: &Environment, emulated_user: Option<&'u str>) -> Option<&'u str> {
    let host = HostKind::of(&env.variables);
    let opens_pages = matches!(host, HostKind::Desktop | HostKind::Wsl);
    emulated_user.filter(|_| !opens_pages || env.variable(CI).is_some())
}

/// A browser with messages before and after. Prints the address if no page can be opened.
struct AnnouncedBrowser {
    page: Page,
    messages: Messages,
    /// The address is printed before a browser is tried.
    prints_first: bool,
    host: HostKind,
    /// A malformed command in BROWSER is reported only when a page is opened.
    browser: Option<Result<Box<dyn Browser>>>,
    /// The reason is printed if no page opens.
    is_explained: bool,
}

impl Browser for AnnouncedBrowser {
    fn open(&self, link: &Link) -> Result<Opened> {
        let messages = &self.messages;
        let name = self.page.name();
        // A log of standard error would keep the address, which can contain state and nonce.
        if self.browser.is_some() && self.prints_first {
            messages.print(&format!(
                "The {name}; if it does not open by itself, open this address:\n\n  {}\n",
                self.address(link)
            ));
        }
        let opened = self.browser.as_ref().map(|browser| match browser {
            Ok(browser) => browser
                .open(link)
                .map_err(|error| error.message().to_owned()),
            Err(error) => Err(error.message().to_owned()),
        });
        match opened {
            Some(Ok(opened)) => {
                messages.print(&format!("the {name} opens in {}", opened.name()));
                return Ok(opened);
            }
            Some(Err(message)) => messages.warn(&message),
            None => {}
        }
        if let Some(advice) = self.advice().filter(|_| self.is_explained) {
            messages.print(advice);
        }
        self.print_address(link);
        Ok(Opened::by("you"))
    }
}

impl AnnouncedBrowser {
    /// Returns why no page opens here, and the next step.
    fn advice(&self) -> Option<&'static str> {
        match (self.page, &self.host) {
            // Their advice is another sign-in method.
            (Page::Dashboard, HostKind::Ssh(_) | HostKind::Container | HostKind::Bare) => None,
            _ => self.host.advice(),
        }
    }

    /// Returns the address for the terminal. The dashboard's link works in any browser that reaches
    /// the port, also if the system cannot report the user of a connection.
    fn address<'l>(&self, link: &'l Link) -> &'l str {
        match self.page {
            Page::SignIn => link.printed(),
            Page::Dashboard => link.target(),
        }
    }

    fn print_address(&self, link: &Link) {
        let url = self.address(link);
        let (port, instead) = match self.page {
            Page::SignIn => {
                let port = link.start().map_or_else(|| redirect_port(url), port_of);
                (port, " (`--paste` needs none)")
            }
            Page::Dashboard => (port_of(url), ""),
        };
        let forwarding = port.and_then(|port| self.host.forwarding(port));
        self.messages.print_always(&match forwarding {
            Some(command) => format!(
                "Forward the port on the machine that you sit at{instead}:\n\n  {command}\n\nthen \
                 open this address in a browser there:\n\n  {url}\n"
            ),
            None => format!("Open this address in a browser on this machine:\n\n  {url}\n"),
        });
    }
}

/// The page to open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    SignIn,
    Dashboard,
}

impl Page {
    fn name(self) -> &'static str {
        match self {
            Page::SignIn => "sign-in page",
            Page::Dashboard => "dashboard",
        }
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
    messages: Messages,
}

impl Browser for AgentBrowser {
    fn open(&self, link: &Link) -> Result<Opened> {
        self.messages.print(&format!(
            "the emulator's built-in user agent signs in as {}",
            self.user
        ));
        let run = UserAgent::new(Some(self.user.clone())).start(link.target())?;
        let messages = self.messages.clone();
        let progress = link.progress().clone();
        // The sign-in reports its outcome once the listener has the response.
        std::thread::spawn(move || match run.join() {
            Ok(Ok(page)) if page.status >= 400 => messages.warn(&format!(
                "the built-in user agent was left on a page with status {}",
                page.status
            )),
            Ok(Err(error)) if !progress.is_answered() => {
                messages.warn(&format!("the built-in user agent is stuck: {error}"));
            }
            _ => {}
        });
        Ok(Opened::by("the built-in user agent"))
    }
}
