#!/usr/bin/env python3
"""The service and the same in Express, in one run: validated exchanges per second, and memory.

    deploy/load/compare.py FOLDER EXPRESS [--users 1000] [--rounds 3] [--pairs 3] [--seconds 10]

FOLDER has the programs acspass and acspass-exchange, EXPRESS is a copy of deploy/load/express in which
`npm install` has run. wrk sends the requests. The rounds are interleaved: in each, every service gets the
same new tokens, --pairs of each user, each of them once. So no token is in the service's memory, and all
validate and exchange. Express runs as one process, and as a cluster of two. The emulator takes most of
the CPU time for its signatures, so that the same follows with a resource that signs nothing ("static").
Then the service's responses from memory are measured. The figures of CPU time do not depend on other load
of the machine.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess

from processes import cpu_seconds, megabytes
from system import AUDIENCE, CLIENT, TENANT, System, answers, exchange, free_port, until

LIMIT_SECONDS = 300


class Load:
    """wrk, with tokens of users."""

    def __init__(self, system, connections):
        self.system, self.connections = system, connections

    def run(self, name, port, tokens, seconds=None):
        """Sends each pair once, or all of them in turn for some seconds."""
        file = self.system.folder / "tokens"
        file.write_text("".join(f"{bearer} {subject}\n" for bearer, subject in tokens))
        service, emulator = (self.system.processes[one].pid for one in (name, "emulator"))
        before, wrk_before = (cpu_seconds(service), cpu_seconds(emulator)), children_seconds()
        done = subprocess.run(
            ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds or LIMIT_SECONDS}s", "--timeout", "30s",
             "-s", pathlib.Path(__file__).parent / "requests.lua", f"http://127.0.0.1:{port}"],
            env={"PATH": os.environ["PATH"], "TOKENS": str(file), **({} if seconds else {"ONCE": "1"})},
            capture_output=True, text=True, check=True,
        )
        used = [cpu_seconds(service) - before[0], cpu_seconds(emulator) - before[1]]
        count, microseconds, errors, p50, p99, p999 = map(int, done.stdout.rsplit("RESULT", 1)[1].split())
        return {
            "perSecond": round(count / microseconds * 1e6, 1),
            "perCpuSecond": round(count / max(used[0], 0.01), 1),
            "p50Milliseconds": p50 / 1000, "p99Milliseconds": p99 / 1000, "p999Milliseconds": p999 / 1000,
            "megabytes": megabytes(service),
            "cores": {
                "service": round(used[0] / microseconds * 1e6, 2),
                "emulator": round(used[1] / microseconds * 1e6, 2),
                "wrk": round((children_seconds() - wrk_before) / microseconds * 1e6, 2),
            },
            "requests": count, "errors": errors, "load": round(os.getloadavg()[0], 1),
        }


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def medians(results):
    names = ["perSecond", "perCpuSecond", "p50Milliseconds", "p99Milliseconds", "megabytes"]
    return {name: statistics.median(result[name] for result in results) for name in names}


def start_express(system, folder, name, workers):
    authority, port = f"http://localhost:{system.emulator_port}", free_port()
    resource_endpoint = f"http://localhost:{system.resource_port}/"
    key = (system.folder / "key").read_text()
    environment = {
        "PATH": os.environ["PATH"], "NODE_ENV": "production", "PORT": str(port), "AUTHORITY": authority,
        "TENANT": TENANT, "CLIENT": CLIENT, "AUDIENCE": AUDIENCE, "WORKERS": str(workers),
        "CONNECTION_STRING": f"endpoint={resource_endpoint};accesskey={key}",
    }
    system.start(name, [shutil.which("node"), pathlib.Path(folder) / "server.js"], environment)
    until("Express", lambda: answers(port, "/readyz"))
    return port


def start_services(system, express):
    """Starts all, and returns the port of each, once with the emulator and once with a static resource."""
    until("the service", lambda: system.is_ready(0), 120)
    groups = [{
        "express": start_express(system, express, "express", 1),
        "express2": start_express(system, express, "express2", 2),
        "replica0": system.replicas[0][0],
    }]
    status, _, issued = exchange(system.replicas[0][0], *system.tokens(0))
    if status != 200:
        raise SystemExit(f"the service does not exchange: {status}")
    system.start_resource(issued["access_token"])
    system.start_replica(1)
    until("the service with the static resource", lambda: system.is_ready(1), 120)
    return groups + [{
        "expressStatic": start_express(system, express, "expressStatic", 1),
        "express2Static": start_express(system, express, "express2Static", 2),
        "replica1": system.replicas[1][0],
    }]


def compare(options, system):
    groups = start_services(system, options.express)
    load, results = Load(system, options.connections), collections.defaultdict(list)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        def new_tokens(pairs):
            return list(pool.map(system.tokens, list(range(options.users)) * pairs))

        # Express is compiled while it runs.
        latest = new_tokens(1)
        for name, port in [service for group in groups for service in group.items()]:
            load.run(name, port, latest)
        for number in range(options.rounds):
            latest = new_tokens(options.pairs)
            for services in map(list, map(dict.items, groups)):
                for name, port in services[number % 3:] + services[:number % 3]:
                    results[name].append(load.run(name, port, latest))
                    print(name, json.dumps(results[name][-1]), flush=True)
    port = system.replicas[0][0]
    latest = latest[-options.users:]
    for pair in latest:
        exchange(port, *pair)
    for _ in range(options.rounds):
        results["fromMemory"].append(load.run("replica0", port, latest, options.seconds))
        print("fromMemory", json.dumps(results["fromMemory"][-1]), flush=True)
    return {name: medians(result) for name, result in results.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("express")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    with System(options.folder, options.users, replicas=1, budget=1_000_000, database=False) as system:
        print(json.dumps(compare(options, system), indent=2))


if __name__ == "__main__":
    main()
