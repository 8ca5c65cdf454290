"""Fresh tokens from a running ``acspass serve``, for the credential of Azure Communication Services.

It needs azure-core, which every SDK of Azure brings: copy this file.

    from azure.communication.chat import CommunicationTokenCredential

    refresher = TokenRefresher()
    token = refresher().token
    with CommunicationTokenCredential(
        token, token_refresher=refresher, proactive_refresh=True
    ) as credential:
        ...

and, with ``async with``, the credential of azure.communication.chat.aio:

    refresher = AsyncTokenRefresher()
    token = (await refresher()).token

The first token is asked for here, not by the SDK: so that a missing sign-in is an error of this
line, and because an asynchronous credential that begins without a valid token can hang in the SDK.
"""

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import logging
import os
import secrets
import socket
import time
from calendar import timegm
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from azure.core.credentials import AccessToken

# The SDK wants another token ten minutes before the end. One that has no more than that would be
# wanted anew at once.
MIN_VALIDITY = "15m"
# What the service may take: it asks Entra ID and the resource, where its own token is too old.
PATIENCE_SECONDS = 60
# A token with less left is no help any more.
LAST_RESORT_SECONDS = 60
# More than the service's answer to the first question has.
MOST_BYTES = 4096


class AcspassError(Exception):
    """Why there is no token; ``kind`` is one of acspass's, such as "unreachable"."""

    def __init__(self, kind, message, hint="", code=None):
        super().__init__(f"{message}: {hint}" if hint else message)
        self.kind, self.code = kind, code


class SignInNeeded(AcspassError):
    """Somebody has to sign in: ``acspass login``."""


class TokenRefresher:
    """What ``CommunicationTokenCredential`` takes as its ``token_refresher``.

    ``account`` names whose tokens; without it, they are those of the active account. Where the
    service is, and where its secret lies, comes from the environment that ``acspass exec`` makes.

    Where the service gives no token, the last one is given once more as long as it is good for
    more than a minute: so the SDK asks again after half of that time. It never does after an error.
    """

    def __init__(self, account=None, url=None, secret_file=None):
        self._account = account
        self._url = url or os.environ["ACSPASS_SERVE_URL"]
        self._host = urlsplit(self._url).netloc
        self._secret_file = Path(secret_file or os.environ["ACSPASS_SERVE_SECRET_FILE"])
        self._last = None

    def __call__(self):
        try:
            self._last = self._ask()
        except AcspassError as error:
            left = self._last.expires_on - time.time() if self._last else 0
            if left <= LAST_RESORT_SECONDS:
                raise
            logging.getLogger(__name__).warning("%s", error)
        return self._last

    def _ask(self):
        query = {"min-validity": MIN_VALIDITY}
        if self._account:
            query["account"] = self._account
        connection = None
        try:
            # Every run of the service has another one.
            secret = self._secret_file.read_text(encoding="ascii").strip()
            connection = self._connect(secret)
            connection.request(
                "GET",
                f"/token?{urlencode(query)}",
                headers={"Authorization": f"Bearer {secret}"},
            )
            answer = connection.getresponse()
            body = json.load(answer)
        except (OSError, http.client.HTTPException, ValueError) as cause:
            raise AcspassError(
                "unreachable",
                f"no response from the token service at {self._url}",
                "Start the service with `acspass serve`.",
            ) from cause
        finally:
            if connection:
                connection.close()
        if answer.status != 200:
            error = body["error"]
            refusal = SignInNeeded if error["kind"] == "sign_in_needed" else AcspassError
            raise refusal(error["kind"], error["message"], error["hint"], error["code"])
        expires_on = timegm(time.strptime(body["expiresOn"][:19], "%Y-%m-%dT%H:%M:%S"))
        return AccessToken(body["token"], expires_on)


    def _connect(self, secret):
        """A connection to the service and to no other program.

        No other user can listen at the Unix socket beside the secret file. At the port another
        program may listen once the service is gone: there the service first shows that it knows
        the secret, on the very connection that the secret is then sent on.
        """
        try:
            return _UnixConnection(self._secret_file.with_name("socket"))
        except (OSError, AttributeError):
            pass
        # Unlike urllib, this never goes through a proxy.
        connection = http.client.HTTPConnection(self._host, timeout=PATIENCE_SECONDS)
        try:
            connection.connect()
            # A connection that the other side closes is not opened anew, to another program.
            connection.auto_open = 0
            nonce = secrets.token_urlsafe(32)
            connection.request("GET", "/healthz", headers={"acspass-nonce": nonce})
            answer = connection.getresponse()
            answer.read(MOST_BYTES)
            text = f"acspass-service-proof-v1\n{connection.port}\n{nonce}"
            proof = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
            expected = base64.urlsafe_b64encode(proof).rstrip(b"=")
            sent = answer.headers.get("acspass-proof", "").encode()
            if not secret or not hmac.compare_digest(sent, expected):
                raise AcspassError(
                    "unreachable",
                    f"the program at {self._url} did not prove that it knows the secret",
                    "Start `acspass serve`. Another program, or a run with another secret, may use its port.",
                )
        except BaseException:
            connection.close()
            raise
        return connection


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.settimeout(PATIENCE_SECONDS)
            self.sock.connect(str(path))
        except BaseException:
            self.close()
            raise
        self.auto_open = 0


class AsyncTokenRefresher:
    """The same for the credentials of the ``aio`` packages."""

    def __init__(self, account=None, url=None, secret_file=None):
        self._refresher = TokenRefresher(account, url, secret_file)

    async def __call__(self):
        return await asyncio.to_thread(self._refresher)
