#!/usr/bin/env python3
"""Makes supply-chain/unsafe.txt: each use of `unsafe` and each build script of the crates in crates.toml.

    supply-chain/record.py            writes the file
    supply-chain/record.py --check    fails if the file is not that of Cargo.lock

A new version of such a crate changes the file, so that its differences are read before they land.
"""

import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "packaging"))
sys.dont_write_bytecode = True
from crates import crates  # noqa: E402

TARGET = "x86_64-unknown-linux-gnu"
# acspass has the default features, acspass-exchange this one, which includes `exchange-service`.
FEATURES = "otlp"
HEADER = """\
# Made by supply-chain/record.py from crates.toml and Cargo.lock for x86_64-unknown-linux-gnu.
# NAME VERSION: what it handles, how often its sources have `unsafe`, and the lines of each file.
# Code for other systems and features counts, tests and comments do not.
"""
# Comments, strings and characters, in which `unsafe` is a word. A lifetime is no character.
SKIPPED = re.compile(
    r"""//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|b?r(?P<hashes>\#+)".*?"(?P=hashes)|b?r"[^"]*"|"""
    r"""b?"(?:[^"\\]|\\.)*"|b?'(?:[^'\\]|\\[^u]|\\u\{[^}]*\})'""",
    re.DOTALL,
)
TESTS = {"tests", "test", "benches", "examples", "tests.rs", "test.rs"}


def unsafe_lines(text: str) -> list[int]:
    code = SKIPPED.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    code = code.split("#[cfg(test)]\nmod tests {")[0]
    return [code.count("\n", 0, found.start()) + 1 for found in re.finditer(r"\bunsafe\b", code)]


def describe(package: dict, handles: list[str], scripts: dict[str, str]) -> str:
    folder = Path(package["manifest_path"]).parent
    name = package["name"]
    build = [Path(target["src_path"]) for target in package["targets"] if "custom-build" in target["kind"]]
    if build and name not in scripts:
        sys.exit(f"{name} has a build script that crates.toml does not name: read {build[0]}")
    found = {}
    for path in sorted([*folder.glob("src/**/*.rs"), *build]):
        relative = path.relative_to(folder)
        if not TESTS & set(relative.parts) and (lines := unsafe_lines(path.read_text(encoding="utf-8"))):
            found[relative.as_posix()] = lines
    count = sum(map(len, found.values()))
    text = f"\n{name} {package['version']}: {' and '.join(handles)}; unsafe {count}\n"
    if build:
        text += f"  build script: {scripts[name]}\n"
    for path, lines in found.items():
        text += f"  {path}: {' '.join(map(str, lines))}\n"
    return text


def main() -> None:
    listed = tomllib.loads((HERE / "crates.toml").read_text(encoding="utf-8"))
    scripts = listed["build-scripts"]
    text = HEADER
    names = set(listed["secrets"]) | set(listed["bytes"])
    seen = set()
    for package in crates(TARGET, FEATURES):
        if package["name"] not in names:
            continue
        seen.add(package["name"])
        handles = [kind for kind in ("secrets", "bytes") if package["name"] in listed[kind]]
        text += describe(package, handles, scripts)
    if gone := sorted(names - seen):
        sys.exit(f"crates.toml names crates that no program contains: {', '.join(gone)}")
    record = HERE / "unsafe.txt"
    if "--check" not in sys.argv[1:]:
        record.write_text(text, encoding="utf-8", newline="\n")
    elif record.read_text(encoding="utf-8") != text:
        sys.exit("supply-chain/unsafe.txt is not that of Cargo.lock: run supply-chain/record.py and read its differences")
    print(f"supply-chain: {len(seen)} crates, {text.count('build script:')} build scripts")


main()
