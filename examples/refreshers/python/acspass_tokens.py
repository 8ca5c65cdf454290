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
import http.client
import json
import logging
import os
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
        # Unlike urllib, this never goes through a proxy.
        connection = http.client.HTTPConnection(
            urlsplit(self._url).netloc, timeout=PATIENCE_SECONDS
        )
        try:
            # Every run of the service has another one.
            secret = self._secret_file.read_text(encoding="ascii").strip()
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
                f"the token service at {self._url} gave no answer",
                "see that `acspass serve` runs",
            ) from cause
        finally:
            connection.close()
        if answer.status != 200:
            error = body["error"]
            refusal = SignInNeeded if error["kind"] == "sign_in_needed" else AcspassError
            raise refusal(error["kind"], error["message"], error["hint"], error["code"])
        expires_on = timegm(time.strptime(body["expiresOn"][:19], "%Y-%m-%dT%H:%M:%S"))
        return AccessToken(body["token"], expires_on)


class AsyncTokenRefresher:
    """The same for the credentials of the ``aio`` packages."""

    def __init__(self, account=None, url=None, secret_file=None):
        self._refresher = TokenRefresher(account, url, secret_file)

    async def __call__(self):
        return await asyncio.to_thread(self._refresher)
