//! Which browser opens the sign-in page, and what the user is told of it.

use std::sync::Arc;

use crate::emulator::UserAgent;
use crate::entra::browser::{Browser, BrowserCommand, Opened, SystemBrowser};
use crate::error::{Error, Result};

use super::output::Talk;
use super::parts::World;

/// The browser that this world leads to. `emulated_user` is there where the authority is the
/// embedded emulator, whose users are not people.
pub(super) fn choose(
    world: &World,
    no_browser: bool,
    emulated_user: Option<&str>,
) -> Result<Arc<dyn Browser>> {
    let talk = world.talk.clone();
    if no_browser {
        return Ok(Arc::new(Printed { talk, why: None }));
    }
    if let Some(browser) = &world.browser {
        return Ok(browser.clone());
    }
    if let Some(command) = world.variable("BROWSER") {
        let inner = Configured(BrowserCommand::parse(command));
        return Ok(Arc::new(Announced { inner, talk }));
    }
    if let Some(user) = walks_itself(world, emulated_user) {
        let user = user.to_owned();
        return Ok(Arc::new(BuiltIn { user, talk }));
    }
    match has_display(world) {
        true => Ok(Arc::new(Announced {
            inner: SystemBrowser,
            talk,
        })),
        false => Ok(Arc::new(Printed {
            talk,
            why: Some("there is no display here to open a browser on"),
        })),
    }
}

/// The emulator's user whom its built-in user agent signs in, since nobody else can.
pub(super) fn walks_itself<'u>(world: &World, emulated_user: Option<&'u str>) -> Option<&'u str> {
    emulated_user.filter(|_| !has_display(world) || world.variable("CI").is_some())
}

fn has_display(world: &World) -> bool {
    cfg!(any(windows, target_os = "macos"))
        || world.variable("DISPLAY").is_some()
        || world.variable("WAYLAND_DISPLAY").is_some()
}

/// The browser command that is configured; that it is malformed matters only once it is wanted.
struct Configured(Result<BrowserCommand>);

impl Browser for Configured {
    fn open(&self, url: &str) -> Result<Opened> {
        match &self.0 {
            Ok(command) => command.open(url),
            Err(wrong) => Err(Error::new(wrong.kind(), wrong.message(), wrong.hint())),
        }
    }
}

/// A browser, or the printed address where it cannot be opened.
struct Announced<B> {
    inner: B,
    talk: Talk,
}

impl<B: Browser> Browser for Announced<B> {
    fn open(&self, url: &str) -> Result<Opened> {
        match self.inner.open(url) {
            Ok(opened) => {
                self.talk
                    .say(&format!("the sign-in page opens in {}", opened.by));
                Ok(opened)
            }
            Err(error) => {
                self.talk.warn(error.message());
                print(&self.talk, url);
                Ok(Opened {
                    by: "you".to_owned(),
                })
            }
        }
    }
}

/// The address, printed for the user to open.
struct Printed {
    talk: Talk,
    why: Option<&'static str>,
}

impl Browser for Printed {
    fn open(&self, url: &str) -> Result<Opened> {
        if let Some(why) = self.why {
            self.talk.say(why);
        }
        print(&self.talk, url);
        Ok(Opened {
            by: "you".to_owned(),
        })
    }
}

fn print(talk: &Talk, url: &str) {
    talk.insist(&format!(
        "Open this address in a browser on this machine:\n\n  {url}\n"
    ));
}

/// The emulator's own user agent: it walks the pages that a browser would get, as one user.
struct BuiltIn {
    user: String,
    talk: Talk,
}

impl Browser for BuiltIn {
    fn open(&self, url: &str) -> Result<Opened> {
        self.talk.say(&format!(
            "no browser can be opened here: the emulator's built-in user agent signs in as {}",
            self.user
        ));
        let walk = UserAgent::new(Some(self.user.clone())).start(url)?;
        let talk = self.talk.clone();
        // What it brings to the redirect listener is the outcome; what never gets there is told.
        std::thread::spawn(move || match walk.join() {
            Ok(Ok(page)) if page.status >= 400 => talk.warn(&format!(
                "the built-in user agent was left on a page with status {}",
                page.status
            )),
            Ok(Err(error)) => talk.warn(&format!("the built-in user agent is stuck: {error}")),
            _ => {}
        });
        Ok(Opened {
            by: "the built-in user agent".to_owned(),
        })
    }
}
