"""The job of a fresh `acspass get` with `keyring`, as a whole process. It imports only what it needs.

    fresh_get.py store             stores the output of `acspass get -o json`
    fresh_get.py                   prints the token, if it has ten minutes left
"""

import json
import sys
from datetime import datetime, timedelta, timezone

import keyring

ITEM = ("bench", "python")

if sys.argv[1:] == ["store"]:
    keyring.set_password(*ITEM, sys.stdin.read())
else:
    cached = json.loads(keyring.get_password(*ITEM))
    expiry = datetime.fromisoformat(cached["expiresOn"].replace("Z", "+00:00"))
    if expiry - datetime.now(timezone.utc) < timedelta(minutes=10):
        sys.exit("the token expires soon")
    print(cached["token"])
