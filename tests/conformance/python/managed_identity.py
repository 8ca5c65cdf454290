"""An app under ``acspass exec --managed-identity``: the credentials of azure-identity as they are.

It prints what it got in one line of JSON, without a token. Its argument is the scope.
"""

import asyncio
import base64
import json
import sys

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential, aio

SCOPE = sys.argv[1]


def described(token):
    part = token.token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return {name: claims[name] for name in ["aud", "oid", "exp"]} | {"expires_on": token.expires_on}


def message(credential, scope):
    try:
        credential.get_token(scope)
    except ClientAuthenticationError as error:
        return str(error)
    return "a token"


async def asynchronous(kind):
    async with kind() as credential:
        return described(await credential.get_token(SCOPE))


got = {"tokens": {}}
for kind in [DefaultAzureCredential, ManagedIdentityCredential]:
    with kind() as credential:
        got["tokens"][kind.__name__] = described(credential.get_token(SCOPE))
    asynchronous_kind = getattr(aio, kind.__name__)
    got["tokens"][f"aio.{kind.__name__}"] = asyncio.run(asynchronous(asynchronous_kind))
with ManagedIdentityCredential() as credential:
    got["other resource"] = message(credential, "https://graph.microsoft.com/.default")
for selector in ["client_id", "identity_config"]:
    other = {"resource_id": "/subscriptions/x"} if selector == "identity_config" else "x"
    with ManagedIdentityCredential(**{selector: other}) as credential:
        got[selector] = message(credential, SCOPE)
print(json.dumps(got))
