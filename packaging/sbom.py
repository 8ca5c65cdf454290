#!/usr/bin/env python3
"""Checks that a bill of materials (CycloneDX, JSON) names each crate of a program.

    packaging/sbom.py FILE PROGRAM

The program has a list of its crates from cargo-auditable, in the section `.dep-v0`.
"""

import json
import subprocess
import sys
import tempfile
import zlib


def crates_in(program: str) -> set[tuple[str, str]]:
    with tempfile.NamedTemporaryFile() as section:
        command = ["objcopy", "--dump-section", f".dep-v0={section.name}", program, "/dev/null"]
        subprocess.run(command, check=True)
        packages = json.loads(zlib.decompress(section.read()))["packages"]
    return {(one["name"], one["version"]) for one in packages if one.get("kind", "runtime") == "runtime"}


def crates_of(bill: str) -> set[tuple[str, str]]:
    with open(bill, encoding="utf-8") as file:
        content = json.load(file)
    components = [*content["components"], content["metadata"]["component"]]
    return {(one["name"], one["version"]) for one in components}


def main() -> None:
    bill, program = sys.argv[1:]
    named, linked = crates_of(bill), crates_in(program)
    if missing := sorted(linked - named):
        sys.exit(f"{bill} does not name {', '.join(f'{name} {version}' for name, version in missing)}")
    print(f"the bill of materials names all {len(linked)} crates of the program", file=sys.stderr)


main()
