"""The CPU time and the memory of a process and its children."""

import os
import pathlib
import re


def family(pid):
    """The process and its descendants."""
    children = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    found = [int(child) for path in children for child in path.read_text().split()]
    return [pid] + [member for child in found for member in family(child)]


def cpu_seconds(pid):
    total = 0
    for member in family(pid):
        fields = pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def megabytes(pid):
    """The memory; pages that processes share count once."""
    texts = [pathlib.Path(f"/proc/{member}/smaps_rollup").read_text() for member in family(pid)]
    return round(sum(int(re.search(r"Pss:\s+(\d+)", text)[1]) for text in texts) / 1024, 1)
