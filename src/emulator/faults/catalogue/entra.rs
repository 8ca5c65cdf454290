//! Refusals of Entra.

use serde_json::Value;

use super::row::{NamedFault, TOKEN};
use super::tokens::SEEN;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::faults::effect::Effect;
use crate::emulator::faults::route::Route;

/// The sources of the facts.
const CODES: &str = "Microsoft: Entra authentication and authorization error codes";
const RECORDED: &str = "recorded responses of Entra";
const OAUTH: &str = "Microsoft: OAuth 2.0 authorization code flow, errors";

const SIGN_IN: &[Route] = &[Route::Authorize, Route::Token];
/// Every route of Entra that can refuse with an error.
const ENTRA: &[Route] = &[
    Route::Metadata,
    Route::Keys,
    Route::InstanceDiscovery,
    Route::Authorize,
    Route::Device,
    Route::Token,
];
const CLIENT: &[Route] = &[Route::Authorize, Route::Device, Route::Token];

const fn redirected(error: EntraError) -> Effect {
    Effect::Entra {
        error,
        is_page: false,
    }
}

const fn page(error: EntraError) -> Effect {
    Effect::Entra {
        error,
        is_page: true,
    }
}

#[rustfmt::skip]
pub(super) static TABLE: [NamedFault; 19] = [
    NamedFault { name: "consent-required", routes: SIGN_IN, summary: "the user or an admin has not consented", response: "`invalid_grant` AADSTS65001, suberror `consent_required`; a redirect with `consent_required` at `authorize`", source: CODES, parameter: None, effect: |_| redirected(aadsts::CONSENT_REQUIRED.with_suberror("consent_required")) },
    NamedFault { name: "mfa-required", routes: SIGN_IN, summary: "a policy requires a second factor", response: "`interaction_required` AADSTS50076, suberror `basic_action`", source: CODES, parameter: None, effect: |_| redirected(aadsts::MFA_REQUIRED.with_suberror("basic_action")) },
    NamedFault { name: "mfa-enrolment-required", routes: SIGN_IN, summary: "the user must register for a second factor", response: "`interaction_required` AADSTS50079, suberror `basic_action`", source: CODES, parameter: None, effect: |_| redirected(aadsts::MFA_ENROLMENT_REQUIRED.with_suberror("basic_action")) },
    NamedFault { name: "claims-challenge", routes: TOKEN, summary: "Conditional Access requires a step-up", response: "`interaction_required` AADSTS50076, suberror `basic_action`, with `claims`", source: "MSAL: the claims of a token endpoint's error", parameter: None, effect: |_| redirected(EntraError { claims: Some(aadsts::CHALLENGE), ..aadsts::MFA_REQUIRED.with_suberror("basic_action") }) },
    NamedFault { name: "session-revoked", routes: TOKEN, summary: "the password was changed, or an admin revoked the sessions", response: "`invalid_grant` AADSTS50173, suberror `bad_token`", source: RECORDED, parameter: None, effect: |_| redirected(aadsts::REVOKED.with_suberror("bad_token")) },
    NamedFault { name: "grant-expired", routes: TOKEN, summary: "the code or the refresh token has expired", response: "`invalid_grant` AADSTS70008", source: CODES, parameter: None, effect: |_| redirected(aadsts::EXPIRED_CODE) },
    NamedFault { name: "refresh-token-idle", routes: TOKEN, summary: "the refresh token was not used for 90 days", response: "`invalid_grant` AADSTS700082", source: CODES, parameter: None, effect: |_| redirected(aadsts::IDLE_REFRESH_TOKEN) },
    NamedFault { name: "sign-in-frequency", routes: TOKEN, summary: "the policy's sign-in frequency is reached", response: "`invalid_grant` AADSTS70043, suberror `token_expired`, no `error_uri`", source: RECORDED, parameter: None, effect: |_| redirected(aadsts::SIGN_IN_FREQUENCY.with_suberror("token_expired")) },
    NamedFault { name: "blocked", routes: SIGN_IN, summary: "Conditional Access blocks the sign-in", response: "`access_denied` AADSTS53003; a page at `authorize`", source: CODES, parameter: None, effect: |_| page(aadsts::BLOCKED) },
    NamedFault { name: "user-not-assigned", routes: SIGN_IN, summary: "the user is not assigned to the application", response: "`invalid_grant` AADSTS50105; a page at `authorize`", source: CODES, parameter: None, effect: |_| page(aadsts::NOT_ASSIGNED) },
    NamedFault { name: "user-not-found", routes: SIGN_IN, summary: "the user does not exist in the tenant", response: "`invalid_grant` AADSTS50034, suberror `bad_token`; a page at `authorize`", source: RECORDED, parameter: None, effect: |_| page(aadsts::USER_NOT_FOUND.with_suberror("bad_token")) },
    NamedFault { name: "user-disabled", routes: SIGN_IN, summary: "the account is disabled", response: "`invalid_grant` AADSTS50057; a page at `authorize`", source: CODES, parameter: None, effect: |_| page(aadsts::USER_DISABLED) },
    NamedFault { name: "secret-required", routes: TOKEN, summary: "the application is not registered as a public client", response: "401 `invalid_client` AADSTS7000218", source: CODES, parameter: None, effect: |_| redirected(aadsts::MISSING_CREDENTIAL) },
    NamedFault { name: "application-not-found", routes: CLIENT, summary: "the tenant does not have the application", response: "`unauthorized_client` AADSTS700016; a page at `authorize`", source: CODES, parameter: None, effect: |_| page(aadsts::NO_APPLICATION) },
    NamedFault { name: "tenant-not-found", routes: ENTRA, summary: "the tenant does not exist", response: "`invalid_request` AADSTS90002; a page at `authorize`", source: CODES, parameter: None, effect: |_| page(aadsts::NO_SUCH_TENANT) },
    NamedFault { name: "temporarily-unavailable", routes: ENTRA, summary: "Entra is temporarily unavailable", response: "503 `temporarily_unavailable` AADSTS90006; a redirect at `authorize`", source: OAUTH, parameter: None, effect: |_| redirected(aadsts::TEMPORARILY_UNAVAILABLE) },
    NamedFault { name: "server-error", routes: ENTRA, summary: "Entra has a transient error", response: "503 `server_error` AADSTS90033; a redirect at `authorize`", source: OAUTH, parameter: None, effect: |_| redirected(aadsts::TRANSIENT) },
    NamedFault { name: "error-codes-null", routes: TOKEN, summary: "a refusal without numbers", response: "`invalid_grant` AADSTS70008 with `error_codes` null", source: SEEN, parameter: None, effect: |_| Effect::EditedEntra { error: aadsts::EXPIRED_CODE, edit: |body| _ = body.insert("error_codes".to_owned(), Value::Null) } },
    NamedFault { name: "error-codes-text", routes: TOKEN, summary: "a refusal with its number as text", response: "`invalid_grant` AADSTS70008 with `error_codes` as text", source: SEEN, parameter: None, effect: |_| Effect::EditedEntra { error: aadsts::EXPIRED_CODE, edit: |body| _ = body.insert("error_codes".to_owned(), "70008".into()) } },
];
