"""Sign-ins without a browser, and the control API of the emulator."""

import os
import unittest
from urllib.parse import parse_qsl, urlsplit

import msal
import requests
from azure.communication.identity import CommunicationIdentityClient

ENV = os.environ
CLIENT_ID = ENV["ACSPASS_CLIENT_ID"]
URL = ENV["ACSPASS_EMULATOR_URL"]
SCOPES = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"]
CONNECTION_STRING = ENV["COMMUNICATION_SERVICES_CONNECTION_STRING"]
IDENTITY = CommunicationIdentityClient.from_connection_string(CONNECTION_STRING)


class EmulatorTest(unittest.TestCase):
    """A test that begins with the initial state."""

    def setUp(self):
        control("POST", "reset")


def sign_in(login_hint, **answers):
    """Signs in the user of the hint; `answers` is the form of a page."""
    authority = f"{ENV['AZURE_AUTHORITY_HOST']}/{ENV['ACSPASS_TENANT_ID']}"
    app = msal.PublicClientApplication(CLIENT_ID, authority=authority, instance_discovery=False)
    redirect = "http://localhost"
    flow = app.initiate_auth_code_flow(SCOPES, redirect_uri=redirect, login_hint=login_hint)
    url, _, query = flow["auth_uri"].partition("?")
    form = dict(parse_qsl(query), **answers)
    page = requests.post(url, form, allow_redirects=False, timeout=30)
    result = dict(parse_qsl(urlsplit(page.headers["Location"]).query))
    return {"app": app, **app.acquire_token_by_auth_code_flow(flow, result)}


def exchange(user):
    """Returns a Communication access token for the signed-in user."""
    token, user_id = user["access_token"], user["id_token_claims"]["oid"]
    return IDENTITY.get_token_for_teams_user(token, CLIENT_ID, user_id).token


def refresh(user):
    """Requests a new Entra token, with the refresh token."""
    app = user["app"]
    return app.acquire_token_silent_with_error(SCOPES, app.get_accounts()[0], force_refresh=True)


def control(method, path, body=None):
    """Calls the control API."""
    url, headers = f"{URL}/_emulator/v1/{path}", {"X-Acspass-Emulator": "1"}
    requests.request(method, url, json=body, headers=headers, timeout=30).raise_for_status()


def is_accepted(token):
    """Returns whether the resource accepts a Communication access token."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{URL}/emulator/whoami", headers=headers, timeout=30).ok
