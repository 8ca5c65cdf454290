"""The job of a stale `acspass get` with msal and the ACS SDK, as a whole process: redeems the refresh
token, exchanges, prints the token.

    stale_get.py CACHE             the cache is the one that sign_in.py wrote
"""

import os
import sys

from azure.communication.identity import CommunicationIdentityClient

import entra

app = entra.Application(sys.argv[1])
account = app.get_accounts()[0]
user = app.acquire_token_silent(entra.SCOPES, account, force_refresh=True)
identity = CommunicationIdentityClient.from_connection_string(
    os.environ["COMMUNICATION_SERVICES_CONNECTION_STRING"]
)
token = identity.get_token_for_teams_user(
    user["access_token"], entra.CLIENT_ID, account["local_account_id"]
)
print(token.token)
app.save()
