//! The requirements between the choice of a user and a completed sign-in.

use super::aadsts;
use super::claims::CHALLENGE;
use super::error::EntraError;
use super::params::Params;
use crate::emulator::directory::{SignInRequirement, User};
use crate::emulator::http::{Reply, Request};
use crate::emulator::names::{CANCEL_FIELD, CODE_FIELD, CONFIRM_FIELD, RIGHT_CODE, USER_FIELD};
use crate::emulator::pages::{Fields, Page};
use crate::emulator::scopes::Scopes;
use crate::emulator::state::codes::Requested;

/// The button of the consent page; its value is [`ACCEPT`] or another.
const CONSENT: &str = "emulator_consent";
const ACCEPT: &str = "accept";

/// The user's input on the pages of a sign-in.
#[derive(Debug, Default)]
pub(crate) struct PageInput {
    pub(crate) user: Option<String>,
    pub(crate) is_cancelled: bool,
    /// The app of a device code is confirmed.
    pub(crate) is_confirmed: bool,
    consent: Option<String>,
    code: Option<String>,
}

impl PageInput {
    /// Removes the input from the parameters, so that only the client's own remain.
    pub(crate) fn take(params: &mut Params) -> PageInput {
        PageInput {
            user: params.take(USER_FIELD),
            is_cancelled: params.take(CANCEL_FIELD).is_some(),
            is_confirmed: params.take(CONFIRM_FIELD).is_some(),
            consent: params.take(CONSENT),
            code: params.take(CODE_FIELD),
        }
    }

    /// Returns the field that the next page has to send again.
    pub(crate) fn fields(&self) -> Option<(String, String)> {
        Some((CODE_FIELD.to_owned(), self.code.clone()?))
    }
}

/// The end of a sign-in that does not succeed yet.
pub(crate) enum Stop {
    /// The next page.
    Page(Box<Reply>),
    /// An error for the client.
    Refused(EntraError),
}

/// Checks the user's requirement. Returns whether the user entered a second factor. `fields` are
/// the hidden fields of the next page.
pub(crate) fn check(
    request: &Request,
    user: &User,
    (scopes, claims): (&Scopes, &Requested),
    input: &PageInput,
    fields: Fields,
) -> Result<bool, Stop> {
    match user.requirement {
        SignInRequirement::Consent => {
            let consented = &mut request.state().consented;
            match input.consent.as_deref() {
                Some(ACCEPT) => {
                    consented.insert(user.username);
                }
                Some(_) => return Err(Stop::Refused(aadsts::DECLINED)),
                None if !consented.contains(user.username) => {
                    return Err(stop(
                        Page::Consent {
                            user,
                            scopes,
                            fields,
                        }
                        .reply(200),
                    ));
                }
                None => {}
            }
            Ok(false)
        }
        SignInRequirement::AdminConsent => {
            let page = Page::AdminConsent {
                request,
                user,
                scopes,
                fields,
            };
            Err(stop(page.reply(200)))
        }
        SignInRequirement::Mfa => check_code(user, input, fields),
        SignInRequirement::Challenge(_) if claims.answers_challenge => {
            check_code(user, input, fields)
        }
        SignInRequirement::Page { title, why } => {
            Err(stop(EntraError::from(why).into_page(request, title)))
        }
        SignInRequirement::None
        | SignInRequirement::Renewal(_)
        | SignInRequirement::Challenge(_) => Ok(false),
    }
}

fn check_code(user: &User, input: &PageInput, fields: Fields) -> Result<bool, Stop> {
    let code = input.code.as_deref().map(str::trim);
    if code == Some(RIGHT_CODE) {
        return Ok(true);
    }
    let wrong = code.is_some();
    let page = Page::SecondFactor {
        user,
        wrong,
        fields,
    };
    Err(stop(page.reply(if wrong { 400 } else { 200 })))
}

fn stop(page: Reply) -> Stop {
    Stop::Page(Box::new(page))
}

/// Checks whether a renewal is allowed.
pub(crate) fn check_renewal(user: &User, has_mfa: bool) -> Result<(), EntraError> {
    match user.requirement {
        SignInRequirement::Renewal(why) => Err(why.into()),
        SignInRequirement::Challenge(why) if !has_mfa => {
            Err(EntraError::from(why).with_claims(CHALLENGE))
        }
        _ => Ok(()),
    }
}
