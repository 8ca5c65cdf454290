"""Measures the CPU time of all programs for some seconds, and prints a line of JSON with their share.

    load.py NAME SECONDS
"""

import json
import sys
import time


def ticks():
    """The ticks of all CPUs: all, and those with nothing to do."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return sum(fields), fields[3] + fields[4]


before = ticks()
time.sleep(float(sys.argv[2]))
every, idle = (after - earlier for after, earlier in zip(ticks(), before))
print(json.dumps({"before": sys.argv[1], "busy": round(1 - idle / every, 3)}))
