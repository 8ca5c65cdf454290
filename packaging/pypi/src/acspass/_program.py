"""The program that the wheel installs."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

NAME = "acspass.exe" if os.name == "nt" else "acspass"


def program_path() -> str:
    """Returns the path of the acspass program in this package."""
    for folder in _folders():
        program = folder / NAME
        if program.is_file():
            return str(program)
    raise FileNotFoundError(
        "the program of the package acspass is missing: run `pip install --force-reinstall acspass`"
    )


def _folders() -> Iterator[Path]:
    """Yields the folders in which installers put programs."""
    yield Path(sysconfig.get_path("scripts"))
    user = f"{os.name}_user"
    if user in sysconfig.get_scheme_names():
        yield Path(sysconfig.get_path("scripts", user))
    # `pip install --target FOLDER`, and a prefix other than that of this Python.
    package = Path(__file__).resolve().parent
    yield package.parent / "bin"
    for parent in package.parents:
        if parent.name in ("lib", "lib64", "Lib"):
            yield parent.parent / ("Scripts" if os.name == "nt" else "bin")
    yield Path(sys.executable).parent
