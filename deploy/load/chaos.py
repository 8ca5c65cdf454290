#!/usr/bin/env python3
"""Failures under load: three replicas behind HAProxy, with PostgreSQL and the emulator, as processes.

    deploy/load/chaos.py FOLDER [--seconds 150] [--users 200] [--budget 60]

FOLDER has the programs acspass and acspass-exchange. Replicas are killed one by one, PostgreSQL is
stopped and started, signing keys are rotated, and the certificate is replaced. The run fails if a retry
does not resolve a failed response, if the emulator's journal has more exchanges in 30 seconds than the
budget, or if a user's token is exchanged for another user.
"""

import argparse
import base64
import json
import random
import signal
import threading
import time

from system import Journal, System, exchange, most_in_a_window, object_id


class Load:
    """Users who get a token, drop it, and get the next one."""

    def __init__(self, system, users, threads):
        self.system, self.tokens = system, {number: system.tokens(number) for number in range(users)}
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.statuses, self.unresolved, self.wrong, self.times = {}, [], [], []
        self.pending = {}
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopped.is_set():
            number = random.randrange(len(self.tokens))
            self.once(number)
            self.stopped.wait(0.02)

    def once(self, number):
        with self.lock:
            bearer, subject = self.tokens[number]
        start = time.monotonic()
        status, headers, body = exchange(self.system.port, bearer, subject)
        with self.lock:
            self.times.append(time.monotonic() - start)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            if status != 200:
                self.pending[number] = status
            else:
                self.pending.pop(number, None)
                claims = json.loads(base64.urlsafe_b64decode(body["access_token"].split(".")[1] + "=="))
                if object_id(number) not in claims["skypeid"]:
                    self.wrong.append(number)
        return status, headers

    def renew(self):
        """New tokens for all users, as after a rotation."""
        renewed = {number: self.system.tokens(number) for number in self.tokens}
        with self.lock:
            self.tokens = renewed

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def resolve(self, seconds):
        """Sends each failed request again until it succeeds."""
        end = time.monotonic() + seconds
        while self.pending and time.monotonic() < end:
            for number in list(self.pending):
                status, headers = self.once(number)
                if status == 429:
                    time.sleep(min(int(headers.get("Retry-After", "1")), 5))
        return list(self.pending)


def events(system, load):
    """The failures, one after another."""
    for number in range(system.count):
        yield f"kill replica {number}", lambda number=number: system.end(f"replica{number}")
        yield f"start replica {number}", lambda number=number: system.start_replica(number)
    yield "stop PostgreSQL", lambda: system.end("postgres", signal.SIGQUIT)
    yield "start PostgreSQL", system.start_postgres
    yield "rotate the signing keys", lambda: (system.control("POST", "keys/rotate", {}), load.renew())
    yield "replace the certificate", system.new_certificate
    yield "terminate replica 0", lambda: system.end("replica0", signal.SIGTERM)
    yield "start replica 0 again", lambda: system.start_replica(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=int, default=150)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--budget", type=int, default=60)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    with System(options.folder, options.users, budget=options.budget, tls=True) as system:
        load = Load(system, options.users, options.threads)
        journal = Journal(system)
        load.start()
        all_events = list(events(system, load))
        for name, act in all_events:
            time.sleep(options.seconds / len(all_events))
            print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
            act()
        time.sleep(options.seconds / len(all_events))
        load.stop()
        print("resolving", len(load.pending), "failed requests", flush=True)
        unresolved = load.resolve(60 + 40 * options.users / options.budget)
        times = journal.stop()
        refused = {}
        for line in system.audit():
            refused[line.get("reason")] = refused.get(line.get("reason"), 0) + 1
        most = most_in_a_window(times)
        ordered = sorted(load.times)
        print(json.dumps({
            "responses": load.statuses,
            "p99Seconds": round(ordered[int(len(ordered) * 0.99)], 3),
            "decisions": refused,
            "unresolved": len(unresolved),
            "otherUsersTokens": len(load.wrong),
            "exchanges": len(times),
            "mostExchangesIn30Seconds": most,
            "budget": options.budget,
        }, indent=2))
        failed = unresolved or load.wrong or most > options.budget
        raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
