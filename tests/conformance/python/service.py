"""A running ``acspass serve`` over an emulator of its own, whose user is signed in."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import browser

ACSPASS = os.environ["CONFORMANCE_ACSPASS"]
EXCHANGE = "/teamsUser/:exchangeAccessToken"


class Daemon:
    """A command that says in one line where it is, and then runs until it is stopped."""

    def __init__(self, arguments, environment, heard=lambda line: None):
        self._process = subprocess.Popen(
            [ACSPASS, *arguments, "-o", "json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, args=[heard])
        self._listener.start()
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise AssertionError(f"acspass {arguments[0]} ended: {self._process.returncode}")
        self.said = json.loads(line)

    def _listen(self, heard):
        for line in self._process.stderr:
            heard(line)

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        self._listener.join()
        self._process.stdout.close()
        self._process.stderr.close()


class Service:
    """See the module; a context manager."""

    def __init__(self, token_life):
        # How many Communication tokens the emulator has issued, by its own log.
        self.exchanges = 0
        with ExitStack() as ends:
            home = ends.enter_context(
                tempfile.TemporaryDirectory(prefix="home-", dir=os.environ["CONFORMANCE_OUT"])
            )
            emulator = Daemon(
                ["emulator", "--https-port=0", "--http-port=0", "--token-life", token_life],
                os.environ | {"ACSPASS_LOG": "debug"},
                self._hear,
            )
            ends.callback(emulator.stop)
            self.emulator = emulator.said
            key_file = Path(home, "key")
            key_file.write_bytes(secrets.token_bytes(32))
            key_file.chmod(0o600)
            self.environment = {
                "PATH": os.environ["PATH"],
                "HOME": home,
                "ACSPASS_CONFIG_DIR": home,
                "ACSPASS_STATE_DIR": home,
                "ACSPASS_STORE": "file",
                "ACSPASS_STORE_KEY_FILE": str(key_file),
                "ACSPASS_CA_FILE": self.emulator["caFile"],
                "ACSPASS_TENANT_ID": self.emulator["tenantId"],
                "ACSPASS_CLIENT_ID": self.emulator["clientId"],
                "AZURE_AUTHORITY_HOST": self.emulator["url"],
                "COMMUNICATION_SERVICES_CONNECTION_STRING": self.emulator["connectionString"],
                "BROWSER": f"{sys.executable} {Path(browser.__file__)}",
                # The browser's own.
                "SSL_CERT_FILE": self.emulator["caFile"],
            }
            self.acspass("login", "--timeout", "30s")
            self._serve = Daemon(["serve", "--port", "0"], self.environment)
            ends.callback(self._serve.stop)
            self.url = self._serve.said["url"]
            self.secret_file = self._serve.said["secretFile"]
            self._ends = ends.pop_all()

    def _hear(self, line):
        self.exchanges += EXCHANGE in line and " 200" in line

    def acspass(self, *arguments):
        subprocess.run(
            [ACSPASS, *arguments],
            check=True,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def is_honoured(self, token):
        """Whether the emulator still takes a Communication token."""
        request = urllib.request.Request(
            f"{self.emulator['httpUrl']}/emulator/whoami",
            headers={"Authorization": f"Bearer {token}"},
        )
        with urllib.request.urlopen(request) as answer:
            return answer.status == 200

    def stop(self):
        """Ends the token service alone."""
        self._serve.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ends.close()
