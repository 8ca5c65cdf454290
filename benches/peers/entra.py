"""msal for Python with a cache in a file, as the peers of stale_get.sh and sign_in.sh use it."""

import os
import pathlib

import msal

SCOPES = ["https://auth.msft.communication.azure.com/Teams.ManageCalls"]
CLIENT_ID = os.environ["ACSPASS_CLIENT_ID"]


class Application(msal.PublicClientApplication):
    def __init__(self, cache_file):
        self.file, self.cache = pathlib.Path(cache_file), msal.SerializableTokenCache()
        if self.file.exists():
            self.cache.deserialize(self.file.read_text())
        super().__init__(
            CLIENT_ID,
            authority=f"{os.environ['AZURE_AUTHORITY_HOST']}/{os.environ['ACSPASS_TENANT_ID']}",
            token_cache=self.cache,
            instance_discovery=False,
        )

    def save(self):
        self.file.touch(mode=0o600)
        self.file.write_text(self.cache.serialize())
