//! What a user meets between choosing an account and being signed in.
//!
//! In come the user, what the client asked for and what was clicked so far; out comes that the way
//! is clear, the next page, or that the client is to be told no.

use super::super::door::{Asked, Reply, Shared};
use super::super::pages;
use super::super::scopes::Scopes;
use super::super::world::{Obstacle, Refused, User};
use super::Refusal;
use super::claims::Requested;
use super::params::Params;

/// The button of the consent page; its value is [`ACCEPT`] or anything else.
const CONSENT: &str = "emulator_consent";
const ACCEPT: &str = "accept";
/// The field that the second proof is typed into.
pub(in super::super) const CODE: &str = "emulator_code";
/// The one code that is right; the page tells it.
pub(in super::super) const RIGHT_CODE: &str = "123456";

/// What was clicked and typed on the pages here.
#[derive(Debug, Default)]
pub(super) struct Clicks {
    consent: Option<String>,
    code: Option<String>,
}

impl Clicks {
    /// Takes them out of the parameters, which then are the client's own again.
    pub(super) fn take(params: &mut Params) -> Clicks {
        Clicks {
            consent: params.take(CONSENT),
            code: params.take(CODE),
        }
    }

    /// What has to be sent again, so that a page that follows need not ask again.
    pub(super) fn fields(&self) -> Option<(String, String)> {
        Some((CODE.to_owned(), self.code.clone()?))
    }
}

/// How far the user has come.
pub(super) enum Way {
    /// Through; `proved` where a second proof was given.
    Clear { proved: bool },
    /// To this page.
    Page(Reply),
    /// Back to the client with a no.
    Refused(Refusal),
}

/// What stands in this user's way. `fields` are what a page sends back with the next click.
pub(super) fn way(
    shared: &Shared,
    asked: &Asked,
    user: &'static User,
    scopes: &Scopes,
    claims: &Requested,
    clicks: &Clicks,
    fields: Vec<(String, String)>,
) -> Way {
    match user.obstacle {
        Obstacle::Consent => consent(shared, user, scopes, clicks, fields),
        Obstacle::AdminConsent => Way::Page(pages::admin_consent(asked, user, scopes, fields)),
        Obstacle::Mfa => second_proof(user, clicks, fields),
        Obstacle::Challenge(_) if claims.answers_challenge => second_proof(user, clicks, fields),
        Obstacle::Page { title: None, why } => Way::Page(Refusal::from(why).into_page(asked)),
        Obstacle::Page {
            title: Some(title),
            why,
        } => Way::Page(Refusal::from(why).into_page_titled(asked, title)),
        Obstacle::None | Obstacle::Renewal(_) | Obstacle::Challenge(_) => {
            Way::Clear { proved: false }
        }
    }
}

fn consent(
    shared: &Shared,
    user: &'static User,
    scopes: &Scopes,
    clicks: &Clicks,
    fields: Vec<(String, String)>,
) -> Way {
    let mut state = shared.state.lock();
    match clicks.consent.as_deref() {
        Some(ACCEPT) => {
            state.consented.insert(user.username);
        }
        Some(_) => {
            return Way::Refused(Refusal::new(
                "access_denied",
                65004,
                "User declined to consent to access the app.",
            ));
        }
        None if !state.consented.contains(user.username) => {
            return Way::Page(pages::consent(user, scopes, fields));
        }
        None => {}
    }
    Way::Clear { proved: false }
}

fn second_proof(user: &'static User, clicks: &Clicks, fields: Vec<(String, String)>) -> Way {
    match clicks.code.as_deref().map(str::trim) {
        Some(RIGHT_CODE) => Way::Clear { proved: true },
        typed => Way::Page(pages::second_proof(user, typed.is_some(), fields)),
    }
}

/// What a renewal is refused with, if it is.
pub(super) fn at_renewal(user: &User, proved: bool) -> Option<Refusal> {
    match user.obstacle {
        Obstacle::Renewal(why) => Some(why.into()),
        Obstacle::Challenge(why) if !proved => {
            Some(Refusal::from(why).with_claims(super::claims::CHALLENGE))
        }
        _ => None,
    }
}

impl From<Refused> for Refusal {
    fn from(why: Refused) -> Refusal {
        let refusal = Refusal::new(why.error, why.number, why.text);
        match why.suberror {
            Some(suberror) => refusal.with_suberror(suberror),
            None => refusal,
        }
    }
}
