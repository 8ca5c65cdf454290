//! Which browser opens the sign-in page, and what the user is told of it.

use std::sync::Arc;

use crate::config::{HostKind, Opener};
use crate::emulator::UserAgent;
use crate::entra::browser::{Browser, BrowserCommand, Link, Opened, SystemBrowser};
use crate::error::{Error, Result};
use crate::files::Folder;

use super::context::Environment;
use super::output::Messages;

/// The browser that this world leads to. `emulated_user` is there where the authority is the
/// embedded emulator, whose users are not people.
pub(super) fn choose(
    env: &Environment,
    no_browser: bool,
    emulated_user: Option<&str>,
) -> Result<Arc<dyn Browser>> {
    choose_for(Page::SignIn, env, no_browser, emulated_user)
}

/// The browser that the dashboard opens in. Elsewhere than on a terminal none is opened: the
/// address is printed.
pub(super) fn for_dashboard(env: &Environment, opens: bool) -> Result<Arc<dyn Browser>> {
    choose_for(Page::Dashboard, env, !opens, None)
}

fn choose_for(
    page: Page,
    env: &Environment,
    no_browser: bool,
    emulated_user: Option<&str>,
) -> Result<Arc<dyn Browser>> {
    let opener = Opener::of(&env.variables);
    let teller = LinkPrinter {
        page,
        messages: env.messages.clone(),
        prints_first: env.stderr_is_terminal,
        place: HostKind::of(&env.variables),
    };
    if no_browser {
        return Ok(Arc::new(Printed { teller, why: None }));
    }
    if let Some(browser) = &env.browser {
        return Ok(browser.clone());
    }
    let files = redirect_files(env);
    if let Opener::Command(command) = &opener {
        let command = BrowserCommand::parse(command);
        let inner = Configured(command.map(|command| command.with_redirect_files(files)));
        return Ok(Arc::new(Announced { inner, teller }));
    }
    if let Some(user) = walks_itself(env, emulated_user) {
        teller
            .messages
            .print("no browser can be opened here: the emulator's users sign in without one");
        return Ok(user_agent(env, user));
    }
    Ok(match opener {
        Opener::System => Arc::new(Announced {
            inner: SystemBrowser::new().with_redirect_files(files),
            teller,
        }),
        Opener::Wslview => Arc::new(Announced {
            inner: BrowserCommand::parse("wslview")?.with_redirect_files(files),
            teller,
        }),
        Opener::Command(_) | Opener::Nothing(_) => Arc::new(Printed {
            why: teller.advice(),
            teller,
        }),
    })
}

/// The emulator's user agent, which needs no display and signs in as this user.
pub(super) fn user_agent(env: &Environment, user: &str) -> Arc<dyn Browser> {
    Arc::new(BuiltIn {
        user: user.to_owned(),
        messages: env.messages.clone(),
    })
}

/// The folder of files that lead a browser to an address with secrets.
fn redirect_files(env: &Environment) -> Option<Folder> {
    Some(env.state_folder().ok()?.below("browser"))
}

/// The emulator's user whom its built-in user agent signs in, since nobody else can.
pub(super) fn walks_itself<'u>(
    env: &Environment,
    emulated_user: Option<&'u str>,
) -> Option<&'u str> {
    let opens_pages = matches!(
        HostKind::of(&env.variables),
        HostKind::Desktop | HostKind::Wsl
    );
    emulated_user.filter(|_| !opens_pages || env.variable("CI").is_some())
}

/// The browser command that is configured; that it is malformed matters only once it is wanted.
struct Configured(Result<BrowserCommand>);

impl Browser for Configured {
    fn open(&self, link: &Link) -> Result<Opened> {
        match &self.0 {
            Ok(command) => command.open(link),
            Err(wrong) => Err(Error::new(wrong.kind(), wrong.message(), wrong.hint())),
        }
    }
}

/// A browser, or the printed address where it cannot be opened.
struct Announced<B> {
    inner: B,
    teller: LinkPrinter,
}

impl<B: Browser> Browser for Announced<B> {
    fn open(&self, link: &Link) -> Result<Opened> {
        let teller = &self.teller;
        // Elsewhere than on a screen it may end up in a log, and may contain state and nonce.
        if teller.prints_first {
            teller.messages.print(&format!(
                "The {}; if it does not open by itself, open this address:\n\n  {}\n",
                teller.page.name(),
                teller.address(link)
            ));
        }
        match self.inner.open(link) {
            Ok(opened) => {
                teller.messages.print(&format!(
                    "the {} opens in {}",
                    teller.page.name(),
                    opened.name()
                ));
                Ok(opened)
            }
            Err(error) => {
                teller.messages.warn(error.message());
                if let Some(advice) = teller.advice() {
                    teller.messages.print(advice);
                }
                teller.print(link);
                Ok(Opened::by("you"))
            }
        }
    }
}

/// The address, printed for the user to open.
struct Printed {
    teller: LinkPrinter,
    why: Option<&'static str>,
}

impl Browser for Printed {
    fn open(&self, link: &Link) -> Result<Opened> {
        if let Some(why) = self.why {
            self.teller.messages.print(why);
        }
        self.teller.print(link);
        Ok(Opened::by("you"))
    }
}

/// Prints addresses, in words that fit the place.
struct LinkPrinter {
    /// What is opened.
    page: Page,
    messages: Messages,
    /// The address is printed before a browser is tried.
    prints_first: bool,
    place: HostKind,
}

impl LinkPrinter {
    /// Why no page opens here, and what leads on.
    fn advice(&self) -> Option<&'static str> {
        match (self.page, &self.place) {
            // The other ways are ways to sign in.
            (Page::Dashboard, HostKind::Ssh(_) | HostKind::Container | HostKind::Bare) => None,
            _ => self.place.advice(),
        }
    }

    /// The address that the terminal shows: the dashboard's own link works in any browser that gets
    /// to the port, also if the system cannot report by which user.
    fn address<'l>(&self, link: &'l Link) -> &'l str {
        match self.page {
            Page::SignIn => link.printed(),
            Page::Dashboard => link.target(),
        }
    }

    fn print(&self, link: &Link) {
        let url = self.address(link);
        let (port, instead) = match (self.page, link.start()) {
            (Page::SignIn, Some(start)) => (own_port(start), NEEDS_NO_PORT),
            (Page::SignIn, None) => (redirect_port(url), NEEDS_NO_PORT),
            (Page::Dashboard, _) => (own_port(url), ""),
        };
        let forwarding = port.and_then(|port| self.place.forwarding(port));
        self.messages.print_always(&match forwarding {
            Some(command) => format!(
                "Forward the port on the machine that you sit at{instead}:\n\n  {command}\n\nthen \
                 open this address in a browser there:\n\n  {url}\n"
            ),
            None => format!("Open this address in a browser on this machine:\n\n  {url}\n"),
        });
    }
}

const NEEDS_NO_PORT: &str = " (`--paste` needs none)";

/// What a browser is to show.
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

fn own_port(url: &str) -> Option<u16> {
    url::Url::parse(url).ok()?.port()
}

/// The port that the answer comes to.
fn redirect_port(url: &str) -> Option<u16> {
    let url = url::Url::parse(url).ok()?;
    let mut pairs = url.query_pairs();
    let (_, redirect) = pairs.find(|(name, _)| name == "redirect_uri")?;
    url::Url::parse(&redirect).ok()?.port()
}

/// The emulator's own user agent: it walks the pages that a browser would get, as one user.
struct BuiltIn {
    user: String,
    messages: Messages,
}

impl Browser for BuiltIn {
    fn open(&self, link: &Link) -> Result<Opened> {
        self.messages.print(&format!(
            "the emulator's built-in user agent signs in as {}",
            self.user
        ));
        let walk = UserAgent::new(Some(self.user.clone())).start(link.target())?;
        let messages = self.messages.clone();
        let progress = link.progress().clone();
        // The sign-in itself reports its outcome after the listener has the response.
        std::thread::spawn(move || match walk.join() {
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
