//! A person signs in: in a browser that comes back by itself, on another device, or in a browser
//! whose last address they bring.
//!
//! In come scopes and a [`SignInOptions`], which says how; out come tokens and who signed in. What the person
//! has to be shown meanwhile goes out as [`Notice`]s: nothing here knows a terminal.

mod browser_launch;
mod code;
mod device;
mod device_prompt;
mod paste;
mod pasted;
mod polling;

use std::fmt;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::browser::Browser;
use super::redirect::{Page, PasteUri, RedirectUri, Refused};
use super::tokens::{Entra, Tokens};
use crate::account::Account;
use crate::claims::Claims;
use crate::error::{Error, Kind, Result};
use crate::time::{Clock, in_words};

const SECOND: Duration = Duration::from_secs(1);

/// What Entra is to ask of the user (OpenID Connect Core 1.0, section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// Choose among accounts.
    SelectAccount,
    /// Sign in anew, whatever session the browser has.
    Login,
    /// Consent anew.
    Consent,
    /// Nothing: fail where the browser's session is not enough.
    None,
}

impl Prompt {
    /// The value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Prompt::SelectAccount => "select_account",
            Prompt::Login => "login",
            Prompt::Consent => "consent",
            Prompt::None => "none",
        }
    }
}

/// How a person may sign in. Not to have one is how a caller forbids it.
pub struct SignInOptions<'a> {
    /// By what means.
    pub by: SignInMethod<'a>,
    /// What Entra is to ask of the user; nothing on another device.
    pub prompt: Option<Prompt>,
    /// How long the user may take.
    pub timeout: Duration,
    /// Who shows the person what they need to know meanwhile.
    pub tell: &'a (dyn Fn(&Notice<'_>) + Send + Sync),
    /// Asks the user whether a new account may become the active one; `None` if there is no user to
    /// ask: the account then becomes the active one with a warning.
    pub confirm: Option<&'a Confirm>,
}

/// Asks whether an account that was never seen here may replace the active one. The sign-in of
/// another person, whose browser was led to this listener, would look like that.
pub type Confirm =
    dyn Fn(&NewAccount<'_>) -> Pin<Box<dyn Future<Output = Result<bool>> + Send>> + Send + Sync;

/// An account that signed in and was never seen here.
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
            "{} signed in, and no session of that account was ever kept here; the active account is \
             {}",
            self.account.username, self.active.username
        )
    }
}

/// By what means a person signs in.
pub enum SignInMethod<'a> {
    /// In a browser on this machine, or one that reaches its loopback.
    Browser {
        /// What opens the sign-in page.
        browser: &'a dyn Browser,
        /// Where the browser brings the answer.
        redirect_uri: RedirectUri,
    },
    /// On any other device, where a short code is entered (RFC 8628).
    DeviceCode,
    /// In a browser anywhere; the person copies the address that it ends on.
    Paste {
        /// Where Entra sends the browser; nobody listens there.
        redirect_uri: PasteUri,
        /// Reads the text that the person pastes.
        reader: &'a Reader,
    },
}

/// Reads what a person pastes at once, each time it is called: one line, or the several lines of an
/// address that was copied in pieces. Returns `None` at the end of the input.
pub type Reader = dyn Fn() -> Pin<Box<dyn Future<Output = paste::Lines> + Send>> + Send + Sync;

/// What the person who signs in is to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice<'a> {
    /// The wait has begun, or goes on: about once a second.
    Waiting {
        /// How much of it is left.
        left: Duration,
    },
    /// Some time has passed since a browser was asked to open the page, and nothing came to the
    /// redirect address: perhaps none opened. Told once.
    NoResponse,
    /// A request to the redirect address was refused, and the wait goes on. Each reason once.
    Refused(Refused),
    /// A code to enter on another device; a second one where the first expired.
    UserCode {
        /// The code.
        code: &'a str,
        /// The page where it is entered, as Entra named it.
        page: &'a str,
        /// The page's host, with its port if that is not the default one: the part of the address
        /// to check before anything is entered.
        host: &'a str,
        /// The application that asks for it.
        client_id: &'a str,
        /// How long it can be entered.
        left: Duration,
    },
    /// The address to sign in at, whose last address is to be pasted.
    Address {
        /// The address. It holds state and nonce, and belongs in no log.
        url: &'a str,
        /// What the last address begins with.
        redirect_uri: &'a str,
    },
    /// What was pasted is not the answer.
    Unusable {
        /// Why, in a sentence that does not repeat it.
        why: &'a str,
        /// How often something else can be pasted.
        tries_left: u32,
    },
}

impl<'a> SignInOptions<'a> {
    /// A way without a prompt, where nobody is told anything.
    pub fn new(by: SignInMethod<'a>, timeout: Duration) -> Self {
        SignInOptions {
            by,
            prompt: None,
            timeout,
            tell: &|_| {},
            confirm: None,
        }
    }

    /// In this browser, with the answer at a free port of `http://localhost`.
    pub fn in_browser(browser: &'a dyn Browser, timeout: Duration) -> Self {
        let redirect_uri = RedirectUri::localhost(0);
        let by = SignInMethod::Browser {
            browser,
            redirect_uri,
        };
        SignInOptions::new(by, timeout)
    }
}

/// What a sign-in asks Entra for, and how.
pub(super) struct SignInRequest<'a> {
    pub(super) scopes: &'a [String],
    pub(super) login_hint: Option<&'a str>,
    /// What Entra asked for when it refused before.
    pub(super) challenge: Option<&'a Claims>,
    pub(super) options: &'a SignInOptions<'a>,
}

/// A sign-in that worked.
pub struct SignedIn {
    /// What was given.
    pub tokens: Tokens,
    /// Who signed in.
    pub account: Account,
    /// The page still owed to the browser, where one waits for it: it says success only once all
    /// is stored.
    pub page: Option<Page>,
}

impl Entra {
    /// Signs a user in. `scopes` are the resource's; those for an id_token and a refresh token are
    /// added. `login_hint` says whom to expect; it is not sent with [`Prompt::SelectAccount`], nor
    /// with a device code. `challenge` is what Entra asked for when it refused before
    /// ([`Error::claims`]): it is passed on, merged with what we ask for ourselves.
    ///
    /// # Errors
    /// [`Kind::SignInRefused`] where Entra or the user refused or the time ran out,
    /// [`Kind::Refused`] where the id_token does not hold, [`Kind::Unreachable`] where Entra does
    /// not answer, [`Kind::Usage`] where the redirect port is taken.
    pub async fn sign_in(
        &self,
        scopes: &[String],
        login_hint: Option<&str>,
        challenge: Option<&Claims>,
        options: &SignInOptions<'_>,
    ) -> Result<SignedIn> {
        let sign_in = SignInRequest {
            scopes,
            login_hint,
            challenge,
            options,
        };
        match &options.by {
            SignInMethod::Browser {
                browser,
                redirect_uri,
            } => {
                self.sign_in_by_browser(&sign_in, *browser, redirect_uri)
                    .await
            }
            SignInMethod::DeviceCode => self.sign_in_by_device_code(&sign_in).await,
            SignInMethod::Paste {
                redirect_uri,
                reader,
            } => self.sign_in_by_paste(&sign_in, redirect_uri, *reader).await,
        }
    }
}

/// Waits for `work` as long as `timeout` says; `tick` hears every second how much is left.
async fn within<T>(
    clock: &dyn Clock,
    timeout: Duration,
    mut tick: impl FnMut(Duration),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut left = timeout;
    // Whatever the clock does, nobody waits longer than they said.
    let mut work = pin!(tokio::time::timeout(timeout, work));
    while !left.is_zero() {
        tick(left);
        let slice = left.min(SECOND);
        tokio::select! {
            biased;
            done = &mut work => return done.unwrap_or_else(|_| Err(timed_out(timeout, NO_WAY_BACK))),
            () = clock.sleep(slice) => left -= slice,
        }
    }
    Err(timed_out(timeout, NO_WAY_BACK))
}

/// Why a browser does not come back to the listener.
const NO_WAY_BACK: &str = "run the command again. Where the browser showed an error and never came back, the usual \
     causes are: the redirect URI http://localhost is not registered under Mobile and desktop \
     applications, an admin must consent first, or a Conditional Access policy blocks the sign-in";

fn timed_out(timeout: Duration, hint: &str) -> Error {
    Error::new(
        Kind::SignInRefused,
        format!("nobody finished the sign-in within {}", in_words(timeout)),
        hint,
    )
}
