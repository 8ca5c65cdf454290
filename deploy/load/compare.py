#!/usr/bin/env python3
"""The service and the same in Express, in one run: validated exchanges per second, and memory.

    deploy/load/compare.py FOLDER EXPRESS [--users 1000] [--seconds 10]

FOLDER has the programs acspass and acspass-exchange, EXPRESS is a copy of deploy/load/express in which
`npm install` has run. Each request has the tokens of another user, so that the service has no token in
memory, and both validate and exchange. Then the service's responses from memory are measured with wrk.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import time

from system import AUDIENCE, CLIENT, TENANT, System, answers, exchange, free_port, until

WRK = """
local bearers, subjects = {}, {}
for line in io.lines(os.getenv("TOKENS")) do
  local bearer, subject = line:match("(%S+) (%S+)")
  bearers[#bearers + 1], subjects[#subjects + 1] = bearer, subject
end
local number = 0
request = function()
  number = number % #bearers + 1
  local form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
    .. "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token=" .. subjects[number]
  return wrk.format("POST", "/v1/token", {
    ["Authorization"] = "Bearer " .. bearers[number],
    ["Content-Type"] = "application/x-www-form-urlencoded",
  }, form)
end
done = function(summary, latency, requests)
  io.write(string.format("errors %d p99 %d\\n", summary.errors.status + summary.errors.read, latency:percentile(99)))
end
"""


def memory(process):
    """The resident memory in MB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return round(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, 1)


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(name, port, process, tokens, threads):
    """Exchanges each user's token once."""
    before, start, failed = cpu_seconds(process), time.monotonic(), 0
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for status, _, _ in pool.map(lambda pair: exchange(port, *pair), tokens):
            failed += status != 200
    seconds, used = time.monotonic() - start, cpu_seconds(process) - before
    return {
        "name": name,
        "exchangesPerSecond": round(len(tokens) / seconds, 1),
        "exchangesPerCpuSecond": round(len(tokens) / max(used, 0.001), 1),
        "failed": failed,
        "megabytes": memory(process),
    }


def from_memory(system, tokens, seconds):
    files = system.folder / "tokens", system.folder / "wrk.lua"
    files[0].write_text("".join(f"{bearer} {subject}\n" for bearer, subject in tokens))
    files[1].write_text(WRK)
    process = system.processes["replica0"]
    before = cpu_seconds(process)
    done = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{seconds}s", "-s", files[1], f"http://127.0.0.1:{system.replicas[0][0]}"],
        env={**os.environ, "TOKENS": str(files[0])}, capture_output=True, text=True, check=True,
    )
    count = int(re.search(r"(\d+) requests in", done.stdout)[1])
    errors, p99 = re.search(r"errors (\d+) p99 (\d+)", done.stdout).groups()
    used = cpu_seconds(process) - before
    return {"name": "acspass-exchange from memory", "perSecond": round(count / seconds), "errors": int(errors),
            "p99Milliseconds": int(p99) / 1000, "perCpuSecond": round(count / max(used, 0.001)),
            "megabytes": memory(process)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("express")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=16)
    options = parser.parse_args()
    with System(options.folder, options.users, replicas=1, budget=1_000_000, database=False) as system:
        with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
            tokens = list(pool.map(system.tokens, range(options.users)))
        authority, port = f"http://localhost:{system.emulator_port}", free_port()
        key = (system.folder / "key").read_text()
        environment = {
            "PATH": os.environ["PATH"], "NODE_ENV": "production", "PORT": str(port), "AUTHORITY": authority,
            "TENANT": TENANT, "CLIENT": CLIENT, "AUDIENCE": AUDIENCE,
            "CONNECTION_STRING": f"endpoint={authority}/;accesskey={key}",
        }
        node = shutil.which("node")
        system.start("express", [node, pathlib.Path(options.express) / "server.js"], environment)
        until("Express", lambda: answers(port, "/readyz"))
        until("the service", lambda: system.is_ready(0))
        exchange(port, *tokens[0])
        results = [
            measure("express", port, system.processes["express"], tokens, options.threads),
            measure("acspass-exchange", system.replicas[0][0], system.processes["replica0"], tokens, options.threads),
            from_memory(system, tokens, options.seconds),
        ]
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
