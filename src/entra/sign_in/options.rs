//! The options of a sign-in, and the messages for its user.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use crate::account::Account;
use crate::entra::browser::Browser;
use crate::entra::redirect::{PasteUri, Progress, RedirectUri, Refused};
use crate::error::Result;
use crate::secret::Pasted;

/// The `prompt` parameter (OpenID Connect Core 1.0, section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompt {
    /// Shows the account picker.
    SelectAccount,
    /// Requires a new sign-in, even if the browser has a session.
    Login,
    /// Requires new consent.
    Consent,
    /// Shows nothing, and fails if the browser's session is not enough.
    None,
}

impl Prompt {
    /// Returns the value of the parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Prompt::SelectAccount => "select_account",
            Prompt::Login => "login",
            Prompt::Consent => "consent",
            Prompt::None => "none",
        }
    }
}

/// The method of an interactive sign-in, and its callbacks. A caller without options forbids one.
pub struct SignInOptions<'a> {
    /// The method.
    pub by: SignInMethod<'a>,
    /// The `prompt` parameter. A device code ignores it.
    pub prompt: Option<Prompt>,
    /// The time limit for the user.
    pub timeout: Duration,
    /// Receives the notices for the user during the sign-in.
    pub tell: &'a (dyn Fn(&Notice<'_>) + Send + Sync),
    /// Asks the user if a new account may become the active one. With `None` it becomes the active
    /// one, with a warning.
    pub confirm: Option<&'a Confirm>,
    /// Ends the wait for a device code with [`Progress::fail`], if its page cannot lead to a sign-in.
    pub progress: Progress,
}

impl<'a> SignInOptions<'a> {
    /// Creates options without a prompt and without callbacks.
    pub fn new(by: SignInMethod<'a>, timeout: Duration) -> Self {
        SignInOptions {
            by,
            prompt: None,
            timeout,
            tell: &|_| {},
            confirm: None,
            progress: Progress::default(),
        }
    }

    /// Creates options for this browser, with a redirect address at a free port of
    /// `http://localhost`.
    pub fn in_browser(browser: &'a dyn Browser, timeout: Duration) -> Self {
        let redirect_uri = RedirectUri::localhost(0);
        let by = SignInMethod::Browser {
            browser,
            redirect_uri,
        };
        SignInOptions::new(by, timeout)
    }
}

/// Asks if an account without a stored session may replace the active one. An attacker could lead a
/// browser to this listener with the response to their own sign-in.
pub type Confirm =
    dyn Fn(&NewAccount<'_>) -> Pin<Box<dyn Future<Output = Result<bool>> + Send>> + Send + Sync;

/// An account that signed in and has no stored session.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// The new account.
    pub account: &'a Account,
    /// The active account.
    pub active: &'a Account,
}

impl fmt::Display for NewAccount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} signed in and has no saved session; the active account is {}",
            self.account.username, self.active.username
        )
    }
}

/// The method of an interactive sign-in.
#[non_exhaustive]
pub enum SignInMethod<'a> {
    /// A browser on this machine, or one that reaches its loopback interface.
    Browser {
        /// Opens the sign-in page.
        browser: &'a dyn Browser,
        /// The address of the listener for the response.
        redirect_uri: RedirectUri,
    },
    /// A short code that the user enters on another device (RFC 8628).
    DeviceCode,
    /// A browser on any machine; the user copies its last address.
    Paste {
        /// The address to which Entra redirects the browser, without a listener.
        redirect_uri: PasteUri,
        /// Reads the pasted text.
        reader: &'a Reader,
    },
}

/// Reads the lines that the user pastes at once, such as an address that was broken into lines;
/// `None` at the end of the input.
pub type Reader =
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<Option<Pasted>>> + Send>> + Send + Sync;

/// A message for the user during a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The sign-in waits for the user. Sent about once a second.
    Waiting {
        /// The time until the sign-in times out.
        left: Duration,
    },
    /// No request arrived at the redirect address for some time: perhaps no browser opened. Sent
    /// once.
    NoResponse,
    /// A request to the redirect address was refused. Sent once for each reason.
    Refused(Refused),
    /// A code to enter on another device. Sent again if the first code expires.
    UserCode {
        /// The code.
        code: &'a str,
        /// The page for the code, from Entra's response.
        page: &'a str,
        /// The page's host, with its port if that is not the default one: the part of the address
        /// to check before anything is entered.
        host: &'a str,
        /// The application that requests the sign-in.
        client_id: &'a str,
        /// The time until the code expires.
        left: Duration,
    },
    /// The address of the sign-in page. The user pastes the last address of that browser.
    Address {
        /// The address. It contains `state` and `nonce`: do not log it.
        url: &'a str,
        /// The start of the last address.
        redirect_uri: &'a str,
    },
    /// The pasted text is not the response.
    Unusable {
        /// The reason, without the text.
        why: &'a str,
        /// The number of tries left.
        tries_left: u32,
    },
}
