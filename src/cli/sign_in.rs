//! How a person signs in here, and what they are shown while they do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::{Setting, SignInChoice};
use crate::emulator::UserAgent;
use crate::entra::browser::Browser;
use crate::entra::redirect::{PasteUri, RedirectUri, Refused};
use crate::entra::{Confirm, Notice, Prompt, Reader, SignInMethod, SignInOptions};
use crate::error::Result;
use crate::text::is_unprintable;
use crate::time::in_words;

use super::args::Login;
use super::browser;
use super::context::Context;
use super::output::Messages;
use super::prompt::Keyboard;
use super::qr;

/// The lines below the QR code: four for page, host and code, two for the time, one for the countdown.
const LINES_BELOW_PICTURE: usize = 7;

/// What a sign-in needs of this machine; it lends itself out as a [`SignInOptions`].
pub(super) struct SignInUi {
    means: Means,
    tell: Box<dyn Fn(&Notice<'_>) + Send + Sync>,
    confirm: Option<Box<Confirm>>,
}

/// Which browser opens the sign-in page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// The one of this machine; with the embedded emulator its user agent, if no other can be opened.
    Browser,
    /// None: the address is printed.
    Printed,
    /// The emulator's user agent, with or without a display.
    UserAgent,
}

enum Means {
    Browser(Arc<dyn Browser>, RedirectUri),
    DeviceCode,
    Paste(PasteUri, Box<Reader>),
}

impl SignInUi {
    /// The way that is configured, ready to be gone. What is pasted comes from `keyboard`; `account`
    /// is the user that is asked for.
    pub(super) fn new(
        context: &Context<'_>,
        opening: Opening,
        account: Option<&str>,
        keyboard: Keyboard,
    ) -> Result<SignInUi> {
        let env = context.env;
        let user = context.emulated_user(account);
        let walker = match opening {
            Opening::UserAgent => user,
            Opening::Browser | Opening::Printed => browser::walks_itself(env, user),
        };
        let screen = Screen {
            messages: env.messages.clone(),
            said: AtomicBool::new(false),
            is_utf8: ["LC_ALL", "LC_CTYPE", "LANG"]
                .iter()
                .find_map(|name| env.variable(name))
                .is_some_and(is_utf8),
            lines: env.stderr_lines,
            is_terminal: env.stderr_is_terminal,
            is_typed_unseen: keyboard.is_terminal,
            offers_others: opening == Opening::Browser,
            walker: None,
            request: Request::default(),
        };
        let confirm = env
            .is_interactive(&keyboard)
            .then(|| confirmation(keyboard.clone(), env.messages.clone()));
        let redirect_uri = context.config.redirect_uri.clone();
        Ok(match (context.config.sign_in, walker) {
            // A user agent has nothing to paste either.
            (SignInChoice::Browser | SignInChoice::Paste, Some(user))
                if opening == Opening::UserAgent =>
            {
                SignInUi {
                    means: Means::Browser(browser::user_agent(env, user), redirect_uri),
                    tell: Box::new(move |notice| screen.show(notice)),
                    confirm,
                }
            }
            (SignInChoice::Browser, _) => {
                let browser = browser::choose(env, opening == Opening::Printed, user)?;
                SignInUi {
                    means: Means::Browser(browser, redirect_uri),
                    tell: Box::new(move |notice| screen.show(notice)),
                    confirm,
                }
            }
            (SignInChoice::DeviceCode, walker) => {
                let screen = Screen {
                    walker: walker.map(str::to_owned),
                    ..screen
                };
                SignInUi {
                    means: Means::DeviceCode,
                    tell: Box::new(move |notice| screen.show(notice)),
                    confirm,
                }
            }
            (SignInChoice::Paste, _) => SignInUi {
                means: Means::Paste(
                    context.config.paste_uri.clone(),
                    reader(keyboard, env.messages.clone(), screen.request.clone()),
                ),
                tell: Box::new(move |notice| screen.show(notice)),
                confirm,
            },
        })
    }

    /// How a person signs in here.
    pub(super) fn options(&self, prompt: Option<Prompt>, timeout: Duration) -> SignInOptions<'_> {
        SignInOptions {
            by: match &self.means {
                Means::Browser(browser, redirect_uri) => SignInMethod::Browser {
                    browser: browser.as_ref(),
                    redirect_uri: redirect_uri.clone(),
                },
                Means::DeviceCode => SignInMethod::DeviceCode,
                Means::Paste(redirect_uri, reader) => SignInMethod::Paste {
                    redirect_uri: redirect_uri.clone(),
                    reader: reader.as_ref(),
                },
            },
            prompt,
            timeout,
            tell: self.tell.as_ref(),
            confirm: self.confirm.as_deref(),
        }
    }
}

/// The setting that a typed way to sign in is.
pub(super) fn typed(args: &Login) -> Option<(Setting, String)> {
    let choice = match (args.device_code, args.paste, args.no_browser) {
        (true, _, _) => SignInChoice::DeviceCode,
        (_, true, _) => SignInChoice::Paste,
        // It is a way of its own, whatever a profile says.
        (_, _, true) => SignInChoice::Browser,
        _ => return None,
    };
    Some((Setting::SignIn, choice.as_str().to_owned()))
}

/// Asks at the terminal whether a new account may become the active one.
fn confirmation(keyboard: Keyboard, messages: Messages) -> Box<Confirm> {
    Box::new(move |new_account| {
        let (keyboard, messages) = (keyboard.clone(), messages.clone());
        let question = format!(
            "Make {} the active account? [y/N] ",
            new_account.account.username
        );
        messages.warn_always(&format!(
            "{new_account}. Go on only if you signed in yourself."
        ));
        Box::pin(async move {
            let answer = keyboard.asked(&messages, &question).await?;
            let answer = answer.map(|line| line.expose().trim().to_lowercase());
            Ok(answer.is_some_and(|answer| answer == "y" || answer == "yes"))
        })
    })
}

/// What a person is asked to paste, which is shown once the terminal shows no key any more.
#[derive(Clone, Default)]
struct Request(Arc<Mutex<String>>);

impl Request {
    fn text(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads pasted text. Prints its length if the terminal did not show it.
fn reader(keyboard: Keyboard, messages: Messages, request: Request) -> Box<Reader> {
    Box::new(move || {
        let (keyboard, messages, request) = (keyboard.clone(), messages.clone(), request.clone());
        Box::pin(async move {
            let ask = || messages.print_always(&request.text());
            let text = keyboard.pasted(ask).await?;
            if let Some(text) = text.as_ref().filter(|_| keyboard.is_terminal) {
                let visible = text.expose().chars().filter(|c| !is_unprintable(*c));
                messages.print(&format!("{} characters were pasted", visible.count()));
            }
            Ok(text)
        })
    })
}

/// Where notices are shown.
struct Screen {
    messages: Messages,
    /// The wait has been mentioned.
    said: AtomicBool,
    is_utf8: bool,
    /// How high the terminal is.
    lines: Option<usize>,
    is_terminal: bool,
    is_typed_unseen: bool,
    /// Whether the other ways are named where nothing comes back.
    offers_others: bool,
    /// The emulator's user who enters the code by themselves.
    walker: Option<String>,
    request: Request,
}

impl Screen {
    fn show(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Waiting { left } => self.waiting(*left),
            Notice::NoResponse if self.offers_others => self.nothing_came(),
            Notice::NoResponse => {}
            Notice::Refused(why) => self.refused(*why),
            Notice::UserCode {
                code,
                page,
                host,
                client_id,
                left,
            } => {
                self.user_code(code, page, host, client_id, *left);
                self.walk(page, code);
            }
            Notice::Address { url, redirect_uri } => {
                *self.request.text() = format!(
                    "Open this address in a browser on any machine, and sign in:\n\n  {url}\n\nIt ends \
                 on a page that cannot be shown, and that is right. Copy the whole address of that \
                 page, which begins with {redirect_uri}, and paste it here{}:",
                    self.unseen()
                )
            }
            Notice::Unusable { why, tries_left: 0 } => self.messages.warn(why),
            Notice::Unusable { why, .. } => {
                *self.request.text() = format!("{why}. Paste it again{}:", self.unseen());
            }
        }
    }

    /// What is said where a person does not see what they paste.
    fn unseen(&self) -> &'static str {
        match self.is_typed_unseen {
            true => " (it is not shown), then press Enter",
            false => "",
        }
    }

    /// A line that counts down on a terminal; elsewhere one that stands.
    fn waiting(&self, left: Duration) {
        let seconds = left.as_secs();
        let clock = format!("{}:{:02}", seconds / 60, seconds % 60);
        let shown = self.messages.status(&format!(
            "Waiting for the sign-in, {clock} left; Ctrl-C ends it"
        ));
        if !shown && !self.said.swap(true, Ordering::Relaxed) {
            self.messages.print(&format!(
                "waiting up to {} for the sign-in; Ctrl-C ends it",
                in_words(left)
            ));
        }
    }

    fn refused(&self, why: Refused) {
        self.messages.warn(&match why {
            Refused::Tls => format!(
                "{why}. Another app on localhost may have set HSTS: delete the entry for localhost \
                 (Chrome and Edge: chrome://net-internals/#hsts) and reload the page. Or press \
                 Ctrl-C and run `acspass login --device-code` or `acspass login --paste`"
            ),
            Refused::UnknownOwner => format!("{why}. It opens again in another way"),
            _ => format!("{why}. The sign-in still waits"),
        });
    }

    fn nothing_came(&self) {
        let above = match self.is_terminal {
            true => "open the address above in another browser, or ",
            false => "",
        };
        self.messages.print(&format!(
            "Nothing has come back from the browser yet. Go on there if you are signing in.\n\
             If no page opened, {above}press Ctrl-C and take another way:\n\n  acspass login \
             --device-code   enter a code on any device\n  acspass login --paste         paste the \
             browser's last address\n"
        ));
    }

    /// The page as a QR code, where the terminal can show it whole.
    fn picture(&self, page: &str) -> Option<Vec<String>> {
        let columns = self.messages.columns().filter(|_| self.is_utf8)?;
        let lines = qr::picture(page, columns, self.messages.is_coloured())?;
        let fits = self
            .lines
            .is_none_or(|all| lines.len() + LINES_BELOW_PICTURE <= all);
        fits.then_some(lines)
    }

    fn user_code(&self, code: &str, page: &str, host: &str, client_id: &str, left: Duration) {
        let messages = &self.messages;
        // The code comes last, where it is in sight whatever the terminal's height.
        let has_picture = match self.picture(page) {
            Some(lines) => {
                messages.picture(&lines);
                true
            }
            None => false,
        };
        // Below a picture each line counts.
        let gap = if has_picture { "" } else { "\n" };
        messages.print_always(&format!(
            "To sign in, open this page on any device and enter the code:\n{gap}  page  {page}\n  host  \
             {host}\n  code  {code}{gap}"
        ));
        messages.print_always(&format!(
            "The code can be entered for {}. It signs in to the application\n{client_id}; enter it \
             only if you began this yourself.",
            in_words(left)
        ));
    }

    /// Has the emulator's user enter the code, if there is one.
    fn walk(&self, page: &str, code: &str) {
        let Some(user) = &self.walker else { return };
        self.messages.print(&format!(
            "the emulator's built-in user agent enters it as {user}"
        ));
        let agent = UserAgent::new(Some(user.clone())).typing(code);
        // What comes of it, the next poll tells.
        if let Err(error) = agent.start(page) {
            self.messages.warn(&error.to_string());
        }
    }
}

fn is_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}
