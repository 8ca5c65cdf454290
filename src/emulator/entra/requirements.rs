//! The requirements between the choice of a user and a completed sign-in.

use super::params::Params;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::{Reply, Request};
use crate::emulator::journal::notes::Flow;
use crate::emulator::pages::{
    CANCEL_FIELD, CODE_FIELD, CONFIRM_FIELD, FLOW_FIELD, Fields, Page, RIGHT_CODE, USER_FIELD,
};
use crate::emulator::state::consents::Consents;
use crate::emulator::state::sign_ins::SignIn;
use crate::emulator::world::requirement::SignInRequirement;
use crate::emulator::world::user::User;

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
    /// The client asks for the page again (`prompt=consent`).
    pub(crate) must_consent: bool,
    /// The code of the second factor.
    pub(crate) code: Option<String>,
    /// The sign-in that began on an earlier page.
    pub(crate) flow: Option<Flow>,
}

impl PageInput {
    /// Removes the input from the parameters, so that only the client's own remain.
    pub(crate) fn take(params: &mut Params) -> PageInput {
        PageInput {
            user: params.take(USER_FIELD),
            is_cancelled: params.take(CANCEL_FIELD).is_some(),
            is_confirmed: params.take(CONFIRM_FIELD).is_some(),
            consent: params.take(CONSENT),
            must_consent: false,
            code: params.take(CODE_FIELD),
            flow: params.take(FLOW_FIELD).as_deref().and_then(Flow::parse),
        }
    }
}

/// Checks the user's requirement; records a second factor, and a consent in `consents`. Returns the
/// next page, with these hidden fields, if there is one before the end of the sign-in.
pub(crate) fn check(
    request: &Request,
    consents: &mut Consents,
    sign_in: &mut SignIn,
    input: &PageInput,
    fields: Fields,
) -> Result<Option<Reply>, EntraError> {
    let user = &sign_in.user;
    let may_skip = !input.must_consent || user.requirement != SignInRequirement::Consent;
    let page = match &user.requirement {
        SignInRequirement::Consent | SignInRequirement::AdminConsent
            if may_skip
                && consents.cover(&request.world, user, &sign_in.application, &sign_in.scopes) =>
        {
            return Ok(None);
        }
        SignInRequirement::Consent => match input.consent.as_deref() {
            Some(ACCEPT) => {
                let (world, client) = (&request.world, &sign_in.application);
                consents.give(world, user, client, &sign_in.scopes);
                return Ok(None);
            }
            Some(_) => return Err(aadsts::DECLINED),
            None => Page::Consent { sign_in, fields },
        },
        SignInRequirement::AdminConsent => Page::AdminConsent {
            request,
            sign_in,
            fields,
        },
        SignInRequirement::Challenge(_) if !sign_in.claims.answers_challenge => return Ok(None),
        SignInRequirement::Mfa | SignInRequirement::Challenge(_) => {
            let code = input.code.as_deref().map(str::trim);
            sign_in.has_mfa = code == Some(RIGHT_CODE);
            if sign_in.has_mfa {
                return Ok(None);
            }
            let wrong = code.is_some();
            let page = Page::SecondFactor {
                user,
                wrong,
                fields,
            };
            let reply = page.reply(if wrong { 400 } else { 200 });
            return Ok(Some(match wrong {
                true => reply.because("the code of the second factor is wrong"),
                false => reply,
            }));
        }
        SignInRequirement::Page { title, why, .. } => {
            return Ok(Some(why.to_page(request, title.as_deref())));
        }
        SignInRequirement::None | SignInRequirement::Renewal(_) => return Ok(None),
    };
    Ok(Some(page.reply(200)))
}

/// Checks that the account may still be used: a page of the sign-in can also end its sessions.
pub(crate) fn check_account(user: &User) -> Result<(), EntraError> {
    match &user.requirement {
        SignInRequirement::Page {
            why,
            ends_sessions: true,
            ..
        } => Err(why.at_token_endpoint()),
        _ => Ok(()),
    }
}

/// Checks whether a renewal is allowed.
pub(crate) fn check_renewal(user: &User, has_mfa: bool) -> Result<(), EntraError> {
    match &user.requirement {
        SignInRequirement::Renewal(why) => Err(why.clone()),
        SignInRequirement::Mfa if !has_mfa => {
            Err(aadsts::MFA_REQUIRED.with_suberror("basic_action"))
        }
        SignInRequirement::Challenge(why) if !has_mfa => Err(EntraError {
            claims: Some(aadsts::CHALLENGE),
            ..why.clone()
        }),
        _ => check_account(user),
    }
}
