//! The errors that the emulated Entra returns: status, code of RFC 6749, AADSTS number, suberror and
//! text. Each `{}` in a text is a value of [`EntraError::about`].

use super::error::EntraError;

const fn invalid_request(number: u32, text: &'static str) -> EntraError {
    EntraError::new(400, "invalid_request", number, text)
}

const fn invalid_grant(number: u32, text: &'static str) -> EntraError {
    EntraError::new(400, "invalid_grant", number, text)
}

const fn invalid_client(number: u32, text: &'static str) -> EntraError {
    EntraError::new(401, "invalid_client", number, text)
}

const fn invalid_scope(number: u32, text: &'static str) -> EntraError {
    EntraError::new(400, "invalid_scope", number, text)
}

const fn refused(error: &'static str, number: u32, text: &'static str) -> EntraError {
    EntraError::new(400, error, number, text)
}

macro_rules! errors {
    ($($name:ident = $make:ident($($value:expr),*);)*) => {
        $(pub(crate) const $name: EntraError = $make($($value),*);)*
    };
}

#[rustfmt::skip]
errors! {
    // Any request.
    UNKNOWN_TENANT = invalid_request(90002, "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.");
    CONSUMERS_TENANT = invalid_request(9_002_332, "Application is configured for use by Azure Active Directory users only. Please do not use the /consumers endpoint to serve this request.");
    DUPLICATE_PARAMETER = invalid_request(9_000_411, "The request is not properly formatted. The parameter '{}' is duplicated.");
    MISSING_PARAMETER = invalid_request(900_144, "The request body must contain the following parameter: '{}'.");
    INVALID_CLAIMS = invalid_request(9_002_313, "Invalid request. The 'claims' are not a JSON object.");
    UNKNOWN_CLIENT = refused("unauthorized_client", 700_016, "Application with identifier '{}' was not found in the directory '{}'. The emulator knows '{}' only.");
    INVALID_SCOPE = invalid_scope(70011, "The provided request must include a 'scope' input parameter. The scope '{}' is not valid.");
    UNKNOWN_RESOURCE = refused("invalid_resource", 500_011, "The resource principal named in '{}' was not found in the tenant.");
    SEVERAL_RESOURCES = invalid_scope(700_022, "The provided value for the input parameter scope is not valid because it contains more than one resource.");

    // Instance discovery.
    UNSUPPORTED_VERSION = invalid_request(90_023, "The 'api-version' is not supported.");
    UNKNOWN_INSTANCE = refused("invalid_instance", 50_049, "Unknown or invalid instance.");

    // The authorize endpoint.
    NO_REPLY_ADDRESS = invalid_request(900_971, "No reply address provided.");
    UNREGISTERED_REDIRECT = invalid_request(50011, "The redirect URI '{}' specified in the request does not match the redirect URIs configured for the application '{}'.");
    UNSUPPORTED_RESPONSE_MODE = invalid_request(70007, "The value of 'response_mode' is not supported.");
    UNSUPPORTED_RESPONSE_TYPE = refused("unsupported_response_type", 700_054, "The 'response_type' is not enabled for the application; it must be 'code'.");
    MISSING_CHALLENGE = invalid_request(50147, "Missing code_challenge parameter.");
    INVALID_CHALLENGE_SIZE = invalid_request(501_491, "Invalid size of code_challenge parameter.");
    INVALID_CHALLENGE_METHOD = invalid_request(50147, "Invalid code_challenge_method.");
    PROMPT_AND_HINT = invalid_request(90023, "'prompt=select_account' and 'login_hint' exclude each other.");
    UNSUPPORTED_PROMPT = invalid_request(90023, "Unsupported 'prompt' value.");
    SILENT_SIGN_IN = refused("login_required", 50058, "A silent sign-in request was sent but no user is signed in.");
    UNKNOWN_GUEST = invalid_request(50020, "User account '{}' from another identity provider does not exist in tenant '{}' and cannot access the application.");
    ADMIN_CONSENT_REQUIRED = refused("access_denied", 90094, "The grant requires admin permission.");
    DECLINED = refused("access_denied", 65004, "User declined to consent to access the app.");

    // The token endpoint.
    POST_ONLY = invalid_request(900_561, "The endpoint only accepts POST requests. Received a {} request.");
    UNSUPPORTED_GRANT_TYPE = refused("unsupported_grant_type", 70003, "The app requested an unsupported grant type '{}'.");
    PUBLIC_CLIENT = invalid_client(700_025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.");
    CONSENT_REQUIRED = invalid_grant(65001, "The user or administrator has not consented to use the application.");

    UNKNOWN_CODE = invalid_grant(70000, "The provided value for the 'code' parameter is not valid.");
    REDEEMED_CODE = invalid_grant(54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.");
    EXPIRED_CODE = invalid_grant(70008, "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.");
    OTHER_TENANTS_CODE = invalid_grant(700_005, "Provided Authorization Code is intended to use against other tenant, thus rejected.");
    OTHER_REDIRECT = invalid_grant(500_112, "The reply address '{}' does not match the reply address '{}' provided when requesting Authorization code.");
    MISSING_VERIFIER = invalid_grant(50148, "The code_verifier is missing, but the authorization request carried a code_challenge.");
    WRONG_VERIFIER = invalid_grant(501_481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.");

    MALFORMED_REFRESH_TOKEN = invalid_grant(9_002_313, "Invalid request. Request is malformed or invalid.");
    UNUSABLE_REFRESH_TOKEN = invalid_grant(70000, "{}");
    IDLE_REFRESH_TOKEN = invalid_grant(700_082, "The refresh token has expired due to inactivity.");
    NO_ACCOUNT_IN_TENANT = invalid_grant(50020, "The user account does not exist in this tenant and cannot access the application.");
    REVOKED = invalid_grant(50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.");

    UNKNOWN_DEVICE_CODE = refused("bad_verification_code", 70018, "The device code is not known. It may have been redeemed already.");
    EXPIRED_DEVICE_CODE = refused("expired_token", 70019, "The verification code expired before it was entered.");
    DEVICE_DECLINED = refused("authorization_declined", 70020, "The person declined to sign in.");
    SLOW_DOWN = refused("slow_down", 70016, "The client polls faster than it was told to.");
    AUTHORIZATION_PENDING = refused("authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.");

    // Apps with credentials.
    OTHER_CLIENTS_GRANT = invalid_grant(70000, "The provided grant was issued to another client: this app signs nobody in.");
    NO_TENANT = invalid_request(50059, "No tenant-identifying information found in either the request or implied by any provided credentials.");
    NOT_DEFAULT_SCOPE = invalid_scope(1_002_012, "The provided value for scope {} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).");
    MISSING_CREDENTIAL = invalid_client(7_000_218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.");
    WRONG_SECRET = invalid_client(7_000_215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.");
    UNSUPPORTED_ASSERTION_TYPE = invalid_client(700_021, "The 'client_assertion_type' is missing or not supported.");
    MALFORMED_ASSERTION = invalid_client(50027, "JWT token is invalid or malformed.");
    WRONG_AUDIENCE = invalid_client(700_023, "Client assertion audience claim does not match Realm issuer.");
    EXPIRED_ASSERTION = invalid_client(700_024, "Client assertion is not within its valid time range.");
    UNKNOWN_CERTIFICATE = invalid_client(700_027, "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]");
    WRONG_SIGNATURE = invalid_client(700_027, "Client assertion failed signature validation. [Reason - The key used is expired or the signature is invalid.]");
    OTHER_SUBJECT = invalid_client(700_021, "Client assertion application identifier doesn't match 'client_id' parameter.");
    UNKNOWN_ISSUER = invalid_client(700_211, "No matching federated identity record found for presented assertion issuer.");
    UNKNOWN_AUDIENCE = invalid_client(700_212, "No matching federated identity record found for presented assertion audience.");
    UNKNOWN_SUBJECT = invalid_client(700_213, "No matching federated identity record found for presented assertion subject.");
    WRONG_FEDERATED_SIGNATURE = invalid_client(700_027, "Client assertion failed signature validation.");
}

/// The system's source of random numbers failed.
pub(crate) const NO_RANDOM_NUMBERS: EntraError = EntraError::new(
    503,
    "server_error",
    90033,
    "A transient error has occurred.",
);
