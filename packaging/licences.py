#!/usr/bin/env python3
"""Prints the licences of the libraries that the program contains.

    packaging/licences.py TARGET
"""

import sys
from pathlib import Path

from crates import crates

NAMES = ("LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE")


def texts(package: dict) -> list[str]:
    folder = Path(package["manifest_path"]).parent
    files = [path for path in folder.iterdir() if path.is_file() and path.name.upper().startswith(NAMES)]
    # Of two licences to choose from, the Apache License is left to its one copy below.
    found = [path.read_text(encoding="utf-8", errors="replace").strip() for path in sorted(files)]
    return [text.replace("\r\n", "\n") for text in found if "TERMS AND CONDITIONS FOR USE" not in text] or found


def main() -> None:
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    packages = crates(sys.argv[1])
    print("Libraries that acspass contains, with their licences")
    by_text: dict[str, list[str]] = {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        print(f"\n{name}\n  licence: {package['license']}")
        if package["authors"]:
            print(f"  authors: {', '.join(package['authors'])}")
        for text in texts(package):
            by_text.setdefault(text, []).append(name)
    for text, names in by_text.items():
        print(f"\n{'-' * 80}\n{', '.join(names)}\n\n{text}")


main()
