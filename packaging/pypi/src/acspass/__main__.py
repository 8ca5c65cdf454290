"""Runs the program: ``python -m acspass``."""

import os
import subprocess
import sys

from acspass._program import program_path


def main() -> None:
    command = [program_path(), *sys.argv[1:]]
    if os.name == "nt":
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
