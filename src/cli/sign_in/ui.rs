//! Selects the sign-in method and connects it with the terminal and the browser.

use std::sync::Arc;
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::environment::Environment;
use crate::config::SignInChoice;
use crate::entra::browser::Browser;
use crate::entra::redirect::{PasteUri, RedirectUri};
use crate::entra::{Confirm, Notice, Prompt, Reader, SignInMethod, SignInOptions};
use crate::error::Result;
use crate::text::is_unprintable;

use super::browser;
use super::notices::{Notices, PasteQuestion};

/// The parts of a sign-in that belong to this machine. Lends them as [`SignInOptions`].
pub(crate) struct SignInUi {
    method: Method,
    show: Box<dyn Fn(&Notice<'_>) + Send + Sync>,
    confirm: Option<Box<Confirm>>,
}

/// How the sign-in page is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// In the browser of this machine; with the embedded emulator by its user agent, if no browser
    /// can be opened.
    Browser,
    /// By the user: the address is printed.
    Printed,
    /// By the emulator's user agent.
    UserAgent,
}

enum Method {
    Browser(Arc<dyn Browser>, RedirectUri),
    DeviceCode,
    Paste(PasteUri, Box<Reader>),
}

impl SignInUi {
    /// Prepares the configured sign-in method. `account` is the requested user.
    pub(crate) fn new(
        context: &Context,
        opening: Opening,
        account: Option<&str>,
    ) -> Result<SignInUi> {
        let (env, config) = (&context.env, &context.config);
        let user = context.emulated_user(account);
        let agent_user = match opening {
            Opening::UserAgent => user,
            Opening::Browser | Opening::Printed => browser::agent_user(env, user),
        };
        let code_user = agent_user.filter(|_| config.sign_in == SignInChoice::DeviceCode);
        let notices = Notices::new(env, opening == Opening::Browser, code_user);
        let redirect_uri = config.redirect_uri.clone();
        let method = match (config.sign_in, user) {
            // A user agent has no text to paste either.
            (SignInChoice::Browser | SignInChoice::Paste, Some(user))
                if opening == Opening::UserAgent =>
            {
                Method::Browser(browser::user_agent(env, user), redirect_uri)
            }
            (SignInChoice::Browser, _) => {
                let is_printed = opening == Opening::Printed;
                let browser = browser::for_sign_in(env, is_printed, user);
                Method::Browser(browser, redirect_uri)
            }
            (SignInChoice::DeviceCode, _) => Method::DeviceCode,
            (SignInChoice::Paste, _) => Method::Paste(
                config.paste_uri.clone(),
                paste_reader(env, notices.question.clone()),
            ),
        };
        Ok(SignInUi {
            method,
            show: Box::new(move |notice| notices.show(notice)),
            confirm: env.is_interactive().then(|| confirmation(env)),
        })
    }

    pub(crate) fn options(&self, prompt: Option<Prompt>, timeout: Duration) -> SignInOptions<'_> {
        SignInOptions {
            by: match &self.method {
                Method::Browser(browser, redirect_uri) => SignInMethod::Browser {
                    browser: browser.as_ref(),
                    redirect_uri: redirect_uri.clone(),
                },
                Method::DeviceCode => SignInMethod::DeviceCode,
                Method::Paste(redirect_uri, reader) => SignInMethod::Paste {
                    redirect_uri: redirect_uri.clone(),
                    reader: reader.as_ref(),
                },
            },
            prompt,
            timeout,
            tell: self.show.as_ref(),
            confirm: self.confirm.as_deref(),
        }
    }
}

/// Asks at the terminal whether a new account may become the active one.
fn confirmation(env: &Environment) -> Box<Confirm> {
    let (input, messages) = (env.stdin.clone(), env.messages.clone());
    Box::new(move |new_account| {
        let (input, messages) = (input.clone(), messages.clone());
        let username = &new_account.account.username;
        let question = format!("Make {username} the active account? [y/N] ");
        messages.warn_always(&format!(
            "{new_account}. Go on only if you signed in yourself."
        ));
        Box::pin(async move {
            let answer = input.ask(&messages, &question).await?;
            let answer = answer.map(|line| line.expose().trim().to_lowercase());
            Ok(answer.is_some_and(|answer| answer == "y" || answer == "yes"))
        })
    })
}

/// Reads pasted text. Prints its length if the terminal did not show it.
fn paste_reader(env: &Environment, question: PasteQuestion) -> Box<Reader> {
    let (input, messages) = (env.stdin.clone(), env.messages.clone());
    Box::new(move || {
        let (input, messages, question) = (input.clone(), messages.clone(), question.clone());
        Box::pin(async move {
            let ask = || messages.print_always(&question.text());
            let text = input.ask_pasted(ask).await?;
            if let Some(text) = text.as_ref().filter(|_| input.is_terminal) {
                let visible = text.expose().chars().filter(|c| !is_unprintable(*c));
                messages.print(&format!("{} characters were pasted", visible.count()));
            }
            Ok(text)
        })
    })
}
