"""A client of the hero server: signs a Teams user in, and asks the server for an access token.

Prints one line for each route: the status, and the members or the message of the response.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from urllib.parse import parse_qsl, urlsplit

import msal
import requests

CLIENT_ID = os.environ["azureActiveDirectory_clientId"]
TENANT = os.environ["azureActiveDirectory_tenantId"]
API = [f"api://{CLIENT_ID}/access_as_user"]
TEAMS = [
    "https://auth.msft.communication.azure.com/Teams.ManageCalls",
    "https://auth.msft.communication.azure.com/Teams.ManageChats",
]
REDIRECT = "http://localhost"


def tokens():
    authority = f"https://login.microsoftonline.com/{TENANT}"
    app = msal.PublicClientApplication(CLIENT_ID, authority=authority)
    flow = app.initiate_auth_code_flow(
        API, redirect_uri=REDIRECT, login_hint="ada@contoso.example"
    )
    page = requests.get(flow["auth_uri"], allow_redirects=False, timeout=30)
    answer = dict(parse_qsl(urlsplit(page.headers["Location"]).query))
    api = app.acquire_token_by_auth_code_flow(flow, answer)
    teams = app.acquire_token_silent_with_error(TEAMS, app.get_accounts()[0])
    for result in (api, teams):
        if "access_token" not in result:
            sys.exit(result["error_description"])
    return api["access_token"], teams["access_token"]


def ask(method, path, headers):
    request = urllib.request.Request(f"http://localhost:5000{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            status, body = response.status, json.load(response)
    except urllib.error.HTTPError as error:
        status, body = error.code, json.load(error)
    print(method, path, status, body.get("message") or " ".join(sorted(body)))


api, teams = tokens()
bearer = {"Authorization": f"Bearer {api}"}
ask("GET", "/api/token/teams", {**bearer, "teams-user-aad-token": teams})
ask("GET", "/api/token/teams", {"Authorization": "Bearer x.y.z", "teams-user-aad-token": teams})
ask("GET", "/api/token", bearer)
