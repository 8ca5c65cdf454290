//! The errors that the emulated Entra returns: status, code of RFC 6749, AADSTS number and text. Each
//! `{}` in a text is a value of [`EntraError::about`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The challenge of the token endpoint: JSON, which the error contains as a string.
pub(crate) const CHALLENGE: &str = r#"{"access_token":{"capolids":{"essential":true,"values":["ac5ba55e-ca90-4000-8000-000000000001"]}}}"#;

/// An error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntraError {
    #[serde(skip, default = "bad_request")]
    pub(crate) status: u16,
    /// The error code of RFC 6749.
    pub(crate) error: Cow<'static, str>,
    /// The number after `AADSTS`.
    pub(crate) number: u32,
    pub(crate) text: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) suberror: Option<Cow<'static, str>>,
    /// A claims challenge: JSON in a string.
    #[serde(skip)]
    pub(crate) claims: Option<&'static str>,
    /// The reason for the journal, which has no text of the client; if `None`, the text.
    #[serde(skip)]
    pub(crate) reason: Option<Cow<'static, str>>,
}

fn bad_request() -> u16 {
    400
}

impl EntraError {
    /// Replaces each `{}` of the text by the next value. The values are text of the client, so the
    /// journal's reason has an ellipsis for each.
    pub(crate) fn about(mut self, values: &[&str]) -> EntraError {
        self.reason = Some(self.text.replace("{}", "\u{2026}").into());
        let mut parts = self.text.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for (part, value) in parts.zip(values) {
            text.extend([value, part]);
        }
        self.text = text.into();
        self
    }

    /// Sets the journal's reason.
    pub(crate) fn because(mut self, reason: impl Into<Cow<'static, str>>) -> EntraError {
        self.reason = Some(reason.into());
        self
    }

    pub(crate) fn with_suberror(mut self, suberror: &'static str) -> EntraError {
        self.suberror = Some(suberror.into());
        self
    }
}

macro_rules! errors {
    ($($name:ident = $status:literal $error:literal $number:literal $text:literal;)*) => {
        $(pub(crate) const $name: EntraError = EntraError {
            status: $status,
            error: Cow::Borrowed($error),
            number: $number,
            text: Cow::Borrowed($text),
            suberror: None,
            claims: None,
            reason: None,
        };)*
    };
}

errors! {
    // Any request.
    UNKNOWN_TENANT = 400 "invalid_request" 90002 "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.";
    CONSUMERS_TENANT = 400 "invalid_request" 9_002_332 "Application is configured for use by Azure Active Directory users only. Please do not use the /consumers endpoint to serve this request.";
    DUPLICATE_PARAMETER = 400 "invalid_request" 9_000_411 "The request is not properly formatted. The parameter '{}' is duplicated.";
    MISSING_PARAMETER = 400 "invalid_request" 900_144 "The request body must contain the following parameter: '{}'.";
    INVALID_CLAIMS = 400 "invalid_request" 9_002_313 "Invalid request. The 'claims' are not a JSON object.";
    UNKNOWN_CLIENT = 400 "unauthorized_client" 700_016 "Application with identifier '{}' was not found in the directory '{}'. The emulator's first application is '{}'.";
    SINGLE_TENANT = 400 "invalid_request" 50194 "Application '{}'({}) is not configured as a multi-tenant application. Usage of the /{} endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.";
    INVALID_SCOPE = 400 "invalid_scope" 70011 "The provided request must include a 'scope' input parameter. The scope '{}' is not valid.";
    UNKNOWN_RESOURCE = 400 "invalid_resource" 500_011 "The resource principal named {} was not found in the tenant.";
    SEVERAL_RESOURCES = 400 "invalid_scope" 700_022 "The provided value for the input parameter scope is not valid because it contains more than one resource.";
    // Real: Azure-Samples/active-directory-aspnetcore-webapp-openidconnect-v2#271.
    SEVERAL_RESOURCES_OF_CODE = 400 "invalid_scope" 28000 "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {} is not valid.";

    // Instance discovery.
    UNSUPPORTED_VERSION = 400 "invalid_request" 90_023 "The 'api-version' is not supported.";
    UNKNOWN_INSTANCE = 400 "invalid_instance" 50_049 "Unknown or invalid instance.";

    // The authorize endpoint.
    NO_REPLY_ADDRESS = 400 "invalid_request" 900_971 "No reply address provided.";
    UNREGISTERED_REDIRECT = 400 "invalid_request" 50011 "The redirect URI '{}' specified in the request does not match the redirect URIs configured for the application '{}'.";
    UNSUPPORTED_RESPONSE_MODE = 400 "invalid_request" 70007 "The value of 'response_mode' is not supported.";
    UNSUPPORTED_RESPONSE_TYPE = 400 "unsupported_response_type" 700_054 "The 'response_type' is not enabled for the application; it must be 'code'.";
    MISSING_CHALLENGE = 400 "invalid_request" 50147 "Missing code_challenge parameter.";
    INVALID_CHALLENGE_SIZE = 400 "invalid_request" 501_491 "Invalid size of code_challenge parameter.";
    INVALID_CHALLENGE_METHOD = 400 "invalid_request" 50147 "Invalid code_challenge_method.";
    PROMPT_AND_HINT = 400 "invalid_request" 90023 "'prompt=select_account' and 'login_hint' exclude each other.";
    UNSUPPORTED_PROMPT = 400 "invalid_request" 90023 "Unsupported 'prompt' value.";
    SILENT_SIGN_IN = 400 "login_required" 50058 "A silent sign-in request was sent but no user is signed in.";
    UNKNOWN_GUEST = 400 "invalid_request" 50020 "User account '{}' from another identity provider does not exist in tenant '{}' and cannot access the application.";
    ADMIN_CONSENT_REQUIRED = 400 "access_denied" 90094 "The grant requires admin permission.";
    DECLINED = 400 "access_denied" 65004 "User declined to consent to access the app.";

    // The token endpoint.
    POST_ONLY = 400 "invalid_request" 900_561 "The endpoint only accepts POST requests. Received a {} request.";
    UNSUPPORTED_GRANT_TYPE = 400 "unsupported_grant_type" 70003 "The app requested an unsupported grant type '{}'.";
    // The reference has no number for either: RFC 6749, sections 2.3 and 5.2, has the code.
    SEVERAL_CREDENTIALS = 400 "invalid_request" 90_023 "The request has more than one client credential.";
    MALFORMED_BASIC = 400 "invalid_request" 9_002_313 "Invalid request. The Authorization header is malformed.";
    PUBLIC_CLIENT = 401 "invalid_client" 700_025 "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
    // Browser apps.
    CROSS_ORIGIN = 400 "invalid_request" 9_002_326 "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: '{}'.";
    SAME_ORIGIN = 400 "invalid_request" 9_002_327 "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.";
    SPA_WITHOUT_CHALLENGE = 400 "invalid_request" 9_002_325 "Proof Key for Code Exchange is required for cross-origin authorization code redemption.";
    EXPIRED_SPA_TOKEN = 400 "invalid_grant" 700_084 "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which can't be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on {}.";

    // The on-behalf-of grant. The reference has no number for another token use, and no pairing of
    // 240002 and 7000114 with an error code.
    UNSUPPORTED_TOKEN_USE = 400 "invalid_request" 90_023 "Unsupported 'requested_token_use' value; it must be 'on_behalf_of'.";
    MALFORMED_USER_ASSERTION = 400 "invalid_request" 50_027 "JWT token is invalid or malformed.";
    UNSIGNED_USER_ASSERTION = 400 "invalid_grant" 50_013 "Assertion failed signature validation. [Reason - The key was not found.]";
    EXPIRED_USER_ASSERTION = 400 "invalid_grant" 500_133 "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token. Current time: {}, expiry time of assertion {}.";
    OTHER_AUDIENCE = 400 "invalid_grant" 500_131 "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '{}' and the expected audience is '{}' or one of the Application Uris of this application with App ID '{}'({}). The downstream client must request a token for the expected audience (the application that made the OBO request) and this application should use that token as the assertion.";
    ID_TOKEN_AS_ASSERTION = 400 "invalid_request" 240_002 "Input id_token cannot be used as 'urn:ietf:params:oauth:grant-type:jwt-bearer' grant.";
    APP_ON_BEHALF_OF = 400 "invalid_grant" 7_000_114 "Application '{}' is not allowed to make application on-behalf-of calls.";

    CONSENT_REQUIRED = 400 "invalid_grant" 65001 "The user or administrator has not consented to use the application.";

    UNKNOWN_CODE = 400 "invalid_grant" 70000 "The provided value for the 'code' parameter is not valid.";
    REDEEMED_CODE = 400 "invalid_grant" 54005 "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.";
    EXPIRED_CODE = 400 "invalid_grant" 70008 "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.";
    OTHER_TENANTS_CODE = 400 "invalid_grant" 700_005 "Provided Authorization Code is intended to use against other tenant, thus rejected.";
    OTHER_REDIRECT = 400 "invalid_grant" 500_112 "The reply address '{}' does not match the reply address '{}' provided when requesting Authorization code.";
    MISSING_VERIFIER = 400 "invalid_grant" 50148 "The code_verifier is missing, but the authorization request carried a code_challenge.";
    WRONG_VERIFIER = 400 "invalid_grant" 501_481 "The Code_Verifier does not match the code_challenge supplied in the authorization request.";

    MALFORMED_REFRESH_TOKEN = 400 "invalid_grant" 9_002_313 "Invalid request. Request is malformed or invalid.";
    UNUSABLE_REFRESH_TOKEN = 400 "invalid_grant" 70000 "{}";
    IDLE_REFRESH_TOKEN = 400 "invalid_grant" 700_082 "The refresh token has expired due to inactivity.";
    NO_ACCOUNT_IN_TENANT = 400 "invalid_grant" 50020 "The user account does not exist in this tenant and cannot access the application.";
    REVOKED = 400 "invalid_grant" 50173 "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.";

    UNKNOWN_DEVICE_CODE = 400 "bad_verification_code" 70018 "The device code is unknown or already redeemed.";
    EXPIRED_DEVICE_CODE = 400 "expired_token" 70019 "The verification code expired before it was entered.";
    DEVICE_DECLINED = 400 "authorization_declined" 70020 "The user declined to sign in.";
    SLOW_DOWN = 400 "slow_down" 70016 "The client polls more often than the interval allows.";
    AUTHORIZATION_PENDING = 400 "authorization_pending" 70016 "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";

    // Apps with credentials.
    OTHER_CLIENTS_GRANT = 400 "invalid_grant" 70000 "The provided grant was issued to another client; this application does not sign in users.";
    NO_TENANT = 400 "invalid_request" 50059 "No tenant-identifying information found in either the request or implied by any provided credentials.";
    NOT_DEFAULT_SCOPE = 400 "invalid_scope" 1_002_012 "The provided value for scope {} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).";
    MISSING_CREDENTIAL = 401 "invalid_client" 7_000_218 "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
    WRONG_SECRET = 401 "invalid_client" 7_000_215 "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.";
    UNSUPPORTED_ASSERTION_TYPE = 401 "invalid_client" 700_021 "The 'client_assertion_type' is missing or not supported.";
    MALFORMED_ASSERTION = 401 "invalid_client" 50027 "JWT token is invalid or malformed.";
    WRONG_AUDIENCE = 401 "invalid_client" 700_023 "Client assertion audience claim does not match Realm issuer.";
    EXPIRED_ASSERTION = 401 "invalid_client" 700_024 "Client assertion is not within its valid time range.";
    UNKNOWN_CERTIFICATE = 401 "invalid_client" 700_027 "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]";
    WRONG_SIGNATURE = 401 "invalid_client" 700_027 "Client assertion failed signature validation. [Reason - The key used is expired or the signature is invalid.]";
    OTHER_SUBJECT = 401 "invalid_client" 700_021 "Client assertion application identifier doesn't match 'client_id' parameter.";
    UNKNOWN_ISSUER = 401 "invalid_client" 700_211 "No matching federated identity record found for presented assertion issuer.";
    UNKNOWN_AUDIENCE = 401 "invalid_client" 700_212 "No matching federated identity record found for presented assertion audience.";
    UNKNOWN_SUBJECT = 401 "invalid_client" 700_213 "No matching federated identity record found for presented assertion subject.";
    WRONG_FEDERATED_SIGNATURE = 401 "invalid_client" 700_027 "Client assertion failed signature validation.";

    // Faults of the catalogue.
    MFA_REQUIRED = 400 "interaction_required" 50076 "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.";
    MFA_ENROLMENT_REQUIRED = 400 "interaction_required" 50079 "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access the resource.";
    SIGN_IN_FREQUENCY = 400 "invalid_grant" 70043 "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.";
    BLOCKED = 400 "access_denied" 53003 "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.";
    NOT_ASSIGNED = 400 "invalid_grant" 50105 "Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application.";
    USER_NOT_FOUND = 400 "invalid_grant" 50034 "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.";
    USER_DISABLED = 400 "invalid_grant" 50057 "The user account is disabled.";
    NO_APPLICATION = 400 "unauthorized_client" 700_016 "The application was not found in the directory.";
    NO_SUCH_TENANT = 400 "invalid_request" 90002 "The tenant was not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.";
    TEMPORARILY_UNAVAILABLE = 503 "temporarily_unavailable" 90006 "The service is temporarily unavailable. Please retry later.";
    TRANSIENT = 503 "server_error" 90033 "A transient error has occurred. Please try again.";
    THROTTLED = 429 "temporarily_unavailable" 90055 "There are too many incoming requests.";

    // Faults of tests; Entra has no such number.
    FAULT = 400 "invalid_request" 9_000_000 "A fault of the emulator refused this request.";

    // The system's source of random numbers failed.
    NO_RANDOM_NUMBERS = 503 "server_error" 90033 "A transient error has occurred.";
}
