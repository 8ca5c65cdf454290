//! What the tenant allows: Conditional Access, devices, networks, risk.

use super::{Advice, at, row, say};

pub(super) const ROWS: &[Advice] = &[
    row(
        50097,
        "Conditional Access asks for a registered device, and this sign-in came without one",
        "sign in with a browser that knows your work account, such as Edge, on a managed device",
        "register the device, or leave your application out of the policy",
        at::POLICIES,
    ),
    row(
        50105,
        "the user is not assigned to the application",
        "ask your admin to assign you to the application",
        "assign the user or a group (a group needs Entra ID P1 or P2), or switch off Assignment \
         required under Properties",
        at::ASSIGNMENT,
    ),
    row(
        50131,
        "Conditional Access refused the sign-in: the device, the place or a risk",
        say::ASK,
        say::READ_LOG,
        at::LOG,
    ),
    row(
        50158,
        "the tenant asks for a proof from an external service",
        say::FINISH,
        "see that the external method works for this user",
        "Entra admin center > Authentication methods > Policies",
    ),
    row(
        500_021,
        "this network lets users sign in to chosen tenants only, and this tenant is none of them",
        "use another network, or an account of a tenant that this network allows",
        "add the tenant to the tenant restrictions of the network's proxy",
        "the proxy's header Restrict-Access-To-Tenants; Entra admin center > External Identities > \
         Cross-tenant access settings",
    ),
    row(
        500_022,
        "the tenant restrictions of this network refuse this account",
        "use another network, or an account of a tenant that this network allows",
        "add the tenant to the tenant restrictions policy",
        "Entra admin center > External Identities > Cross-tenant access settings > Tenant \
         restrictions",
    ),
    row(
        53000,
        "Conditional Access asks for a compliant device, and this one is not",
        "enrol the device or bring it up to date with Company Portal, then run `acspass login`; if it is \
         compliant already, send your admin this message",
        "see which rule the device breaks, or leave your application out of the policy",
        "Intune admin center > Devices > the device > Device compliance",
    ),
    row(
        53001,
        "Conditional Access asks for a device that is joined to the organisation",
        "run `acspass login` on a device that is joined to your organisation; if this one should be, \
         ask your admin to look at it",
        "see whether the device is joined, or leave your application out of the policy",
        "Entra admin center > Devices > All devices; Conditional Access > Policies",
    ),
    row(
        53002,
        "Conditional Access allows approved applications only, and yours is none of them",
        "ask your admin for a policy that allows the application",
        "leave your application out of the policy: the list of approved ones cannot be extended",
        at::POLICIES,
    ),
    row(
        53003,
        "a Conditional Access policy blocks this sign-in",
        "if you used a device code, run `acspass login` without it: the browser is often allowed \
         where the code is not; else send your admin this whole message",
        "find the sign-in by its correlation id; the tab Conditional Access names the policy",
        at::LOG,
    ),
    row(
        53004,
        "the user may not register for multifactor authentication here: the sign-in looks risky",
        "sign in from a place and device that you used before, then run `acspass login`",
        "dismiss the user's risk, or give a Temporary Access Pass",
        "Entra admin center > Protection > Risky activities > Risky users",
    ),
    row(
        53005,
        "the tenant asks for an app protection policy, which desktop applications cannot have",
        "ask your admin for a policy that allows a compliant desktop device instead",
        "accept either app protection or a compliant device, or leave your application out of the policy",
        at::POLICIES,
    ),
    row(
        530_032,
        "a security policy of the tenant blocks the sign-in",
        say::ASK,
        say::READ_LOG,
        at::LOG,
    ),
    row(
        530_035,
        "the tenant's security defaults block the sign-in, often for want of multifactor authentication",
        "register for multifactor authentication at https://mysignins.microsoft.com/security-info, \
         then run `acspass login`; if you had done so before, send your admin this message",
        "read the reason in the sign-in log; security defaults make no exceptions: Conditional \
         Access policies in their place can",
        at::LOG,
    ),
    row(
        700_003,
        "the device was deleted or disabled in the tenant",
        "register the device again, or sign in with a browser that has no work account",
        "enable the device, or remove it so that it can be registered again",
        at::DEVICES,
    ),
    row(
        90094,
        "only an admin may grant what the application asks for",
        "send your admin the message that `acspass setup` prints",
        "grant admin consent, by the address that `acspass setup` prints",
        at::PERMISSIONS,
    ),
    row(
        90095,
        "only an admin may grant what the application asks for, and a request can be sent to one",
        "fill in the page's request, and sign in again once it is granted",
        "approve the request",
        "Entra admin center > Enterprise applications > Admin consent requests",
    ),
];
