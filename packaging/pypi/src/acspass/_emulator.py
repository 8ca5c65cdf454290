"""An emulator, and its control API."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Optional
from urllib.parse import quote, urlencode

from acspass import _sign_in
from acspass._errors import EmulatorError
from acspass._program import program_path
from acspass._request import request
from acspass._server import VARIABLES, Server
from acspass._sign_in import SECOND_FACTOR, SignedInUser


class Emulator:
    """An emulator of Entra ID and ACS: see ``start_emulator`` and ``connect_emulator``.

    A context manager that stops a private emulator.
    """

    def __init__(self, info: dict[str, Any], environment: dict[str, str], stop: Callable[[], None]) -> None:
        resource = info["resources"][0]
        #: The http address.
        self.url: str = info["httpUrl"]
        #: The https address of its Entra ID.
        self.authority_host: str = info.get("httpsUrl") or self.url
        self.tenant_id: str = info["tenants"][0]["id"]
        #: ``authority_host`` with the tenant, as MSAL takes it.
        self.authority: str = f"{self.authority_host}/{self.tenant_id}"
        self.client_id: str = info["applications"][0]["clientId"]
        #: The connection string of its ACS resource.
        self.connection_string: str = resource.get("connectionString") or resource["httpConnectionString"]
        #: The same with the http address, for clients that allow it.
        self.http_connection_string: str = resource["httpConnectionString"]
        #: The path of a file with the system's certificates and the emulator's.
        self.ca_file: Optional[str] = environment.get("SSL_CERT_FILE")
        #: The variables by which clients find the emulator.
        self.environment: dict[str, str] = environment
        self._stop = stop

    def sign_in(
        self,
        username: str = "ada@contoso.example",
        *,
        consent: str = "accept",
        code: str = SECOND_FACTOR,
        scopes: Optional[Sequence[str]] = None,
        client_id: Optional[str] = None,
        tenant: Optional[str] = None,
    ) -> SignedInUser:
        """Signs a user in without a browser.

        ``consent`` is ``accept`` or ``decline``, for the consent page; ``code`` is that of the second factor.
        """
        client_id, tenant = client_id or self.client_id, tenant or self.tenant_id
        return _sign_in.sign_in(self.url, username, scopes, client_id, tenant, consent, code)

    def refresh(self, user: SignedInUser) -> SignedInUser:
        """Requests new tokens with the refresh token."""
        return _sign_in.refresh(self.url, user)

    def authorize(self, url: str, *, consent: str = "accept", code: str = SECOND_FACTOR) -> dict[str, str]:
        """Opens the authorization URL of a client as a browser does; returns the parameters of the redirect."""
        return _sign_in.authorize(self.url, url, consent, code)

    def is_accepted(self, token: str) -> bool:
        """Returns whether the resource accepts a Communication access token."""
        headers = {"Authorization": f"Bearer {token}"}
        return request("GET", f"{self.url}/emulator/whoami", headers=headers).status == 200

    def add_fault(
        self,
        name: str,
        *,
        route: Optional[str] = None,
        times: Optional[int] = None,
        probability: Optional[float] = None,
        user: Optional[str] = None,
        resource: Optional[str] = None,
        client_id: Optional[str] = None,
        parameters: Optional[Mapping[str, Any]] = None,
    ) -> int:
        """Adds a fault of the catalogue for the next requests; returns its id."""
        body = {
            "route": route,
            "times": times,
            "probability": probability,
            "user": user,
            "resource": resource,
            "clientId": client_id,
            "parameters": parameters,
        }
        fault: int = self.control("POST", "faults", {"name": name, **_present(body)})["id"]
        return fault

    def faults(self) -> list[dict[str, Any]]:
        """Returns the faults that are left."""
        faults: list[dict[str, Any]] = self.control("GET", "faults")["faults"]
        return faults

    def delete_fault(self, fault_id: int) -> None:
        """Deletes one fault."""
        self.control("DELETE", f"faults/{fault_id}")

    def clear_faults(self) -> None:
        """Deletes all faults."""
        self.control("DELETE", "faults")

    def clock(self) -> dict[str, Any]:
        """Returns the clock: ``now``, ``offsetSeconds`` and ``frozen``."""
        clock: dict[str, Any] = self.control("GET", "clock")
        return clock

    def set_clock(
        self,
        *,
        advance_seconds: Optional[int] = None,
        frozen: Optional[bool] = None,
        now: Optional[str] = None,
        offset_seconds: Optional[int] = None,
    ) -> dict[str, Any]:
        """Changes the clock; returns it."""
        change = {
            "advanceSeconds": advance_seconds,
            "frozen": frozen,
            "now": now,
            "offsetSeconds": offset_seconds,
        }
        clock: dict[str, Any] = self.control("PUT", "clock", _present(change))
        return clock

    def journal(self, **filters: Any) -> list[dict[str, Any]]:
        """Returns the latest requests, oldest first; such as ``journal(operation="exchange")``."""
        entries: list[dict[str, Any]] = self.control("GET", f"journal?{urlencode(filters)}")["entries"]
        return entries

    def clear_journal(self) -> None:
        """Deletes all entries and counts of the journal."""
        self.control("DELETE", "journal")

    def users(self) -> list[dict[str, Any]]:
        """Returns the users."""
        users: list[dict[str, Any]] = self.control("GET", "info")["users"]
        return users

    def update_user(self, username: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes ``name``, ``simulate`` or ``teamsLicence`` of a user; returns the user."""
        user: dict[str, Any] = self.control("PATCH", f"users/{quote(username, safe='')}", changes)
        return user

    def revoke_sessions(self, username: Optional[str] = None) -> None:
        """Revokes the refresh tokens of one user, or of all."""
        self.control("POST", "sessions/revoke", {"user": username} if username else {})

    def forge_token(self, kind: str, **options: Any) -> str:
        """Returns a token with any claims or with a fault; ``options`` are those of ``POST /tokens``."""
        token: str = self.control("POST", "tokens", {"kind": kind, **options})["token"]
        return token

    def reset(self) -> None:
        """Returns to the state at the start."""
        self.control("POST", "reset")

    def control(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Any:
        """Calls any route of the control API; returns the response's JSON."""
        headers = {"X-Acspass-Emulator": "1", "Content-Type": "application/json"}
        text = "" if body is None else json.dumps(body)
        response = request(method, f"{self.url}/_emulator/v1/{path}", text, headers)
        if response.status < 300:
            return json.loads(response.text) if response.text else None
        try:
            reason = json.loads(response.text)["error"]["message"]
        except (ValueError, KeyError, TypeError):
            reason = "the response is no JSON of the emulator"
        raise EmulatorError(f"{method} {path} failed with status {response.status}: {reason}")

    def stop(self) -> None:
        """Stops a private emulator."""
        self._stop()

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.stop()


def start_emulator(
    *,
    seed: Optional[str] = None,
    token_life: Optional[str] = None,
    strict_versions: bool = False,
    program: Optional[str] = None,
    timeout: float = 30,
) -> Emulator:
    """Starts a private emulator on free ports. It ends with ``stop()``, and with this process.

    ``seed`` is the path of a file with data of your own (``acspass emulator init`` writes one), and
    ``token_life`` the lifetime of Entra tokens, such as ``9m``.
    """
    options = []
    if seed:
        options += ["--seed", str(seed)]
    if token_life:
        options += ["--token-life", token_life]
    if strict_versions:
        options.append("--strict-versions")
    server = Server(program or program_path(), options, timeout)
    try:
        return Emulator(_info(server.variables["ACSPASS_EMULATOR_URL"]), server.variables, server.stop)
    except BaseException:
        server.stop()
        raise


def connect_emulator(url: Optional[str] = None) -> Emulator:
    """Connects to a running emulator.

    Without ``url``, it is that of ``acspass emulator exec -- CMD`` around the tests
    (``ACSPASS_EMULATOR_URL``).
    """
    url = url or os.environ.get("ACSPASS_EMULATOR_URL")
    if not url:
        raise EmulatorError(
            "ACSPASS_EMULATOR_URL is not set: run the tests with `acspass emulator exec -- CMD`"
        )
    environment = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return Emulator(_info(url), {**environment, "ACSPASS_EMULATOR_URL": url}, lambda: None)


def _info(url: str) -> dict[str, Any]:
    response = request("GET", f"{url}/_emulator/v1/info")
    if response.status != 200:
        raise EmulatorError(f"the program at {url} is no emulator of acspass")
    info: dict[str, Any] = json.loads(response.text)
    return info


def _present(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
