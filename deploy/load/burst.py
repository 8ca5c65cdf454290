#!/usr/bin/env python3
"""Many simultaneous users against three replicas behind HAProxy.

    deploy/load/burst.py FOLDER [--users 10000] [--windows 3] [--budget 500]

FOLDER has the programs acspass and acspass-exchange. All users ask at once, each over a connection of its
own, and again after `Retry-After`. A user with a token asks once more after two seconds. The run fails if
the emulator's journal has more exchanges in 30 seconds than the budget, if a user's token is exchanged
twice, if a response is neither a token nor a refusal for the budget, or if a replica executes more than
one statement for each window.
"""

import argparse
import asyncio
import collections
import concurrent.futures
import itertools
import json
import math
import os
import re
import resource
import time
import urllib.parse

from processes import cpu_seconds, megabytes
from system import GRANT, TYPE, Journal, System, most_in_a_window, until

AGAIN_SECONDS = 2
WINDOW_SECONDS = 30


class Users:
    """The users, and their responses."""

    def __init__(self, port, tokens, seconds):
        self.port, self.tokens = port, tokens
        self.end = time.monotonic() + seconds
        self.times, self.statuses = collections.defaultdict(list), collections.Counter()
        self.served, self.again, self.waiting, self.most_waiting = set(), set(), 0, 0

    async def all(self):
        await asyncio.gather(*(self.user(number) for number in range(len(self.tokens))))

    async def user(self, number):
        while time.monotonic() < self.end:
            status, pause = await self.ask(number)
            if status == 200:
                self.served.add(number)
                await asyncio.sleep(AGAIN_SECONDS)
                if (await self.ask(number))[0] == 200:
                    self.again.add(number)
                return
            await asyncio.sleep(min(pause, max(0, self.end - time.monotonic()) + 0.1))

    async def ask(self, number):
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        start = time.monotonic()
        try:
            status, pause = await asyncio.wait_for(self.send(*self.tokens[number]), 60)
        except (OSError, TimeoutError, ValueError, IndexError) as error:
            status, pause = f"0 {type(error).__name__}", 1
        self.waiting -= 1
        self.statuses[status] += 1
        self.times[status].append(time.monotonic() - start)
        return status, pause

    async def send(self, bearer, subject):
        form = urllib.parse.urlencode({"grant_type": GRANT, "subject_token": subject, "subject_token_type": TYPE})
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write((
                f"POST /v1/token HTTP/1.1\r\nHost: localhost:{self.port}\r\nAuthorization: Bearer {bearer}\r\n"
                f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
                f"Connection: close\r\n\r\n{form}"
            ).encode())
            answer = await reader.read(-1)
        finally:
            writer.close()
        head = answer.split(b"\r\n\r\n", 1)[0].decode().lower()
        pause = re.search(r"\r\nretry-after: (\d+)", head)
        return int(head.split(" ")[1]), int(pause[1]) if pause else 1


def milliseconds(times, share):
    ordered = sorted(times)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1) if ordered else None


def balancer_times(system):
    """The times of the requests at HAProxy, in seconds, by status."""
    times = collections.defaultdict(list)
    for status, taken in re.findall(r"^request (\d+) (\d+)$", (system.folder / "haproxy.log").read_text(), re.M):
        times[int(status)].append(int(taken) / 1000)
    return times


def new_tokens(system, count):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        return list(pool.map(system.tokens, range(count)))


def run(system, options):
    for number in range(system.count):
        until(f"replica {number}", lambda number=number: system.is_ready(number), 120)
    tokens = new_tokens(system, options.users)
    # The next leases are those of full shares.
    time.sleep(WINDOW_SECONDS)
    processes = {name: process.pid for name, process in system.processes.items()}
    before = {name: cpu_seconds(pid) for name, pid in processes.items()}
    journal, start = Journal(system), time.monotonic()
    system.query("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()")
    users = Users(system.port, tokens, WINDOW_SECONDS * options.windows)
    asyncio.run(users.all())
    exchanges, seconds = journal.stop(), time.monotonic() - start
    statements = system.query("SELECT calls, query FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_%'")
    own = os.times()
    balancer = balancer_times(system)
    return users, exchanges, {
        "responses": {str(status): count for status, count in users.statuses.items()},
        "mostWaiting": users.most_waiting,
        "milliseconds": {
            str(status): {"p50": milliseconds(times, 0.5), "p99": milliseconds(times, 0.99)}
            for status, times in users.times.items()
        },
        "millisecondsAtHaproxy": {
            status: {"p50": milliseconds(times, 0.5), "p99": milliseconds(times, 0.99)}
            for status, times in balancer.items()
        },
        "servedUsers": len(users.served), "servedAgain": len(users.again),
        "exchanges": len(exchanges),
        "mostExchangesIn30Seconds": most_in_a_window(exchanges), "budget": system.budget,
        "statements": statements.splitlines(),
        "statementsAllowed": system.count * (math.floor(seconds / WINDOW_SECONDS) + 1),
        "seconds": round(seconds, 1),
        "cpuSeconds": {name: round(cpu_seconds(pid) - before[name], 1) for name, pid in processes.items()},
        "ownCpuSeconds": round(own.user + own.system, 1),
        "megabytes": {name: megabytes(pid) for name, pid in processes.items()},
        "load": round(os.getloadavg()[0], 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--budget", type=int, default=500)
    options = parser.parse_args()
    # Each user has a socket here, and one in HAProxy.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with System(options.folder, options.users, budget=options.budget) as system:
        users, exchanges, figures = run(system, options)
    print(json.dumps(figures, indent=2))
    calls = sum(int(line.split("|")[0]) for line in figures["statements"])
    failures = {
        "over the budget": figures["mostExchangesIn30Seconds"] > system.budget,
        "a user's token exchanged twice": len(exchanges) > len(users.served),
        "an unexpected response": set(users.statuses) - {200, 429},
        "not served again": users.served - users.again,
        "too many statements": calls > figures["statementsAllowed"],
    }
    failed = list(itertools.compress(failures, failures.values()))
    print("failed:", ", ".join(failed) or "nothing")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
