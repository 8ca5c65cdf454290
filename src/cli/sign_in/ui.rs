//! Selects the sign-in method, connects it with the terminal and the browser, and prints its notices.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::environment::Environment;
use crate::cli::hints;
use crate::cli::io::qr;
use crate::cli::prompt::input::received;
use crate::config::{Config, SignInChoice};
use crate::emulator::UserAgent;
use crate::entra::browser::Browser;
use crate::entra::redirect::{Progress, Refused};
use crate::entra::{Confirm, Notice, Prompt, Reader, SignInMethod, SignInOptions};
use crate::text::shell_word;
use crate::time::in_words;

use super::browser::{self, Page, PageOpener};

/// The lines below the QR code: four for page, host and code, two for the time, one for the countdown.
const LINES_BELOW_PICTURE: usize = 7;

/// The parts of a sign-in that belong to this machine. Lends them as [`SignInOptions`].
pub(crate) struct SignInUi<'c> {
    config: &'c Config,
    /// For a sign-in in a browser.
    browser: Option<Arc<dyn Browser>>,
    /// For a sign-in by a pasted address.
    reader: Option<Box<Reader>>,
    show: Box<dyn Fn(&Notice<'_>) + Send + Sync>,
    confirm: Option<Box<Confirm>>,
    progress: Progress,
}

impl SignInUi<'_> {
    /// Prepares the configured sign-in method. `account` is the requested user.
    pub(crate) fn new<'c>(
        context: &'c Context,
        opening: PageOpener,
        account: Option<&str>,
    ) -> SignInUi<'c> {
        let (env, config) = (&context.env, &context.config);
        let user = context.emulated_user(account);
        let agent_user = browser::agent_user(env, opening, user);
        let is_device_code = config.sign_in == SignInChoice::DeviceCode;
        // A user agent has no text to paste.
        let has_agent = user.is_some() && opening == PageOpener::UserAgent;
        let is_paste = config.sign_in == SignInChoice::Paste && !has_agent;
        let progress = Progress::default();
        let notices = Arc::new(Notices {
            progress: progress.clone(),
            env: env.clone(),
            names_other_methods: opening == PageOpener::Browser,
            account: account.map(str::to_owned),
            code_user: agent_user.filter(|_| is_device_code).map(str::to_owned),
            has_mentioned_wait: AtomicBool::new(false),
            question: Mutex::default(),
        });
        SignInUi {
            config,
            browser: (!is_device_code && !is_paste)
                .then(|| browser::for_page(Page::SignIn, env, opening, user)),
            reader: is_paste.then(|| paste_reader(&notices)),
            show: Box::new(move |notice| notices.show(notice)),
            confirm: env.is_interactive().then(|| confirmation(env)),
            progress,
        }
    }

    pub(crate) fn options(&self, prompt: Option<Prompt>, timeout: Duration) -> SignInOptions<'_> {
        SignInOptions {
            by: match (&self.browser, &self.reader) {
                (Some(browser), _) => SignInMethod::Browser {
                    browser: browser.as_ref(),
                    redirect_uri: self.config.redirect_uri.clone(),
                },
                (None, Some(reader)) => SignInMethod::Paste {
                    redirect_uri: self.config.paste_uri.clone(),
                    reader: reader.as_ref(),
                },
                (None, None) => SignInMethod::DeviceCode,
            },
            prompt,
            timeout,
            tell: self.show.as_ref(),
            confirm: self.confirm.as_deref(),
            progress: self.progress.clone(),
        }
    }
}

/// Asks at the terminal whether a new account may become the active one.
fn confirmation(env: &Arc<Environment>) -> Box<Confirm> {
    let env = env.clone();
    Box::new(move |new_account| {
        let env = env.clone();
        let username = &new_account.account.username;
        let question = format!("Make {username} the active account? [y/N] ");
        env.messages.warn_always(&format!(
            "{new_account}; continue only if you signed in yourself"
        ));
        Box::pin(async move {
            let answer = env.stdin.ask(&env.messages, &question).await?;
            let answer = answer.map(|line| line.expose().trim().to_lowercase());
            Ok(answer.is_some_and(|answer| answer == "y" || answer == "yes"))
        })
    })
}

/// Reads pasted text. Prints its length if the terminal did not show it.
fn paste_reader(notices: &Arc<Notices>) -> Box<Reader> {
    let notices = notices.clone();
    Box::new(move || {
        let notices = notices.clone();
        Box::pin(async move {
            let (input, messages) = (&notices.env.stdin, &notices.env.messages);
            let ask = || messages.print_always(&notices.question());
            let text = input.ask_pasted(ask).await?;
            if let Some(text) = text.as_ref().filter(|_| input.is_terminal) {
                messages.print(&received(text));
            }
            Ok(text)
        })
    })
}

/// Prints the notices of a sign-in to standard error: the address, the code, the wait.
struct Notices {
    env: Arc<Environment>,
    /// Ends the wait for the user agent.
    progress: Progress,
    /// Other sign-in methods are named if no response arrives.
    names_other_methods: bool,
    /// The requested user.
    account: Option<String>,
    /// The emulator's user for which the user agent enters the code.
    code_user: Option<String>,
    /// The message about the wait was printed.
    has_mentioned_wait: AtomicBool,
    /// The question for pasted text. It is printed once the terminal shows no key any more.
    question: Mutex<String>,
}

impl Notices {
    fn question(&self) -> MutexGuard<'_, String> {
        self.question.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the command that signs the same user in by this method, with the other options of this
    /// sign-in.
    fn login(&self, method: &str) -> String {
        let account = match &self.account {
            Some(account) => format!(" --account {}", shell_word(account, "USER")),
            None => String::new(),
        };
        hints::command_for_user(&format!("acspass login{account} {method}"), &self.env)
    }

    fn show(&self, notice: &Notice<'_>) {
        let hidden = match self.env.stdin.is_terminal {
            true => " (not shown), then press Enter",
            false => "",
        };
        let messages = &self.env.messages;
        match notice {
            Notice::Waiting { left } => self.waiting(*left),
            Notice::NoResponse if !self.names_other_methods => {}
            Notice::NoResponse => self.no_response(),
            Notice::Refused(why) => messages.warn(&match why {
                Refused::Tls => format!(
                    "{why}. Another app on localhost may have set HSTS. Delete the entry for \
                     localhost (Chrome and Edge: chrome://net-internals/#hsts) and reload the page, \
                     or press Ctrl-C and run `{}`",
                    self.login("--device-code")
                ),
                Refused::UnknownOwner => format!("{why}. The page opens again through a file"),
                _ => format!("{why}. Still waiting for sign-in"),
            }),
            Notice::UserCode {
                code,
                page,
                host,
                client_id,
                left,
            } => {
                // The code comes last, so that it is visible at any height of the terminal.
                let gap = self.picture(page);
                messages.print_always(&format!(
                    "To sign in, open this page on any device and enter the code:\n{gap}  page  \
                     {page}\n  host  {host}\n  code  {code}{gap}"
                ));
                messages.print_always(&format!(
                    "The code expires in {}. It signs in to the application {client_id}. Enter it \
                     only if you started this sign-in.",
                    in_words(*left)
                ));
                self.enter_code(page, code);
            }
            Notice::Address { url, redirect_uri } => {
                *self.question() = format!(
                    "Open this address in a browser on any machine, and sign in:\n\n  {url}\n\nThe \
                     last page cannot be shown; this is expected. Copy its whole address, which \
                     begins with {redirect_uri}, and paste it here{hidden}:"
                )
            }
            Notice::Unusable { why, tries_left: 0 } => messages.warn(why),
            Notice::Unusable { why, .. } => {
                *self.question() = format!("{why}. Paste it again{hidden}:");
            }
        }
    }

    /// Prints a countdown on a terminal, or else one line.
    fn waiting(&self, left: Duration) {
        let seconds = left.as_secs();
        let clock = format!("{}:{:02}", seconds / 60, seconds % 60);
        let is_shown = self.env.messages.status(&format!(
            "Waiting for sign-in, {clock} left. Press Ctrl-C to cancel."
        ));
        if !is_shown && !self.has_mentioned_wait.swap(true, Ordering::Relaxed) {
            self.env.messages.print(&format!(
                "Waiting up to {} for sign-in. Press Ctrl-C to cancel.",
                in_words(left)
            ));
        }
    }

    fn no_response(&self) {
        let above = match self.env.stderr_is_terminal {
            true => "open the address above in another browser, or ",
            false => "",
        };
        let (by_code, by_paste) = (self.login("--device-code"), self.login("--paste"));
        self.env.messages.print(&format!(
            "Still waiting for sign-in. If a page is open in the browser, continue there.\n\
             If no page opened, {above}press Ctrl-C and use another method.\n\n\
             To enter a code on any device, run:\n\n  {by_code}\n\n\
             To paste the last address of a browser on any machine, run:\n\n  {by_paste}\n"
        ));
    }

    /// Prints the page as a QR code, if the terminal can show all of it. Returns the empty line around
    /// the code's lines, for which there is no room below a picture.
    fn picture(&self, page: &str) -> &'static str {
        let env = &self.env;
        let columns = env.messages.columns().filter(|_| env.is_utf8());
        let lines = env.terminal_size().map(|(_, lines)| lines);
        match columns.and_then(|columns| qr::picture(page, columns, env.messages.style.is_coloured))
        {
            Some(picture) if lines.is_none_or(|all| picture.len() + LINES_BELOW_PICTURE <= all) => {
                env.messages.picture(&picture);
                ""
            }
            _ => "\n",
        }
    }

    /// Lets the emulator's user agent enter the code, if it signs in a user.
    fn enter_code(&self, page: &str, code: &str) {
        let Some(user) = &self.code_user else { return };
        let messages = &self.env.messages;
        messages.print(&format!(
            "The emulator's built-in user agent enters the code as {user}."
        ));
        let agent = UserAgent::new(Some(user.clone())).typing(code);
        // The next poll reports the outcome, except that of an error page.
        match agent.start(page) {
            Ok(run) => browser::report_failure(run, self.progress.clone()),
            Err(error) => messages.warn(&error.to_string()),
        }
    }
}
