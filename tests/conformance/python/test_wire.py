"""Our client's requests beside the SDKs', request by request, for the same inputs and date.

Each call is made by `acspass`, by the Python SDK in both its clients and by the JavaScript SDK,
against a server that keeps the bytes. What is different must be in the list of what may be, with
the reason for it; anything else fails.
"""

import asyncio
import json
import os
import re
import subprocess
import tempfile
import unittest
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from unittest import mock

from azure.communication.identity import CommunicationIdentityClient, CommunicationUserIdentifier
from azure.communication.identity.aio import CommunicationIdentityClient as AsyncIdentityClient
from azure.core.credentials import AzureKeyCredential

import test_identity
import world
from recorder import IDENTITY, Recorder

CLIENTS_SCOPES = ["https://communication.azure.com/clients/.default"]
EXTENSION_SCOPES = ["https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls"]

# --- the differences that are known and right -----------------------------------------------------

# What every HTTP library adds as it likes; none of it is signed, none of it means anything here.
OF_THE_LIBRARY = {"user-agent", "accept-encoding", "connection", "accept-language"}
SDK_HEADERS = {
    # Asks for the request id to be echoed, which the service does anyway.
    "python": {"x-ms-return-client-request-id"},
    "python, asynchronous": {"x-ms-return-client-request-id"},
    # What `fetch` adds for a page; Node's has no page to speak of.
    "javascript": {"sec-fetch-mode"},
}
# That a DELETE without a body says so is a habit of Python's; JavaScript does not either. A POST
# that does not would get 411 from many a server, so there it must be said.
LENGTH_OF_NOTHING = {("python", "DELETE"), ("python, asynchronous", "DELETE")}
# Python's JSON has a space after each colon and comma; so bodies are compared as values, and each
# one's own bytes are what its own signature must cover.
# aiohttp's yarl writes an id's colons plainly, where all others escape them; the SDK signs what it
# sends, and the service decodes once.
PLAIN_COLONS = {"python, asynchronous"}


class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.entra = world.entra_token()
        stack = ExitStack()
        cls.addClassCleanup(stack.close)
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="wire-", dir=os.environ["CONFORMANCE_OUT"])
            )
        )
        cls.home = folder
        cls.recorder = stack.enter_context(Recorder(folder, world.resigned(cls.entra)))
        cls.endpoint = f"https://{cls.recorder.host}"
        # For those who talk to the recorder and to the emulator's Entra.
        cls.trust = folder / "both.pem"
        cls.trust.write_bytes(
            cls.recorder.ca_file.read_bytes() + Path(world.CA_FILE).read_bytes()
        )

    # --- the four clients -----------------------------------------------------------------------

    def acspass(self, *arguments, text="", **environment):
        """Runs our command; returns the one request that it made."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "ACSPASS_CONFIG_DIR": str(self.home / "config"),
            "ACSPASS_STATE_DIR": str(self.home / "state"),
            "ACSPASS_STORE": "memory",
            "ACSPASS_CA_FILE": str(self.trust),
            "AZURE_AUTHORITY_HOST": world.URL,
            "ACSPASS_TENANT_ID": world.TENANT,
            "ACSPASS_CLIENT_ID": world.CLIENT,
        } | (environment or {"COMMUNICATION_SERVICES_CONNECTION_STRING": self.connection_string()})
        run = subprocess.run(
            [os.environ["CONFORMANCE_ACSPASS"], *arguments],
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        [request] = self.recorder.take()
        return request

    def connection_string(self):
        return f"endpoint={self.endpoint}/;accesskey={world.KEY}"

    def python(self, call, date, credential=None):
        """The synchronous client's request."""
        client = CommunicationIdentityClient(
            self.endpoint,
            credential or AzureKeyCredential(world.KEY),
            connection_verify=str(self.recorder.ca_file),
        )
        with self.at(date):
            call(client)
        [request] = self.recorder.take()
        return request

    def python_asynchronous(self, call, date, credential=None):
        async def run():
            client = AsyncIdentityClient(
                self.endpoint,
                credential or AzureKeyCredential(world.KEY),
                connection_verify=str(self.recorder.ca_file),
            )
            async with client:
                await call(client)

        with self.at(date):
            asyncio.run(run())
        [request] = self.recorder.take()
        return request

    def at(self, date):
        return mock.patch(
            "azure.communication.identity._shared.policy.get_current_utc_time", return_value=date
        )

    def javascript(self, call, date):
        """The JavaScript SDK's request."""
        given = {
            "endpoint": self.endpoint,
            "key": world.KEY,
            "calls": [call | {"date": date}],
        }
        run = subprocess.run(
            [os.environ["CONFORMANCE_NODE"], "calls.mjs"],
            cwd=os.environ["CONFORMANCE_JAVASCRIPT"],
            env=os.environ | {"NODE_EXTRA_CA_CERTS": str(self.trust)},
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        [request] = self.recorder.take()
        return request

    # --- the comparison -------------------------------------------------------------------------

    def check_signature(self, request):
        """It must hold over exactly what was sent."""
        self.assertEqual(request["x-ms-content-sha256"], world.content_hash(request.body))
        self.assertRegex(
            request["x-ms-date"], r"^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$"
        )
        proof = world.signature(
            request.method,
            request.target,
            request["x-ms-date"],
            request["host"],
            request["x-ms-content-sha256"],
        )
        self.assertEqual(
            request["authorization"],
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=" + proof,
        )

    def compare(self, ours, theirs, whose):
        self.assertEqual(ours.method, theirs.method)
        target = ours.target.replace("%3A", ":") if whose in PLAIN_COLONS else ours.target
        self.assertEqual(target, theirs.target)
        for name in ("host", "content-type", "accept", "x-ms-date"):
            self.assertEqual(ours[name], theirs[name], name)
        extra = OF_THE_LIBRARY | SDK_HEADERS[whose]
        if (whose, ours.method) in LENGTH_OF_NOTHING:
            extra = extra | {"content-length"}
        self.assertEqual(ours.names() - OF_THE_LIBRARY, theirs.names() - extra)
        for request in (ours, theirs):
            self.assertTrue(request["x-ms-client-request-id"], "no request id")
        self.assertEqual(
            json.loads(ours.body) if ours.body else None,
            json.loads(theirs.body) if theirs.body else None,
        )
        # The same bytes at the same date have the same signature.
        if (ours.target, ours.body) == (theirs.target, theirs.body):
            self.assertEqual(ours["authorization"], theirs["authorization"])
        elif ours["x-ms-date"]:
            self.assertNotEqual(ours["authorization"], theirs["authorization"])

    def check(self, ours, python, javascript):
        """One call: our request, the call of the Python clients, and that of JavaScript."""
        self.check_signature(ours)
        self.assertTrue(
            re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", ours["x-ms-client-request-id"])
        )
        date = ours["x-ms-date"]
        for whose, theirs in (
            ("python", self.python(python, date)),
            ("python, asynchronous", self.python_asynchronous(python, date)),
            ("javascript", self.javascript(javascript, date)),
        ):
            with self.subTest(whose):
                self.check_signature(theirs)
                self.compare(ours, theirs, whose)
        # JavaScript's are ours to the byte.
        self.assertEqual((ours.target, ours.body), (theirs.target, theirs.body))

    def test_create(self):
        self.check(
            self.acspass("user", "create"), lambda client: client.create_user(), {"name": "create"}
        )

    def test_create_with_token(self):
        for scopes, minutes in (
            (["chat"], None),
            (["chat", "voip"], 60),
            (["voip.join", "chat.join", "chat.join.limited"], 1440),
        ):
            with self.subTest(scopes=scopes, minutes=minutes):
                flags = [word for scope in scopes for word in ("--scope", scope)]
                flags += [] if minutes is None else ["--valid-for", f"{minutes}m"]
                options = {} if minutes is None else {"token_expires_in": timedelta(minutes=minutes)}
                for command in (["user", "create"], ["token", "issue"]):
                    self.check(
                        self.acspass(*command, *flags),
                        lambda client: client.create_user_and_token(scopes, **options),
                        {"name": "createWithToken", "scopes": scopes, "minutes": minutes}
                        if minutes
                        else {"name": "createWithToken", "scopes": scopes},
                    )

    def test_issue(self):
        user = CommunicationUserIdentifier(IDENTITY)
        for scopes, minutes in ((["voip"], None), (["chat", "voip"], 60), (["voip.join"], 1440)):
            with self.subTest(scopes=scopes, minutes=minutes):
                flags = [word for scope in scopes for word in ("--scope", scope)]
                flags += [] if minutes is None else ["--valid-for", f"{minutes}m"]
                options = {} if minutes is None else {"token_expires_in": timedelta(minutes=minutes)}
                parameters = {"name": "issue", "user": IDENTITY, "scopes": scopes}
                self.check(
                    self.acspass("token", "issue", "--user", IDENTITY, *flags),
                    lambda client: client.get_token(user, scopes, **options),
                    parameters | ({"minutes": minutes} if minutes else {}),
                )

    def test_revoke(self):
        user = CommunicationUserIdentifier(IDENTITY)
        self.check(
            self.acspass("token", "revoke", "--user", IDENTITY),
            lambda client: client.revoke_tokens(user),
            {"name": "revoke", "user": IDENTITY},
        )

    def test_delete(self):
        user = CommunicationUserIdentifier(IDENTITY)
        self.check(
            self.acspass("user", "delete", IDENTITY),
            lambda client: client.delete_user(user),
            {"name": "delete", "user": IDENTITY},
        )

    def test_exchange(self):
        self.check(
            self.acspass("token", "exchange", text=self.entra),
            lambda client: client.get_token_for_teams_user(
                self.entra, world.CLIENT, world.OBJECT
            ),
            {
                "name": "exchange",
                "token": self.entra,
                "appId": world.CLIENT,
                "userId": world.OBJECT,
            },
        )

    def test_create_with_an_entra_credential(self):
        ours = self.acspass(
            "user",
            "create",
            COMMUNICATION_SERVICES_ENDPOINT=self.endpoint,
            AZURE_CLIENT_ID=world.SERVICE_APP,
            AZURE_TENANT_ID=world.TENANT,
            AZURE_CLIENT_SECRET=world.SERVICE_SECRET,
        )
        token = ours["authorization"].removeprefix("Bearer ")
        self.assertEqual(world.claims(token)["appid"], world.SERVICE_APP)
        create = lambda client: client.create_user()
        fixed, asynchronous = test_identity.Fixed(token), test_identity.AsyncFixed(token)
        call = {"name": "createByEntra", "token": token}
        date = "Mon, 02 Jun 2025 13:45:09 GMT"
        for whose, theirs in (
            ("python", self.python(create, date, fixed)),
            ("python, asynchronous", self.python_asynchronous(create, date, asynchronous)),
            ("javascript", self.javascript(call, date)),
        ):
            with self.subTest(whose):
                self.compare(ours, theirs, whose)

    def test_direct_exchanges(self):
        for kind, scopes in (("entra", CLIENTS_SCOPES), ("teams-extension", EXTENSION_SCOPES)):
            with self.subTest(kind):
                ours = self.acspass(
                    "get",
                    "--interactive",
                    "--timeout",
                    "30s",
                    ACSPASS_EXCHANGE=kind,
                    COMMUNICATION_SERVICES_ENDPOINT=self.endpoint,
                    BROWSER=world.BROWSER.removesuffix(" %s &"),
                    # The browser's own.
                    SSL_CERT_FILE=world.CA_FILE,
                )
                self.assertEqual(ours.body, b"{}")
                token = ours["authorization"].removeprefix("Bearer ")
                call = {"name": "direct", "token": token, "scopes": scopes}
                theirs = self.javascript(call, "Mon, 02 Jun 2025 13:45:09 GMT")
                self.compare(ours, theirs, "javascript")


if __name__ == "__main__":
    unittest.main()
