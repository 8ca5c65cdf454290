"""The process of a private emulator.

``emulator exec`` runs an emulator for as long as its command runs. The command is a short script of this
Python: it prints the variables, then waits for the end of its standard input. So the emulator also ends if
this process is killed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import Any

from acspass._errors import EmulatorError

#: The variables by which clients find the emulator: those of ``acspass emulator env``.
VARIABLES = [
    "ACSPASS_EMULATOR_URL",
    "AZURE_AUTHORITY_HOST",
    "ACSPASS_TENANT_ID",
    "ACSPASS_CLIENT_ID",
    "COMMUNICATION_SERVICES_CONNECTION_STRING",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
]
_COMMAND = """
import json, os, sys
print(json.dumps({name: os.environ[name] for name in sys.argv[1:]}), flush=True)
sys.stdin.readline()
"""
_STOP_SECONDS = 10
_MOST_ERROR_CHARACTERS = 4000


class Server:
    """A running ``emulator exec``."""

    def __init__(self, program: str, options: list[str], timeout: float) -> None:
        command = [sys.executable, "-I", "-S", "-c", _COMMAND, *VARIABLES]
        self._errors = tempfile.TemporaryFile()
        # Ctrl-C of a terminal ends the tests first.
        own_group: dict[str, Any] = {"start_new_session": True}
        if os.name == "nt":
            own_group = {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP
        try:
            self._process = subprocess.Popen(
                [program, "emulator", "exec", *options, "--", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                encoding="utf-8",
                env=_own_environment(),
                **own_group,
            )
        except OSError as cause:
            self._errors.close()
            raise EmulatorError(f"the emulator did not start: could not run {program}") from cause
        self.variables: dict[str, str] = self._read_variables(timeout)

    def _read_variables(self, timeout: float) -> dict[str, str]:
        assert self._process.stdout is not None
        timer = threading.Timer(timeout, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            is_late = not timer.is_alive()
            timer.cancel()
        if line:
            variables: dict[str, str] = json.loads(line)
            return variables
        code = self._process.wait()
        self._errors.seek(0)
        reason = self._errors.read().decode(errors="replace").strip()[-_MOST_ERROR_CHARACTERS:]
        self.stop()
        if is_late:
            reason = f"timed out after {timeout:g} s"
        raise EmulatorError(f"the emulator did not start: {reason or f'it ended with exit code {code}'}")

    def stop(self) -> None:
        """Stops the emulator."""
        try:
            # A line, because a forked process may keep the pipe open.
            self._process.communicate("\n", timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        except ValueError:
            pass  # It is stopped already.
        self._errors.close()


def _own_environment() -> dict[str, str]:
    """Returns this environment without what leads acspass elsewhere."""
    foreign = ("ACSPASS_", "AZURE_", "COMMUNICATION_")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)}
