"""azure-identity, unmodified, under ``acspass exec --managed-identity``."""

import json
import subprocess
import sys
import unittest
from pathlib import Path

from service import ACSPASS, Service

RESOURCE = "https://auth.msft.communication.azure.com"
APP = Path(__file__).with_name("managed_identity.py")


class ManagedIdentity(unittest.TestCase):
    def test_the_credentials_get_the_users_entra_token_and_no_other(self):
        with Service("75m") as service:
            command = [sys.executable, str(APP), f"{RESOURCE}/.default"]
            printed = subprocess.run(
                [ACSPASS, "exec", "--managed-identity", "--", *command],
                check=True,
                # A client id and a proxy of the shell must not lead the credentials elsewhere.
                env=service.environment
                | {
                    "AZURE_CLIENT_ID": "x",
                    "HTTP_PROXY": "http://127.0.0.1:9",
                    "NO_PROXY": "localhost",
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=60,
            ).stdout
        got = json.loads(printed)
        self.assertEqual(len(got["tokens"]), 4)
        for name, token in got["tokens"].items():
            with self.subTest(name):
                self.assertEqual(token["aud"], RESOURCE)
                self.assertEqual(token["oid"], service.emulator["objectId"])
                # MSAL adds the seconds that are left to its own clock.
                self.assertAlmostEqual(token["exp"], token["expires_on"], delta=2)
        self.assertIn("is not the one that acspass is configured for", got["other resource"])
        for selector in ["client_id", "identity_config"]:
            self.assertIn("No User Assigned or Delegated", got[selector])
