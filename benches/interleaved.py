"""Runs commands in turns, and measures each process as a whole."""

import json
import os
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from typing import NamedTuple

LIMIT_SECONDS = 300


class Run(NamedTuple):
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


def run(name, command, is_right):
    """Runs a command once; its output must be right."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        limit = threading.Timer(LIMIT_SECONDS, process.kill)
        limit.start()
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not is_right(output):
        sys.exit(f"{name}: exit code {process.returncode}, {len(output)} characters of output")
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(commands, rounds, is_right, warm_up=1):
    """Runs each of the named commands once a round, and returns their runs."""
    runs = {name: [] for name in commands}
    for round in range(-warm_up, rounds):
        # The first command may find the machine in another state, so they take turns at that.
        for name in list(commands)[:: -1 if round % 2 else 1]:
            measured = run(name, commands[name], is_right)
            if round >= 0:
                runs[name].append(measured)
    return runs


def count_requests(commands, is_right):
    """Runs each command once, and returns the number of requests that the emulator got from it and from
    the browser that it opened."""
    trust = ssl.create_default_context(cafile=os.environ["ACSPASS_CA_FILE"])
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    journal = f"{os.environ['AZURE_AUTHORITY_HOST']}/_emulator/v1/journal"
    clear = urllib.request.Request(journal, headers={"X-Acspass-Emulator": "1"}, method="DELETE")
    counts = {}
    for name, command in commands.items():
        opener.open(clear, timeout=20).close()
        run(name, command, is_right)
        with opener.open(journal, timeout=20) as response:
            counts[name] = json.load(response)["total"]
    return counts


def save(comparison, condition, unit, values, other=None):
    """Appends the values of each program to the file RESULTS, if there is one. `other` has a list of texts
    for each program."""
    if path := os.environ.get("RESULTS"):
        line = {"comparison": comparison, "condition": condition, "unit": unit, "values": values}
        with open(path, "a", encoding="utf-8") as file:
            print(json.dumps(line | {"other": other or {}}), file=file)
