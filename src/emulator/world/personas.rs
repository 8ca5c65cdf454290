//! Users for the failures that real ones meet: each meets one, always the same, under a name that
//! says which. A client picks one as any other user, by `login_hint` or on the page.

use super::people::{Obstacle, Refused, User, at, ordinary};
use super::{CONTOSO, FABRIKAM};

/// Those who meet an obstacle, each by a name that says which.
pub(in super::super) static PERSONAS: [User; 15] = [
    User {
        obstacle: Obstacle::Consent,
        note: "consents to the app on a page, once",
        ..ordinary(
            "consent@contoso.example",
            "Consent",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000201"),
        )
    },
    User {
        obstacle: Obstacle::AdminConsent,
        note: "may not consent: an admin must (AADSTS90094)",
        ..ordinary(
            "admin-consent@contoso.example",
            "Admin Consent",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000202"),
        )
    },
    User {
        obstacle: Obstacle::Mfa,
        note: "enters a code on a page (123456)",
        ..ordinary(
            "mfa@contoso.example",
            "Mfa",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000203"),
        )
    },
    User {
        obstacle: Obstacle::Page {
            title: Some("You cannot access this right now"),
            why: Refused {
                error: "access_denied",
                number: 53003,
                suberror: None,
                text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
            },
        },
        note: "is blocked by Conditional Access (AADSTS53003)",
        ..ordinary(
            "blocked@contoso.example",
            "Blocked",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000204"),
        )
    },
    User {
        obstacle: Obstacle::Page {
            title: None,
            why: Refused {
                error: "invalid_grant",
                number: 50105,
                suberror: None,
                text: "Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application.",
            },
        },
        note: "is not assigned to the app (AADSTS50105)",
        ..ordinary(
            "unassigned@contoso.example",
            "Unassigned",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000205"),
        )
    },
    User {
        obstacle: Obstacle::Page {
            title: None,
            why: Refused {
                error: "invalid_grant",
                number: 50057,
                suberror: None,
                text: "The user account is disabled.",
            },
        },
        note: "has a disabled account (AADSTS50057)",
        ..ordinary(
            "disabled@contoso.example",
            "Disabled",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000206"),
        )
    },
    User {
        obstacle: Obstacle::Page {
            title: None,
            why: Refused {
                error: "invalid_grant",
                number: 50053,
                suberror: None,
                text: "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
            },
        },
        note: "has a locked account (AADSTS50053)",
        ..ordinary(
            "locked@contoso.example",
            "Locked",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000207"),
        )
    },
    User {
        obstacle: Obstacle::Page {
            title: None,
            why: Refused {
                error: "invalid_grant",
                number: 50055,
                suberror: None,
                text: "The password is expired.",
            },
        },
        note: "has an expired password (AADSTS50055)",
        ..ordinary(
            "password-expired@contoso.example",
            "Password Expired",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000208"),
        )
    },
    User {
        obstacle: Obstacle::Page {
            title: None,
            why: Refused {
                error: "invalid_grant",
                number: 50034,
                suberror: None,
                text: "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.",
            },
        },
        note: "has no account in the tenant (AADSTS50034)",
        ..ordinary(
            "nobody@contoso.example",
            "Nobody",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000209"),
        )
    },
    User {
        obstacle: Obstacle::None,
        note: "is of another tenant and no guest of this one (AADSTS50020)",
        ..ordinary(
            "stranger@fabrikam.example",
            "Stranger",
            at(&FABRIKAM, "ac5ba55e-05e4-4000-8000-000000000210"),
        )
    },
    User {
        obstacle: Obstacle::Challenge(Refused {
            error: "interaction_required",
            number: 50076,
            suberror: Some("basic_action"),
            text: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.",
        }),
        note: "cannot renew without more proof (AADSTS50076 with claims)",
        ..ordinary(
            "step-up@contoso.example",
            "Step Up",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000211"),
        )
    },
    User {
        obstacle: Obstacle::Challenge(Refused {
            error: "invalid_grant",
            number: 53003,
            suberror: Some("message_only"),
            text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        }),
        note: "cannot renew from a new place (AADSTS53003 with claims)",
        ..ordinary(
            "moved@contoso.example",
            "Moved",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000212"),
        )
    },
    User {
        obstacle: Obstacle::Renewal(Refused {
            error: "invalid_grant",
            number: 70043,
            suberror: Some("token_expired"),
            text: "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
        }),
        note: "has sessions that end by sign-in frequency (AADSTS70043)",
        ..ordinary(
            "expired@contoso.example",
            "Expired",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000213"),
        )
    },
    User {
        obstacle: Obstacle::Renewal(Refused {
            error: "invalid_grant",
            number: 700_082,
            suberror: None,
            text: "The refresh token has expired due to inactivity.",
        }),
        note: "has sessions that were unused too long (AADSTS700082)",
        ..ordinary(
            "idle@contoso.example",
            "Idle",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000214"),
        )
    },
    User {
        obstacle: Obstacle::Renewal(Refused {
            error: "invalid_grant",
            number: 50173,
            suberror: Some("bad_token"),
            text: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
        }),
        note: "has sessions that were revoked (AADSTS50173)",
        ..ordinary(
            "revoked@contoso.example",
            "Revoked",
            at(&CONTOSO, "ac5ba55e-05e4-4000-8000-000000000215"),
        )
    },
];
