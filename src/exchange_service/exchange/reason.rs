//! The reasons of refusals: the words of the audit, of the metrics and of the guide.

use crate::exchange_service::tokens::Rejection;

/// Declares [`Reason`] with a word for each variant.
macro_rules! reasons {
    ($($variant:ident => $word:literal,)*) => {
        /// The reason of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::exchange_service) enum Reason {
            /// The bearer token.
            Bearer(Rejection),
            /// The subject token.
            Subject(Rejection),
            $($variant,)*
        }

        impl Reason {
            /// Returns the word.
            pub(in crate::exchange_service) fn as_str(self) -> &'static str {
                match self {
                    Reason::Bearer(rejection) => rejection.word(),
                    Reason::Subject(rejection) => rejection.subject_word(),
                    $(Reason::$variant => $word,)*
                }
            }

            /// Those that are not about a token.
            #[cfg(test)]
            const OTHERS: &[Reason] = &[$(Reason::$variant,)*];
        }
    };
}

reasons! {
    Interrupted => "interrupted",
    UserLimit => "user_limit",
    Budget => "budget",
    ResourceLimit => "resource_limit",
    ResourceUnavailable => "resource_unavailable",
    ResourceDenied => "resource_denied",
    ResourceRefusedToken => "resource_refused_token",
    ResourceRefusedRequest => "resource_refused_request",
    ResourceUnexpected => "resource_unexpected",
    CredentialRefused => "credential_refused",
    ClaimsChallenge => "claims_challenge",
    SignInRequired => "sign_in_required",
    ConsentRequired => "consent_required",
    ConditionalAccess => "conditional_access",
    OnBehalfOfRefused => "on_behalf_of_refused",
    UserNotAssigned => "user_not_assigned",
    UserDisabled => "user_disabled",
    UserUnknown => "user_unknown",
    OnBehalfOfCredential => "on_behalf_of_credential",
    OnBehalfOfConfiguration => "on_behalf_of_configuration",
    EntraLimit => "entra_limit",
    EntraUnavailable => "entra_unavailable",
    DatabaseUnavailable => "database_unavailable",
    AuditUnavailable => "audit_unavailable",
    DifferentUsers => "different_users",
    RepeatedHeader => "repeated_header",
    RepeatedParameter => "repeated_parameter",
    Target => "target",
    Scope => "scope",
    ActorToken => "actor_token",
    RequestedTokenType => "requested_token_type",
    SubjectTokenType => "subject_token_type",
    GrantType => "grant_type",
    GrantTypeMissing => "grant_type_missing",
    NotAForm => "not_a_form",
    BodyTooLarge => "body_too_large",
    BodyTooSlow => "body_too_slow",
    BodyMalformed => "body_malformed",
    NoIdentities => "no_identities",
    IdentityDeleted => "identity_deleted",
    IdentityOfAnotherResource => "identity_of_another_resource",
    CallerGone => "caller_gone",
    NoSuchRoute => "no_such_route",
    NoSuchMethod => "no_such_method",
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_guide_has_each_reason() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/exchange-service.md");
        let guide = std::fs::read_to_string(path).expect("the guide");
        let (_, table) = guide.split_once("| reason | cause |").expect("the table");
        let (table, _) = table.split_once("\n\n").expect("its end");
        let others = Reason::OTHERS.iter().copied();
        // A request to another path or with another method is no decision, and one without a caller is
        // abandoned.
        let others = others.filter(|reason| !reason.as_str().starts_with("no_such_"));
        let others = others.filter(|reason| *reason != Reason::CallerGone);
        let tokens = Rejection::ALL.iter().copied().map(Reason::Bearer);
        for reason in others.chain(tokens) {
            let word = format!("`{}`", reason.as_str());
            assert!(table.contains(&word), "{word} is missing");
        }
        for rejection in Rejection::ALL {
            let word = Reason::Subject(*rejection).as_str();
            assert_eq!(word.strip_prefix("subject_"), Some(rejection.word()));
        }
    }
}
