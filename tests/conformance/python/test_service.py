"""The credentials of azure-communication-chat, unmodified, kept fresh by ``acspass serve``.

Through the refreshers that apps copy, and with tokens that live so short that the SDK's own timers
pass three times.
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from azure.communication.chat import CommunicationTokenCredential
from azure.communication.chat.aio import CommunicationTokenCredential as AsyncCredential

import world
from service import Service

EXAMPLES = world.ROOT / "examples/refreshers/python"
sys.path.insert(0, str(EXAMPLES))

from acspass_tokens import (  # noqa: E402
    AcspassError,
    AsyncTokenRefresher,
    SignInNeeded,
    TokenRefresher,
)

LIFE = 12
# The service replaces a token at half of its life, the SDK at half of what it was given.
MARGIN = LIFE / 6


def left(token):
    return world.claims(token)["exp"] - time.time()


class Observer:
    """Notes each new token of a credential, and holds every one against the promise."""

    def __init__(self, case, service):
        self._case, self._service = case, service
        self.tokens = []

    def has_enough(self):
        return len(self.tokens) == 4

    def see(self, handed_out):
        token, expires_on = handed_out
        self._case.assertGreater(left(token), MARGIN)
        self._case.assertEqual(expires_on, world.claims(token)["exp"])
        if token not in self.tokens[-1:]:
            self._case.assertTrue(self._service.is_honoured(token))
            self.tokens.append(token)


class ShortLifetimeNote(unittest.TestCase):
    def of_a_credential(self, service):
        refresher = TokenRefresher(url=service.url, secret_file=service.secret_file)
        observer = Observer(self, service)
        with CommunicationTokenCredential(
            refresher().token, token_refresher=refresher, proactive_refresh=True
        ) as credential:
            while not observer.has_enough():
                observer.see(credential.get_token())
                time.sleep(0.05)
        return observer.tokens

    def of_a_timer(self, service):
        """Here nobody calls `get_token`: it is the timer alone that asks."""
        given = []
        enough = threading.Event()
        inner = TokenRefresher(url=service.url, secret_file=service.secret_file)

        def refresher():
            access = inner()
            if access.token not in given[-1:]:
                given.append(access.token)
            if len(given) == 4:
                enough.set()
            return access

        with CommunicationTokenCredential(
            refresher().token, token_refresher=refresher, proactive_refresh=True
        ):
            self.assertTrue(enough.wait(60), f"{len(given)} tokens in a minute")
        return given

    def of_an_async_credential(self, service):
        async def observed():
            refresher = AsyncTokenRefresher(url=service.url, secret_file=service.secret_file)
            observer = Observer(self, service)
            async with AsyncCredential(
                (await refresher()).token, token_refresher=refresher, proactive_refresh=True
            ) as credential:
                while not observer.has_enough():
                    observer.see(await credential.get_token())
                    await asyncio.sleep(0.05)
            return observer.tokens

        return asyncio.run(asyncio.wait_for(observed(), 60))

    def of_the_example(self, service):
        """The example says when its token is another one; under `acspass exec` it needs no more."""
        command = [os.environ["CONFORMANCE_ACSPASS"], "exec", "--"]
        process = subprocess.Popen(
            [*command, sys.executable, EXAMPLES / "live.py"],
            env=service.environment | {"PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with closing(process.stdout):
            try:
                for _ in range(2):
                    self.assertRegex(process.stdout.readline(), r"^The token expires at \d{4}-")
            finally:
                process.terminate()
                process.wait()
        return []

    def test_credentials_live_through_three_refreshes(self):
        ways = [
            self.of_a_credential,
            self.of_a_timer,
            self.of_an_async_credential,
            self.of_the_example,
        ]
        with Service(f"{LIFE}s") as service, ThreadPoolExecutor(len(ways)) as pool:
            lived = list(pool.map(lambda way: way(service), ways))
            exchanges = service.exchanges
        for tokens in lived[:3]:
            self.assertEqual(len(set(tokens)), 4, "every change brought another token")
        # Whoever asks, and how often: one exchange for each token. The next one may have begun.
        seen = len({token for tokens in lived for token in tokens})
        self.assertIn(exchanges, (seen, seen + 1))


class Troubles(unittest.TestCase):
    def test_what_keeps_a_token_from_being_had_is_told_by_its_kind(self):
        with Service("75m") as service:
            here = {"url": service.url, "secret_file": service.secret_file}
            refresher = TokenRefresher(**here)
            first = refresher()
            account = service.emulator["username"]
            self.assertEqual(TokenRefresher(account, **here)(), first)
            with self.assertRaises(SignInNeeded):
                TokenRefresher("nobody@contoso.example", **here)()
            wrong = os.path.join(service.environment["HOME"], "wrong")
            with open(wrong, "w", encoding="ascii") as file:
                file.write("wrong")
            with self.assertRaises(AcspassError) as refused:
                TokenRefresher(url=service.url, secret_file=wrong)()
            self.assertNotIsInstance(refused.exception, SignInNeeded)
            # The service's proof does not fit this secret, so that the secret is not sent.
            self.assertEqual(refused.exception.kind, "unreachable")
            self.assertIn("did not prove that it knows the secret", str(refused.exception))

            service.acspass("logout", "--all")
            with self.assertLogs("acspass_tokens", "WARNING") as log:
                # What the service knows of the accounts may be a second old.
                gone = time.monotonic() + 10
                while not log.output and time.monotonic() < gone:
                    self.assertEqual(refresher(), first)
            self.assertIn("acspass login", log.output[0])
            with self.assertRaises(SignInNeeded):
                asyncio.run(AsyncTokenRefresher(**here)())

            service.stop()
            with self.assertLogs("acspass_tokens", "WARNING"):
                self.assertEqual(refresher(), first)
            with self.assertRaises(AcspassError) as unreachable:
                TokenRefresher(**here)()
            self.assertEqual(unreachable.exception.kind, "unreachable")
