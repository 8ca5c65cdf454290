"""The fixture ``acs_emulator`` of pytest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from acspass import Emulator, start_emulator


@pytest.fixture(scope="session")
def acs_emulator_options() -> dict[str, Any]:
    """The arguments of ``start_emulator``; a suite replaces it to change them."""
    return {}


@pytest.fixture(scope="session")
def acs_emulator_of_session(acs_emulator_options: dict[str, Any]) -> Iterator[Emulator]:
    """A private emulator for the whole run, whose state tests share."""
    with start_emulator(**acs_emulator_options) as emulator:
        yield emulator


@pytest.fixture
def acs_emulator(acs_emulator_of_session: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A private emulator in the state at its start. The environment leads clients to it."""
    acs_emulator_of_session.reset()
    for name, value in acs_emulator_of_session.environment.items():
        monkeypatch.setenv(name, value)
    return acs_emulator_of_session
