//! Prints the notices of a sign-in: the address, the code, the wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cli::env_vars::LOCALE;
use crate::cli::environment::Environment;
use crate::cli::io::messages::Messages;
use crate::cli::io::qr;
use crate::emulator::UserAgent;
use crate::entra::Notice;
use crate::entra::redirect::Refused;
use crate::time::in_words;

/// The lines below the QR code: four for page, host and code, two for the time, one for the countdown.
const LINES_BELOW_PICTURE: usize = 7;

/// Prints notices to standard error.
pub(super) struct Notices {
    messages: Messages,
    /// The message about the wait was printed.
    has_mentioned_wait: AtomicBool,
    is_utf8: bool,
    /// The height of the terminal.
    lines: Option<usize>,
    is_terminal: bool,
    hides_input: bool,
    /// Other sign-in methods are named if no response arrives.
    names_other_methods: bool,
    /// The emulator's user for which the user agent enters the code.
    code_user: Option<String>,
    pub(super) question: PasteQuestion,
}

/// The question for pasted text. It is printed once the terminal shows no key any more.
#[derive(Clone, Default)]
pub(super) struct PasteQuestion(Arc<Mutex<String>>);

impl PasteQuestion {
    pub(super) fn text(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notices {
    pub(super) fn new(
        env: &Environment,
        names_other_methods: bool,
        code_user: Option<&str>,
    ) -> Notices {
        let locale = LOCALE.iter().find_map(|name| env.variable(name));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        Notices {
            messages: env.messages.clone(),
            has_mentioned_wait: AtomicBool::new(false),
            is_utf8: locale.contains("utf-8") || locale.contains("utf8"),
            lines: env.terminal_size().map(|(_, lines)| lines),
            is_terminal: env.stderr_is_terminal,
            hides_input: env.stdin.is_terminal,
            names_other_methods,
            code_user: code_user.map(str::to_owned),
            question: PasteQuestion::default(),
        }
    }

    pub(super) fn show(&self, notice: &Notice<'_>) {
        let hidden = match self.hides_input {
            true => " (it is not shown), then press Enter",
            false => "",
        };
        match notice {
            Notice::Waiting { left } => self.waiting(*left),
            Notice::NoResponse => self.no_response(),
            Notice::Refused(why) => self.refused(*why),
            Notice::UserCode {
                code,
                page,
                host,
                client_id,
                left,
            } => {
                self.user_code(code, page, host, client_id, *left);
                self.enter_code(page, code);
            }
            Notice::Address { url, redirect_uri } => {
                *self.question.text() = format!(
                    "Open this address in a browser on any machine, and sign in:\n\n  {url}\n\nIt ends \
                     on a page that cannot be shown, and that is right. Copy the whole address of that \
                     page, which begins with {redirect_uri}, and paste it here{hidden}:"
                )
            }
            Notice::Unusable { why, tries_left: 0 } => self.messages.warn(why),
            Notice::Unusable { why, .. } => {
                *self.question.text() = format!("{why}. Paste it again{hidden}:");
            }
        }
    }

    /// Prints a countdown on a terminal, or else one line.
    fn waiting(&self, left: Duration) {
        let seconds = left.as_secs();
        let clock = format!("{}:{:02}", seconds / 60, seconds % 60);
        let is_shown = self.messages.status(&format!(
            "Waiting for the sign-in, {clock} left; Ctrl-C ends it"
        ));
        if !is_shown && !self.has_mentioned_wait.swap(true, Ordering::Relaxed) {
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

    fn no_response(&self) {
        if !self.names_other_methods {
            return;
        }
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

    /// Returns the page as a QR code, if the terminal can show all of it.
    fn picture(&self, page: &str) -> Option<Vec<String>> {
        let columns = self.messages.columns().filter(|_| self.is_utf8)?;
        let picture = qr::picture(page, columns, self.messages.is_coloured)?;
        let height = picture.len() + LINES_BELOW_PICTURE;
        self.lines
            .is_none_or(|all| height <= all)
            .then_some(picture)
    }

    fn user_code(&self, code: &str, page: &str, host: &str, client_id: &str, left: Duration) {
        // The code comes last, so that it is visible at any height of the terminal. Below a picture
        // there is no room for empty lines.
        let gap = match self.picture(page) {
            Some(lines) => {
                self.messages.picture(&lines);
                ""
            }
            None => "\n",
        };
        self.messages.print_always(&format!(
            "To sign in, open this page on any device and enter the code:\n{gap}  page  {page}\n  host  \
             {host}\n  code  {code}{gap}"
        ));
        self.messages.print_always(&format!(
            "The code can be entered for {}. It signs in to the application\n{client_id}; enter it \
             only if you began this yourself.",
            in_words(left)
        ));
    }

    /// Lets the emulator's user agent enter the code, if it signs in a user.
    fn enter_code(&self, page: &str, code: &str) {
        let Some(user) = &self.code_user else { return };
        self.messages.print(&format!(
            "the emulator's built-in user agent enters it as {user}"
        ));
        let agent = UserAgent::new(Some(user.clone())).typing(code);
        // The next poll reports the outcome.
        if let Err(error) = agent.start(page) {
            self.messages.warn(&error.to_string());
        }
    }
}
