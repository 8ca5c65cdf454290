//! How a person signs in here, and what they are shown while they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::config::{Setting, SignInChoice};
use crate::emulator::UserAgent;
use crate::entra::browser::Browser;
use crate::entra::redirect::RedirectUri;
use crate::entra::{By, Notice, Prompt, Way};
use crate::error::Result;
use crate::time::in_words;

use super::browser;
use super::output::Talk;
use super::parts::Parts;
use super::qr;

/// What a sign-in needs of this machine; it lends itself out as a [`Way`].
pub(super) struct Desk {
    means: Means,
    tell: Box<dyn Fn(&Notice<'_>) + Send + Sync>,
}

enum Means {
    Browser(Arc<dyn Browser>, RedirectUri),
    DeviceCode,
}

impl Desk {
    /// The way that is configured, ready to be gone.
    pub(super) fn new(parts: &Parts<'_>, no_browser: bool) -> Result<Desk> {
        let world = parts.world;
        let screen = Screen {
            talk: world.talk.clone(),
            said: AtomicBool::new(false),
            is_utf8: ["LC_ALL", "LC_CTYPE", "LANG"]
                .iter()
                .find_map(|name| world.variable(name))
                .is_some_and(is_utf8),
            walker: None,
        };
        Ok(match parts.config.sign_in {
            SignInChoice::Browser => {
                let browser = browser::choose(world, no_browser, parts.emulated_user())?;
                Desk {
                    means: Means::Browser(browser, parts.config.redirect_uri.clone()),
                    tell: Box::new(move |notice| screen.show(notice)),
                }
            }
            SignInChoice::DeviceCode => {
                let walker = browser::walks_itself(world, parts.emulated_user());
                let screen = Screen {
                    walker: walker.map(str::to_owned),
                    ..screen
                };
                Desk {
                    means: Means::DeviceCode,
                    tell: Box::new(move |notice| screen.show(notice)),
                }
            }
        })
    }

    /// How a person signs in here.
    pub(super) fn way(&self, prompt: Option<Prompt>, timeout: Duration) -> Way<'_> {
        Way {
            by: match &self.means {
                Means::Browser(browser, redirect_uri) => By::Browser {
                    browser: browser.as_ref(),
                    redirect_uri: redirect_uri.clone(),
                },
                Means::DeviceCode => By::DeviceCode,
            },
            prompt,
            timeout,
            tell: self.tell.as_ref(),
        }
    }
}

/// The setting that a typed way to sign in is.
pub(super) fn typed(device_code: bool) -> Option<(Setting, String)> {
    let choice = device_code.then_some(SignInChoice::DeviceCode)?;
    Some((Setting::SignIn, choice.as_str().to_owned()))
}

/// Where notices are shown.
struct Screen {
    talk: Talk,
    /// The wait has been mentioned.
    said: AtomicBool,
    is_utf8: bool,
    /// The emulator's user who enters the code by themselves.
    walker: Option<String>,
}

impl Screen {
    fn show(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Waiting { left } => self.waiting(*left),
            Notice::UserCode {
                code,
                page,
                client_id,
                left,
            } => self.user_code(code, page, client_id, *left),
        }
    }

    /// A line that counts down on a terminal; elsewhere one that stands.
    fn waiting(&self, left: Duration) {
        let seconds = left.as_secs();
        let clock = format!("{}:{:02}", seconds / 60, seconds % 60);
        let shown = self.talk.status(&format!(
            "Waiting for the sign-in, {clock} left; Ctrl-C ends it"
        ));
        if !shown && !self.said.swap(true, Ordering::Relaxed) {
            self.talk.say(&format!(
                "waiting up to {} for the sign-in; Ctrl-C ends it",
                in_words(left)
            ));
        }
    }

    fn user_code(&self, code: &str, page: &str, client_id: &str, left: Duration) {
        let talk = &self.talk;
        talk.insist(&format!(
            "To sign in, open this page on any device and enter the code:\n\n  page  {page}\n  code  {}\n",
            code
        ));
        if let Some(columns) = talk.columns().filter(|_| self.is_utf8)
            && let Some(lines) = qr::picture(page, columns, talk.is_coloured())
        {
            talk.picture(&lines);
        }
        talk.insist(&format!(
            "The code can be entered for {}. It signs in to the application {client_id};\nenter it \
             only if you started this yourself.",
            in_words(left)
        ));
        if let Some(user) = &self.walker {
            talk.say(&format!(
                "no browser can be opened here: the emulator's built-in user agent enters it as {user}"
            ));
            let agent = UserAgent::new(Some(user.clone())).typing(code);
            // What comes of it, the next poll tells.
            if let Err(error) = agent.start(page) {
                talk.warn(&error.to_string());
            }
        }
    }
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
