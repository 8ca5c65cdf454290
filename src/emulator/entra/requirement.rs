//! What a user meets between choosing an account and being signed in.
//!
//! In come the user, what the client asked for and what was clicked so far; out comes that the way
//! is clear, the next page, or that the client is to be told no.

use super::super::directory::{Refused, SignInRequirement, User};
use super::super::pages;
use super::super::scopes::Scopes;
use super::super::server::{Context, Reply, Request};
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
pub(super) struct FormAnswers {
    consent: Option<String>,
    code: Option<String>,
}

impl FormAnswers {
    /// Takes them out of the parameters, which then are the client's own again.
    pub(super) fn take(params: &mut Params) -> FormAnswers {
        FormAnswers {
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
pub(super) enum RequirementOutcome {
    /// Through; `proved` where a second proof was given.
    Clear { proved: bool },
    /// To this page.
    Page(Reply),
    /// Back to the client with a no.
    Refused(Refusal),
}

/// What stands in this user's way. `fields` are what a page sends back with the next click.
pub(super) fn way(
    shared: &Context,
    request: &Request,
    user: &'static User,
    scopes: &Scopes,
    claims: &Requested,
    clicks: &FormAnswers,
    fields: Vec<(String, String)>,
) -> RequirementOutcome {
    match user.obstacle {
        SignInRequirement::Consent => consent(shared, user, scopes, clicks, fields),
        SignInRequirement::AdminConsent => {
            RequirementOutcome::Page(pages::admin_consent(request, user, scopes, fields))
        }
        SignInRequirement::Mfa => second_proof(user, clicks, fields),
        SignInRequirement::Challenge(_) if claims.answers_challenge => {
            second_proof(user, clicks, fields)
        }
        SignInRequirement::Page { title: None, why } => {
            RequirementOutcome::Page(Refusal::from(why).into_page(request))
        }
        SignInRequirement::Page {
            title: Some(title),
            why,
        } => RequirementOutcome::Page(Refusal::from(why).into_page_titled(request, title)),
        SignInRequirement::None
        | SignInRequirement::Renewal(_)
        | SignInRequirement::Challenge(_) => RequirementOutcome::Clear { proved: false },
    }
}

fn consent(
    shared: &Context,
    user: &'static User,
    scopes: &Scopes,
    clicks: &FormAnswers,
    fields: Vec<(String, String)>,
) -> RequirementOutcome {
    let mut state = shared.state.lock();
    match clicks.consent.as_deref() {
        Some(ACCEPT) => {
            state.consented.insert(user.username);
        }
        Some(_) => {
            return RequirementOutcome::Refused(Refusal::new(
                "access_denied",
                65004,
                "User declined to consent to access the app.",
            ));
        }
        None if !state.consented.contains(user.username) => {
            return RequirementOutcome::Page(pages::consent(user, scopes, fields));
        }
        None => {}
    }
    RequirementOutcome::Clear { proved: false }
}

fn second_proof(
    user: &'static User,
    clicks: &FormAnswers,
    fields: Vec<(String, String)>,
) -> RequirementOutcome {
    match clicks.code.as_deref().map(str::trim) {
        Some(RIGHT_CODE) => RequirementOutcome::Clear { proved: true },
        typed => RequirementOutcome::Page(pages::second_proof(user, typed.is_some(), fields)),
    }
}

/// What a renewal is refused with, if it is.
pub(super) fn at_renewal(user: &User, proved: bool) -> Option<Refusal> {
    match user.obstacle {
        SignInRequirement::Renewal(why) => Some(why.into()),
        SignInRequirement::Challenge(why) if !proved => {
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
