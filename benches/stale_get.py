"""The job of a stale `acspass get` with msal and the ACS SDK, as a whole process.

    stale_get.py CACHE sign-in     signs in, and writes msal's cache
    stale_get.py CACHE             redeems the refresh token, exchanges, prints the token
"""

import os
import pathlib
import sys
from urllib.parse import parse_qsl, urlsplit

import msal
from azure.communication.identity import CommunicationIdentityClient

ENV = os.environ
SCOPES = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"]
path = pathlib.Path(sys.argv[1])
cache = msal.SerializableTokenCache()
if path.exists():
    cache.deserialize(path.read_text())
app = msal.PublicClientApplication(
    ENV["ACSPASS_CLIENT_ID"],
    authority=f"{ENV['AZURE_AUTHORITY_HOST']}/{ENV['ACSPASS_TENANT_ID']}",
    token_cache=cache,
    instance_discovery=False,
)
if sys.argv[2:] == ["sign-in"]:
    import requests

    flow = app.initiate_auth_code_flow(
        SCOPES, redirect_uri="http://localhost", login_hint="ada@contoso.example"
    )
    url, _, query = flow["auth_uri"].partition("?")
    page = requests.post(url, dict(parse_qsl(query)), allow_redirects=False, timeout=30)
    result = dict(parse_qsl(urlsplit(page.headers["Location"]).query))
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, result)
else:
    account = app.get_accounts()[0]
    user = app.acquire_token_silent(SCOPES, account, force_refresh=True)
    identity = CommunicationIdentityClient.from_connection_string(
        ENV["COMMUNICATION_SERVICES_CONNECTION_STRING"]
    )
    user_id = account["local_account_id"]
    token = identity.get_token_for_teams_user(
        user["access_token"], ENV["ACSPASS_CLIENT_ID"], user_id
    )
    print(token.token)
path.write_text(cache.serialize())
