"""Runs the code blocks of a package's README in a project in which the package is installed.

    python3 readme.py README PACKAGE_FILES PROJECT

A block of a language is a file: the last name in backticks before it. A file of that name in PACKAGE_FILES
must have the same text. A block of `sh` is run, and so is the command in "run by `COMMAND`" before a file.
A block that cannot run has `<!-- not run: REASON -->` above it.
"""

import re
import subprocess
import sys
from pathlib import Path

ENDINGS = {"js": (".mjs", ".js"), "ts": (".ts",), "python": (".py",)}
TIMEOUT_SECONDS = 120
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main(readme, package, project):
    page, end, commands, reasons = Path(readme).read_text(encoding="utf-8"), 0, [], 0
    for block in BLOCK.finditer(page):
        before, end = page[end : block.start()], block.end()
        language, text = block.groups()
        if before.rstrip().endswith("-->"):
            assert re.search(r"<!-- not run: .+ -->\s*$", before), before
            reasons += 1
        elif language == "sh":
            commands.append(text)
        else:
            names = re.findall(r"`([\w.]+)`", before)
            name = [name for name in names if name.endswith(ENDINGS[language])][-1]
            for original in Path(package).rglob(name):
                assert original.read_text(encoding="utf-8") == text, f"{original} differs from {readme}"
            Path(project, name).write_text(text, encoding="utf-8")
            commands += re.findall(r"run by `([^`]+)`", before)
    for command in commands:
        print("$", command.strip(), flush=True)
        subprocess.run(["sh", "-euc", command], cwd=project, timeout=TIMEOUT_SECONDS, check=True)
    print(f"Ran {len(commands)} tests in {readme}; {reasons} blocks give a reason")


if __name__ == "__main__":
    main(*sys.argv[1:])
