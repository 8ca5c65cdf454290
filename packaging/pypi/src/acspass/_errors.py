"""The errors of this module."""

from __future__ import annotations

import re
from typing import Optional


class EmulatorError(Exception):
    """The emulator did not start, or it refused a request of this module."""


class SignInRefused(EmulatorError):
    """The emulator's Entra ID refused a sign-in or a refresh.

    ``error`` is the error of OAuth, such as ``access_denied``; ``code`` is the code in the description,
    such as ``AADSTS65004``.
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}" if description else error)
        self.error = error
        self.description = description
        found = re.search(r"AADSTS\d+", description)
        self.code: Optional[str] = found.group() if found else None
