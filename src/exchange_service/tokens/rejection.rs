//! The reasons for which a token is refused.

/// The reason for which a token is refused. Each has its own word in the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::exchange_service) enum Rejection {
    /// There is none.
    Missing,
    /// It is longer than every token of Entra.
    TooLarge,
    /// It is not a JWT with the claims of Entra.
    Malformed,
    /// It is not signed with RS256.
    Algorithm,
    /// No key of the tenant has its key id.
    UnknownKey,
    /// The keys could not be fetched.
    KeysUnavailable,
    /// The signature is not that of the key.
    Signature,
    /// Another authority issued it.
    Issuer,
    /// The tenant is not one of the list.
    Tenant,
    /// It is for another service.
    Audience,
    /// The application is not one of the list.
    Client,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It has no scope that permits the request.
    Scope,
}

impl Rejection {
    /// Returns the end of the sentence "the token …".
    pub(in crate::exchange_service) fn description(self) -> &'static str {
        match self {
            Rejection::Missing => "is missing",
            Rejection::TooLarge => "is longer than 16 KiB",
            Rejection::Malformed => "is not an access token of Entra ID for a user",
            Rejection::Algorithm => "is not signed with RS256",
            Rejection::UnknownKey => "is signed with a key that the tenant does not publish",
            Rejection::KeysUnavailable => {
                "cannot be checked, because the tenant's keys are unavailable"
            }
            Rejection::Signature => "has an invalid signature",
            Rejection::Issuer => "has another issuer than the tenant's",
            Rejection::Tenant => "belongs to a tenant that is not allowed",
            Rejection::Audience => "has another audience",
            Rejection::Client => "was issued to an application that is not allowed",
            Rejection::Expired => "has expired",
            Rejection::NotYetValid => "is not valid yet",
            Rejection::Scope => "has no scope for this request",
        }
    }
}

/// Implements the words of the rejections.
macro_rules! words {
    ($($variant:ident => $word:literal,)*) => {
        impl Rejection {
            #[cfg(test)]
            pub(in crate::exchange_service) const ALL: &[Rejection] = &[$(Rejection::$variant,)*];

            /// Returns the word for the audit and the metrics.
            pub(in crate::exchange_service) fn word(self) -> &'static str {
                match self {
                    $(Rejection::$variant => $word,)*
                }
            }

            /// Returns the word for the subject token.
            pub(in crate::exchange_service) fn subject_word(self) -> &'static str {
                match self {
                    $(Rejection::$variant => concat!("subject_", $word),)*
                }
            }
        }
    };
}

words! {
    Missing => "missing",
    TooLarge => "too_large",
    Malformed => "malformed",
    Algorithm => "algorithm_not_allowed",
    UnknownKey => "unknown_key",
    KeysUnavailable => "keys_unavailable",
    Signature => "bad_signature",
    Issuer => "wrong_issuer",
    Tenant => "tenant_not_allowed",
    Audience => "wrong_audience",
    Client => "client_not_allowed",
    Expired => "expired",
    NotYetValid => "not_yet_valid",
    Scope => "missing_scope",
}
