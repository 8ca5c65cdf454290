"""Sign-ins at the emulator without a browser: the authorization code flow with PKCE."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Optional
from urllib.parse import parse_qsl, urlencode, urlsplit

from acspass._errors import EmulatorError, SignInRefused
from acspass._request import post_form

REDIRECT_URI = "http://localhost"
SCOPES = (
    "https://auth.msft.communication.azure.com/Teams.ManageCalls",
    "https://auth.msft.communication.azure.com/Teams.ManageChats",
)
#: The code that the emulator accepts as a second factor.
SECOND_FACTOR = "123456"


@dataclass(frozen=True)
class SignedInUser:
    """The user and the tokens of a sign-in."""

    username: str
    object_id: str
    tenant_id: str
    client_id: str
    #: The Entra access token: ``token`` of ``get_token_for_teams_user``.
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    id_token: str = field(repr=False)
    scopes: list[str]
    expires_in: int


def sign_in(
    url: str,
    username: str,
    scopes: Optional[Sequence[str]],
    client_id: str,
    tenant: str,
    consent: str,
    code: str,
) -> SignedInUser:
    """Signs a user in at the emulator with this http address."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode()).digest()
    endpoint = f"{url}/{tenant}/oauth2/v2.0"
    state = secrets.token_urlsafe(16)
    query = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT_URI,
        "scope": " ".join([*(scopes or SCOPES), "openid", "profile", "offline_access"]),
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "login_hint": username,
        "state": state,
    }
    result = authorize(url, f"{endpoint}/authorize?{urlencode(query)}", consent, code)
    if result.get("state") != state:
        raise EmulatorError("the emulator returned another state")
    grant = {
        "grant_type": "authorization_code",
        "code": result["code"],
        "redirect_uri": REDIRECT_URI,
        "code_verifier": verifier,
    }
    return _redeem(endpoint, client_id, grant)


def refresh(url: str, user: SignedInUser) -> SignedInUser:
    """Requests tokens with the refresh token of a sign-in."""
    grant = {
        "grant_type": "refresh_token",
        "refresh_token": user.refresh_token,
        "scope": " ".join(user.scopes),
    }
    return _redeem(f"{url}/{user.tenant_id}/oauth2/v2.0", user.client_id, grant)


def authorize(url: str, authorization_url: str, consent: str, code: str) -> dict[str, str]:
    """Opens the authorization URL of a client as a browser does; returns the parameters of the redirect."""
    parts = urlsplit(authorization_url)
    form = dict(parse_qsl(parts.query), emulator_consent=consent, emulator_code=code)
    page = post_form(url + parts.path, form)
    if page.location is None:
        found = re.search(r"AADSTS\d+[^<]*", page.text)
        raise SignInRefused("no_redirect", found.group().strip() if found else f"the page has the status {page.status}")
    result = dict(parse_qsl(urlsplit(page.location).query))
    if "error" in result:
        raise SignInRefused(result["error"], result.get("error_description", ""))
    return result


def _redeem(endpoint: str, client_id: str, grant: dict[str, str]) -> SignedInUser:
    response = post_form(f"{endpoint}/token", {"client_id": client_id, **grant})
    body = _parsed(response.text)
    if response.status != 200:
        error = str(body.get("error", f"status {response.status}"))
        raise SignInRefused(error, str(body.get("error_description", "")))
    payload = body["id_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return SignedInUser(
        username=claims["preferred_username"],
        object_id=claims["oid"],
        tenant_id=claims["tid"],
        client_id=client_id,
        access_token=body["access_token"],
        refresh_token=body["refresh_token"],
        id_token=body["id_token"],
        scopes=body["scope"].split(" "),
        expires_in=body["expires_in"],
    )


def _parsed(text: str) -> dict[str, Any]:
    """Returns an object even if a fault broke the JSON."""
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
