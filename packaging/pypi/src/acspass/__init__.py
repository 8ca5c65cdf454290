"""The emulator of acspass for test suites.

``acspass.pytest_plugin`` has the fixture ``acs_emulator``, and ``acspass.tokens`` the refreshers for the
credentials of the Azure SDKs.
"""

from acspass._emulator import Emulator, connect_emulator, start_emulator
from acspass._errors import EmulatorError, SignInRefused
from acspass._program import program_path
from acspass._sign_in import SignedInUser

__all__ = [
    "Emulator",
    "EmulatorError",
    "SignInRefused",
    "SignedInUser",
    "connect_emulator",
    "program_path",
    "start_emulator",
]
