//! The parameters and the result of a sign-in.

use super::options::SignInOptions;
use crate::account::Account;
use crate::claims::Claims;
use crate::entra::redirect::Page;
use crate::entra::tokens::Tokens;

/// The parameters of a sign-in.
pub(super) struct SignInRequest<'a> {
    pub(super) scopes: &'a [String],
    pub(super) login_hint: Option<&'a str>,
    /// The claims challenge of an earlier refusal.
    pub(super) challenge: Option<&'a Claims>,
    pub(super) options: &'a SignInOptions<'a>,
}

/// A completed sign-in.
pub struct SignedIn {
    /// The tokens.
    pub tokens: Tokens,
    /// The account.
    pub account: Account,
    /// The page that a browser waits for. It reports success only after the tokens are stored.
    pub page: Option<Page>,
}
