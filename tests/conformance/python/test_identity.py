"""azure-communication-identity, unmodified: every operation and every documented error, in its
synchronous and its asynchronous client, with each way of proving the right to the resource."""

import contextlib
import inspect
import time
import unittest
from datetime import datetime, timedelta, timezone
from unittest import mock

from azure.communication.identity import (
    CommunicationIdentityClient,
    CommunicationTokenScope,
    CommunicationUserIdentifier,
)
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncIdentityClient
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential

import test_msal
import world

SCOPES = list(CommunicationTokenScope)


def unix(expires_on):
    """The SDK hands the service's own text on: seven fractional digits and an offset."""
    date, _, fraction = expires_on.partition(".")
    if fraction != "0000000+00:00":
        raise AssertionError(f"an expiry in another form: {expires_on}")
    return int(datetime.fromisoformat(date).replace(tzinfo=timezone.utc).timestamp())


async def settled(outcome):
    return await outcome if inspect.isawaitable(outcome) else outcome


class Operations:
    """What both clients are put through; the subclasses say which client."""

    client_type = None
    secret_credential = None

    async def asyncSetUp(self):
        self.open = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self.open.aclose)
        self.client = await self.entered(
            self.client_type.from_connection_string(world.CONNECTION_STRING)
        )

    async def entered(self, resource):
        if hasattr(resource, "__aenter__"):
            return await self.open.enter_async_context(resource)
        # The synchronous client of this SDK cannot be closed.
        return resource

    async def with_credential(self, credential, **options):
        return await self.entered(self.client_type(world.URL, credential, **options))

    async def by_entra(self, client_id, secret):
        credential = self.secret_credential(
            world.TENANT,
            client_id,
            secret,
            authority=world.URL,
            disable_instance_discovery=True,
        )
        return await self.with_credential(await self.entered(credential))

    async def refused(self, status, code, target, call):
        with self.assertRaises(HttpResponseError) as caught:
            await settled(call())
        error = caught.exception
        self.assertEqual((error.status_code, error.error.code), (status, code))
        self.assertEqual(error.error.target, target)
        self.assertEqual(isinstance(error, ClientAuthenticationError), status == 401)

    # --- what works -----------------------------------------------------------------------------

    async def whole_sequence(self, client):
        """The quickstarts' sequence: create, issue, refresh, revoke, delete, exchange."""
        user = await settled(client.create_user())
        self.assertTrue(user.raw_id.startswith("8:acs:"), user.raw_id)
        first = await settled(client.get_token(user, [CommunicationTokenScope.CHAT]))
        again = await settled(client.get_token(user, ["chat", "voip"]))
        self.assertTrue(world.is_honoured(first.token) and world.is_honoured(again.token))

        await settled(client.revoke_tokens(user))
        self.assertFalse(world.is_honoured(first.token) or world.is_honoured(again.token))
        after = await settled(client.get_token(user, ["voip"]))
        self.assertTrue(world.is_honoured(after.token))

        await settled(client.delete_user(user))
        self.assertFalse(world.is_honoured(after.token))
        await self.refused(
            401, "IdentityNotOwned", None, lambda: client.get_token(user, ["chat"])
        )

        entra = world.entra_token()
        token = await settled(
            client.get_token_for_teams_user(entra, world.CLIENT, world.OBJECT)
        )
        self.assertTrue(world.is_honoured(token.token))

    async def test_with_a_connection_string(self):
        await self.whole_sequence(self.client)

    async def test_with_a_key_credential(self):
        await self.whole_sequence(await self.with_credential(AzureKeyCredential(world.KEY)))

    async def test_with_an_entra_credential(self):
        await self.whole_sequence(await self.by_entra(world.SERVICE_APP, world.SERVICE_SECRET))

    async def test_a_teams_user_signs_in_and_exchanges(self):
        app = test_msal.an_app("organizations")
        signed_in = test_msal.sign_in(app)
        [account] = app.get_accounts()
        for force in (False, True):
            entra = app.acquire_token_silent_with_error(
                world.TEAMS_SCOPES, account, force_refresh=force
            )["access_token"]
            self.assertEqual(entra == signed_in["access_token"], not force)
            token = await settled(
                self.client.get_token_for_teams_user(
                    entra, world.CLIENT, account["home_account_id"].partition(".")[0]
                )
            )
            self.assertEqual(unix(token.expires_on), world.claims(entra)["exp"])
            claims = world.claims(token.token)
            self.assertEqual(claims["skypeid"], f"orgid:{world.OBJECT}")
            self.assertEqual(claims["acsScope"], "chat,voip")

    async def test_each_scope_and_lifetime(self):
        user = await settled(self.client.create_user())
        asked = [[scope] for scope in SCOPES] + [SCOPES]
        self.assertEqual(len(SCOPES), 5)
        for scopes in asked:
            for minutes in (60, 1440, None):
                with self.subTest(scopes=scopes, minutes=minutes):
                    life = None if minutes is None else timedelta(minutes=minutes)
                    options = {} if life is None else {"token_expires_in": life}
                    token = await settled(self.client.get_token(user, scopes, **options))
                    self.check_token(token, user, scopes, minutes or 1440)
                    other, token = await settled(
                        self.client.create_user_and_token(scopes, **options)
                    )
                    self.assertNotEqual(other.raw_id, user.raw_id)
                    self.check_token(token, other, scopes, minutes or 1440)

    def check_token(self, token, user, scopes, minutes):
        claims = world.claims(token.token)
        self.assertEqual(f"8:{claims['skypeid']}", user.raw_id)
        self.assertEqual(claims["acsScope"], ",".join(str(scope.value) for scope in scopes))
        self.assertEqual(claims["exp"] - claims["iat"], minutes * 60)
        self.assertEqual(unix(token.expires_on), claims["exp"])
        self.assertEqual(claims["csi"], str(claims["iat"]))

    async def test_another_api_version_of_the_sdk(self):
        client = await self.with_credential(
            AzureKeyCredential(world.KEY), api_version="2022-10-01"
        )
        await self.whole_sequence(client)

    # --- the documented errors ------------------------------------------------------------------

    async def test_scopes_are_needed_and_known(self):
        user = await settled(self.client.create_user())
        for scopes, target in ((None, "Scopes"), ([], "scopes"), (["nonsense"], "scopes")):
            with self.subTest(scopes=scopes):
                await self.refused(
                    400, "ValidationError", target, lambda: self.client.get_token(user, scopes)
                )

    async def test_a_lifetime_out_of_range(self):
        user = await settled(self.client.create_user())
        for life in (
            timedelta(minutes=59),
            # The SDK cuts the seconds off.
            timedelta(minutes=59, seconds=59),
            timedelta(minutes=1441),
        ):
            with self.subTest(life=life):
                await self.refused(
                    400,
                    "ValidationError",
                    "ExpiresInMinutes",
                    lambda: self.client.get_token(user, ["chat"], token_expires_in=life),
                )
                await self.refused(
                    400,
                    "ValidationError",
                    "ExpiresInMinutes",
                    lambda: self.client.create_user_and_token(["chat"], token_expires_in=life),
                )

    async def test_an_identity_of_another_resource_or_of_none(self):
        deleted = await settled(self.client.create_user())
        await settled(self.client.delete_user(deleted))
        for user in (CommunicationUserIdentifier(world.FOREIGN_IDENTITY), deleted):
            for call in (
                lambda: self.client.get_token(user, ["chat"]),
                lambda: self.client.revoke_tokens(user),
            ):
                await self.refused(401, "IdentityNotOwned", None, call)
        foreign = CommunicationUserIdentifier(world.FOREIGN_IDENTITY)
        await self.refused(
            401, "IdentityNotOwned", None, lambda: self.client.delete_user(foreign)
        )

    async def test_what_is_no_identity(self):
        user = CommunicationUserIdentifier("sanitized")
        await self.refused(
            400, "ValidationError", "id", lambda: self.client.get_token(user, ["chat"])
        )

    async def test_an_exchange_without_a_good_entra_token(self):
        good = world.entra_token()
        graph = world.entra_token(scopes=["https://graph.microsoft.com/User.Read"])
        for name, token in (
            ("empty", ""),
            ("garbage", "invalid"),
            ("expired", world.expired(good)),
            ("changed", good[:-4] + ("AAAA" if not good.endswith("AAAA") else "BBBB")),
            ("for Microsoft Graph", graph),
        ):
            for app, user in ((world.CLIENT, world.OBJECT), (world.CLIENT, "")):
                with self.subTest(token=name, user=user):
                    await self.refused(
                        401,
                        "InvalidAccessToken",
                        None,
                        lambda: self.client.get_token_for_teams_user(token, app, user),
                    )
        await self.refused(
            400,
            "ValidationError",
            None,
            lambda: self.client.get_token_for_teams_user(None, world.CLIENT, world.OBJECT),
        )

    async def test_an_exchange_for_another_app_or_user(self):
        token = world.entra_token()
        for app, user, target in (
            ("sanitized", world.OBJECT, "appId"),
            (world.NOBODY, world.OBJECT, "appId"),
            ("", world.OBJECT, "AppId"),
            (world.CLIENT, "sanitized", "userId"),
            (world.CLIENT, world.NOBODY, "userId"),
            (world.CLIENT, "", "UserId"),
        ):
            with self.subTest(app=app, user=user):
                await self.refused(
                    400,
                    "ValidationError",
                    target,
                    lambda: self.client.get_token_for_teams_user(token, app, user),
                )

    async def test_an_exchange_without_a_licence(self):
        username, object_id = world.UNLICENSED
        token = world.entra_token(username)
        await self.refused(
            403,
            "Forbidden",
            None,
            lambda: self.client.get_token_for_teams_user(token, world.CLIENT, object_id),
        )

    async def test_a_wrong_key(self):
        client = await self.with_credential(AzureKeyCredential("d3Jvbmc="))
        await self.refused(401, "Denied", None, client.create_user)

    async def test_a_wrong_clock(self):
        for seconds in (-3600, 3600):
            at = datetime.fromtimestamp(time.time() + seconds, timezone.utc)
            text = at.strftime("%a, %d %b %Y %H:%M:%S GMT")
            with mock.patch(
                "azure.communication.identity._shared.policy.get_current_utc_time",
                return_value=text,
            ):
                await self.refused(401, "Denied", None, self.client.create_user)
        await settled(self.client.create_user())

    async def test_an_app_without_a_role(self):
        client = await self.by_entra(world.APP_WITHOUT_ROLE, world.SECRET_WITHOUT_ROLE)
        await self.refused(403, "Forbidden", None, client.create_user)

    async def test_an_entra_token_for_another_audience_or_past_its_end(self):
        user_token = world.entra_token()
        status, body = world.token_request(
            {
                "client_id": world.SERVICE_APP,
                "client_secret": world.SERVICE_SECRET,
                "grant_type": "client_credentials",
                "scope": "https://communication.azure.com//.default",
            }
        )
        self.assertEqual(status, 200, body)
        for token in (user_token, world.expired(body["access_token"]), "garbage"):
            client = await self.with_credential(self.fixed(token))
            await self.refused(401, "Denied", None, client.create_user)

    async def test_an_api_version_that_is_not_there(self):
        client = await self.with_credential(
            AzureKeyCredential(world.KEY), api_version="2019-01-01"
        )
        await self.refused(400, "UnsupportedApiVersion", None, client.create_user)


class Fixed:
    """A credential that has this token and no other."""

    def __init__(self, token):
        self.token = AccessToken(token, int(time.time()) + 3600)

    def get_token(self, *_scopes, **_options):
        return self.token


class AsyncFixed(Fixed):
    async def get_token(self, *_scopes, **_options):
        return self.token


class Synchronous(Operations, unittest.IsolatedAsyncioTestCase):
    client_type = CommunicationIdentityClient
    secret_credential = ClientSecretCredential
    fixed = Fixed


class Asynchronous(Operations, unittest.IsolatedAsyncioTestCase):
    client_type = AsyncIdentityClient
    secret_credential = AsyncClientSecretCredential
    fixed = AsyncFixed


if __name__ == "__main__":
    unittest.main()
