"""The emulator under test as a client sees it, and what the suites need beside the SDKs.

Nothing here uses an SDK: requests are made, and signed, by the standard library alone.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import secrets
import ssl
import sys
import time
import urllib.parse
import urllib.request
from email.utils import formatdate
from pathlib import Path

import browser

ROOT = Path(__file__).resolve().parents[3]

with open(os.environ["CONFORMANCE_EMULATOR"], encoding="utf-8") as described:
    EMULATOR = json.load(described)

URL = EMULATOR["url"]
HOST = urllib.parse.urlsplit(URL).netloc
TENANT = EMULATOR["tenantId"]
CLIENT = EMULATOR["clientId"]
USERNAME = EMULATOR["username"]
OBJECT = EMULATOR["objectId"]
CA_FILE = EMULATOR["caFile"]
CONNECTION_STRING = EMULATOR["connectionString"]
KEY = CONNECTION_STRING.partition("accesskey=")[2]

# The emulator's published inhabitants that it does not print.
SERVICE_APP = "ac5ba55e-0c11-4000-8000-0000000000b1"
SERVICE_SECRET = "worthless-emulator-client-secret-known-to-everyone"
APP_WITHOUT_ROLE = "ac5ba55e-0c11-4000-8000-0000000000b2"
SECRET_WITHOUT_ROLE = "worthless-emulator-client-secret-without-any-role"
UNLICENSED = ("cleo@contoso.example", "ac5ba55e-05e4-4000-8000-000000000003")
FOREIGN_IDENTITY = (
    "8:acs:ac5ba55e-0ac5-4000-8000-0000000000e2_00000007-0464-274b-b274-5a3a0d000101"
)
NOBODY = "11111111-2222-4333-8444-555555555555"

API_VERSION = "2023-10-01"
TEAMS_SCOPES = [
    "https://auth.msft.communication.azure.com/Teams.ManageCalls",
    "https://auth.msft.communication.azure.com/Teams.ManageChats",
]
CLIENTS_SCOPES = ["https://communication.azure.com/clients/.default"]

TLS = ssl.create_default_context(cafile=CA_FILE)
BROWSER = f"{sys.executable} {Path(browser.__file__)} %s &"


def send(method, target, headers=(), body=b"", host=HOST):
    """One request over TLS with exactly these headers; returns status, headers and the body."""
    connection = http.client.HTTPSConnection(urllib.parse.urlsplit(URL).netloc, context=TLS)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in [("Host", host), *dict(headers).items()]:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    is_json = answer.headers.get_content_type() == "application/json"
    return answer.status, answer.headers, json.loads(text) if is_json and text else text


def signature(method, target, date, host, content_hash, key=KEY):
    """The signature as the service's documentation of it has it."""
    text = f"{method}\n{target}\n{date};{host};{content_hash}"
    mac = hmac.digest(base64.b64decode(key), text.encode(), "sha256")
    return base64.b64encode(mac).decode()


def content_hash(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def signed(method, target, body=b"", *, host=HOST, key=KEY, at=None):
    """The headers that sign a request."""
    date = formatdate(time.time() if at is None else at, usegmt=True)
    digest = content_hash(body)
    proof = signature(method, target, date, host, digest, key)
    return {
        "x-ms-date": date,
        "x-ms-content-sha256": digest,
        "Authorization": "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
        f"&Signature={proof}",
        "Content-Type": "application/json",
    }


def owner(method, target, value=None):
    """A signed request of the resource's owner."""
    body = b"" if value is None else json.dumps(value).encode()
    return send(method, target, signed(method, target, body), body)


def is_honoured(token):
    """Whether the resource still takes a Communication token."""
    status, _, _ = send("GET", "/emulator/whoami", {"Authorization": f"Bearer {token}"})
    return status == 200


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def resigned(token, **changes):
    """The token with other claims, signed with the emulator's published key."""
    import jwt

    key = (ROOT / "assets/emulator/worthless-test-key.pem").read_text(encoding="utf-8")
    header = jwt.get_unverified_header(token)
    return jwt.encode(claims(token) | changes, key, algorithm="RS256", headers=header)


def expired(token):
    """The token as it would be an hour after its end."""
    past = int(time.time()) - 3600
    return resigned(token, iat=past - 4500, nbf=past - 4500, exp=past)


class CodeFlow:
    """One authorization code request with PKCE (RFC 7636), and its redemption, by hand."""

    REDIRECT = "http://localhost:1/"

    def __init__(self, username=USERNAME, scopes=TEAMS_SCOPES, tenant=TENANT):
        self.tenant, self.scopes = tenant, scopes
        self.verifier = secrets.token_urlsafe(48)
        challenge = hashlib.sha256(self.verifier.encode()).digest()
        self.parameters = {
            "client_id": CLIENT,
            "response_type": "code",
            "redirect_uri": self.REDIRECT,
            "response_mode": "query",
            "scope": " ".join([*scopes, "openid", "profile", "offline_access"]),
            "state": secrets.token_urlsafe(16),
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "login_hint": username,
        }

    def authorize(self, **changes):
        """The answer to the authorization request; with a redirect, where it leads."""
        parameters = self.parameters | changes
        target = f"/{self.tenant}/oauth2/v2.0/authorize?" + urllib.parse.urlencode(parameters)
        return send("GET", target)

    def code(self):
        status, headers, _ = self.authorize()
        query = urllib.parse.urlsplit(headers.get("Location", "")).query
        answer = dict(urllib.parse.parse_qsl(query))
        if status != 302 or answer.get("state") != self.parameters["state"]:
            raise AssertionError(f"no code: {status} {answer}")
        return answer["code"]

    def redeem(self, code, **changes):
        form = {
            "client_id": CLIENT,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.REDIRECT,
            "code_verifier": self.verifier,
            "scope": self.parameters["scope"],
            "client_info": "1",
        } | changes
        return token_request({k: v for k, v in form.items() if v is not None}, self.tenant)


def token_request(form, tenant=TENANT):
    """A request to the token endpoint; returns status and JSON."""
    status, _, body = send(
        "POST",
        f"/{tenant}/oauth2/v2.0/token",
        {"Content-Type": "application/x-www-form-urlencoded"},
        urllib.parse.urlencode(form).encode(),
    )
    return status, body


def entra_token(username=USERNAME, scopes=TEAMS_SCOPES):
    """An Entra token, gotten without any SDK."""
    flow = CodeFlow(username, scopes)
    status, body = flow.redeem(flow.code())
    if status != 200:
        raise AssertionError(f"no token: {status} {body}")
    return body["access_token"]
