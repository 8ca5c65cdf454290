"""azure-communication-identity 1.0.1, unmodified: every operation of both its clients, and the errors
that it can cause. It signs the `Date` header."""

import contextlib
import inspect
import time
import unittest

from azure.communication.identity import (
    CommunicationIdentityClient,
    CommunicationTokenScope,
    CommunicationUserIdentifier,
)
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncIdentityClient
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

import world


async def settled(outcome):
    return await outcome if inspect.isawaitable(outcome) else outcome


class Fixed:
    """A credential that has this token and no other."""

    def __init__(self, token):
        self.token = AccessToken(token, int(time.time()) + 3600)

    def get_token(self, *_scopes, **_options):
        return self.token


class AsyncFixed(Fixed):
    async def get_token(self, *_scopes, **_options):
        return self.token


class Operations:
    """What both clients are put through; the subclasses say which client."""

    client_type = None
    fixed = None

    async def asyncSetUp(self):
        self.open = contextlib.AsyncExitStack()
        self.addAsyncCleanup(self.open.aclose)
        self.client = await self.entered(
            self.client_type.from_connection_string(world.CONNECTION_STRING)
        )

    async def entered(self, client):
        if hasattr(client, "__aenter__"):
            return await self.open.enter_async_context(client)
        return client

    async def with_credential(self, credential):
        return await self.entered(self.client_type(world.URL, credential))

    async def refused(self, status, code, target, call):
        with self.assertRaises(HttpResponseError) as caught:
            await settled(call())
        error = caught.exception
        self.assertEqual((error.status_code, error.error.code), (status, code))
        self.assertEqual(error.error.target, target)
        self.assertEqual(isinstance(error, ClientAuthenticationError), status == 401)

    async def whole_sequence(self, client):
        user = await settled(client.create_user())
        self.assertTrue(user.properties["id"].startswith("8:acs:"), user.properties)
        first = await settled(client.get_token(user, [CommunicationTokenScope.CHAT]))
        again = await settled(client.get_token(user, ["chat", "voip"]))
        self.assertEqual(world.claims(again.token)["acsScope"], "chat,voip")
        self.assertTrue(world.is_honoured(first.token) and world.is_honoured(again.token))

        await settled(client.revoke_tokens(user))
        self.assertFalse(world.is_honoured(first.token) or world.is_honoured(again.token))
        other, token = await settled(client.create_user_and_token(["voip"]))
        self.assertNotEqual(other.properties["id"], user.properties["id"])
        self.assertTrue(world.is_honoured(token.token))

        await settled(client.delete_user(other))
        self.assertFalse(world.is_honoured(token.token))
        await self.refused(
            401, "IdentityNotOwned", None, lambda: client.get_token(other, ["chat"])
        )

    async def test_with_a_connection_string(self):
        await self.whole_sequence(self.client)

    async def test_with_an_endpoint_and_a_key(self):
        await self.whole_sequence(await self.with_credential(world.KEY))

    async def test_with_an_entra_token(self):
        status, body = world.token_request(
            {
                "client_id": world.SERVICE_APP,
                "client_secret": world.SERVICE_SECRET,
                "grant_type": "client_credentials",
                "scope": "https://communication.azure.com//.default",
            }
        )
        self.assertEqual(status, 200, body)
        await self.whole_sequence(await self.with_credential(self.fixed(body["access_token"])))
        for wrong in (world.entra_token(), "garbage"):
            client = await self.with_credential(self.fixed(wrong))
            await self.refused(401, "Denied", None, client.create_user)

    async def test_the_errors(self):
        user = await settled(self.client.create_user())
        for scopes, target in ((None, "Scopes"), ([], "scopes"), (["nonsense"], "scopes")):
            with self.subTest(scopes=scopes):
                await self.refused(
                    400, "ValidationError", target, lambda: self.client.get_token(user, scopes)
                )
        foreign = CommunicationUserIdentifier(world.FOREIGN_IDENTITY)
        for call in (
            lambda: self.client.get_token(foreign, ["chat"]),
            lambda: self.client.revoke_tokens(foreign),
            lambda: self.client.delete_user(foreign),
        ):
            await self.refused(401, "IdentityNotOwned", None, call)
        wrong = await self.with_credential("d3Jvbmc=")
        await self.refused(401, "Denied", None, wrong.create_user)


class Synchronous(Operations, unittest.IsolatedAsyncioTestCase):
    client_type = CommunicationIdentityClient
    fixed = Fixed


class Asynchronous(Operations, unittest.IsolatedAsyncioTestCase):
    client_type = AsyncIdentityClient
    fixed = AsyncFixed


if __name__ == "__main__":
    unittest.main()
