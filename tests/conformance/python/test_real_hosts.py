"""Unmodified programs with hard-coded hosts under `acspass emulator exec --real-hosts`."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

PROGRAM = Path(__file__).with_name("hard_coded_hosts.py")


class RealHosts(unittest.TestCase):
    def test_azure_identity_and_msal_reach_the_emulator_at_the_real_hosts(self):
        run = subprocess.run(
            [
                os.environ["CONFORMANCE_ACSPASS"],
                *["emulator", "exec", "--real-hosts", "--", sys.executable, PROGRAM],
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        identity, *hosts = run.stdout.splitlines()
        self.assertTrue(identity.startswith("8:acs:"), identity)
        names = ["login.microsoftonline.com", "login.windows.net", "sts.windows.net"]
        self.assertEqual(hosts, [f"{name} Bearer" for name in names])


if __name__ == "__main__":
    unittest.main()
