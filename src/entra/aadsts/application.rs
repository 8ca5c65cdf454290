//! The application's registration, its permissions and their consent.

use super::{Advice, at, row, say};

pub(super) const ROWS: &[Advice] = &[
    row(
        50011,
        "the redirect URI is not registered for your application",
        "have the redirect URI http://localhost registered; it stands for every port",
        "add http://localhost under Mobile and desktop applications, not under Web or \
         Single-page application",
        at::AUTHENTICATION,
    ),
    row(
        50194,
        "your application is for one tenant, and the sign-in was not sent to that tenant",
        "name the tenant: `acspass config set tenant YOUR-TENANT`",
        "or register the application for accounts in any organizational directory",
        at::AUTHENTICATION,
    ),
    row(
        500_011,
        "the tenant has no service principal for Azure Communication Services",
        "send your admin the message that `acspass setup` prints; once that is done, run \
         `acspass login`",
        "create that service principal by the command below, then grant your application consent",
        "`az ad sp create --id 1fd5118e-2576-4263-8130-9503064c837a`",
    ),
    row(
        65001,
        "the permissions that your application asks for have not been consented to",
        "run `acspass login --prompt consent` and accept; if you may not, send your admin the message \
         that `acspass setup` prints, and run `acspass login` once it is granted",
        "open the address in that message, or grant admin consent in the admin center",
        at::PERMISSIONS,
    ),
    row(
        65004,
        "the consent was declined",
        "run `acspass login` again and accept; if you may not, send your admin the message that \
         `acspass setup` prints",
        "open the address in that message, or grant admin consent in the admin center",
        at::PERMISSIONS,
    ),
    row(
        65005,
        "your application asks for a permission that its registration does not list",
        "send this message to whoever registered the application; once that is mended, run \
         `acspass login`",
        "add Azure Communication Services > Teams.ManageCalls and Teams.ManageChats, then grant \
         admin consent",
        at::PERMISSIONS,
    ),
    row(
        650_052,
        "the tenant has no service principal for Azure Communication Services: nobody has set it up there",
        "send your admin the message that `acspass setup` prints; once that is done, run \
         `acspass login`",
        "create that service principal by the command below, then grant your application consent",
        "`az ad sp create --id 1fd5118e-2576-4263-8130-9503064c837a`",
    ),
    row(
        650_056,
        "your application is misconfigured: permissions or consent are missing",
        "send the owner of the application this message",
        "add Azure Communication Services > Teams.ManageCalls and Teams.ManageChats, then grant \
         admin consent",
        at::PERMISSIONS,
    ),
    row(
        650_057,
        "your application asks for a resource that its registration does not list",
        "send the owner of the application this message",
        "add Azure Communication Services under APIs my organization uses, with \
         Teams.ManageCalls and Teams.ManageChats",
        at::PERMISSIONS,
    ),
    row(
        70001,
        "the tenant does not know your application, or it is disabled there",
        "check client id and tenant in `acspass config list`",
        "grant consent for the application in this tenant, or enable it",
        at::PROPERTIES,
    ),
    row(
        700_016,
        "the tenant does not know an application with this client id",
        "check client id and tenant in `acspass config list`: the client id is the Application \
         (client) ID, not the object id",
        "if the application is another tenant's, grant admin consent here, which adds it",
        at::OVERVIEW,
    ),
    row(
        700_025,
        "your application is a public client, and a secret was sent with the request",
        say::REPORT,
        say::NOTHING,
        at::AUTHENTICATION,
    ),
    row(
        700_054,
        "the answer that was asked for is not enabled for your application",
        say::REPORT,
        "keep the redirect URI under Mobile and desktop applications: it answers with a code",
        at::AUTHENTICATION,
    ),
    row(
        700_084,
        "the redirect URI is registered as Single-page application, whose sessions end after a day",
        "sign in again with `acspass login`, and have the registration changed",
        "move http://localhost from Single-page application to Mobile and desktop applications",
        at::AUTHENTICATION,
    ),
    row(
        7_000_112,
        "your application is disabled in this tenant",
        "ask your admin to enable the application, then run `acspass login`",
        "set 'Enabled for users to sign-in?' to Yes",
        at::PROPERTIES,
    ),
    row(
        7_000_215,
        "a client secret was sent, and it is wrong; a desktop application needs none",
        "check that the client id is the desktop application's, in `acspass config list`",
        "register the redirect URI under Mobile and desktop applications, which use no secret",
        at::AUTHENTICATION,
    ),
    row(
        7_000_218,
        "Entra takes your application for one with a secret, not for a desktop application",
        "send the owner of the application this message",
        "register http://localhost under Mobile and desktop applications, and set Allow public \
         client flows to Yes, which device codes need",
        at::AUTHENTICATION,
    ),
    row(
        7_000_222,
        "the client secret has expired; a desktop application needs none",
        "check that the client id is the desktop application's, in `acspass config list`",
        "register the redirect URI under Mobile and desktop applications, which use no secret",
        at::AUTHENTICATION,
    ),
    row(
        90099,
        "your application is not allowed in this tenant, which a partner administers",
        "send your admin the message that `acspass setup` prints",
        "consent to the application in advance, in the partner's and in the customer's tenant",
        at::SETUP,
    ),
    row(
        9_002_325,
        "the redirect URI is registered as Single-page application, not for the desktop",
        "send the owner of the application this message",
        "move http://localhost from Single-page application to Mobile and desktop applications",
        at::AUTHENTICATION,
    ),
    row(
        9_002_327,
        "the redirect URI is registered as Single-page application, and only browsers may redeem \
         its codes",
        "send the owner of the application this message",
        "move http://localhost from Single-page application to Mobile and desktop applications",
        at::AUTHENTICATION,
    ),
    row(
        9_002_332,
        "your application is for work and school accounts, and a personal one was asked for",
        "set the tenant to `organizations` or your own: `acspass config set tenant organizations`",
        say::NOTHING,
        at::SETTINGS,
    ),
    row(
        900_971,
        "your application has no redirect URI",
        "send the owner of the application this message",
        "add http://localhost under Mobile and desktop applications",
        at::AUTHENTICATION,
    ),
];
