#!/usr/bin/env python3
"""Many simultaneous users against three replicas behind HAProxy, and figures of one replica.

    deploy/load/burst.py FOLDER [--users 10000] [--windows 2]

FOLDER has the programs acspass and acspass-exchange. Each user asks at once, and again after
`Retry-After`. The run fails if the emulator's journal has more exchanges in 30 seconds than the budget,
or if a user's token is exchanged twice.
"""

import argparse
import concurrent.futures
import json
import threading
import time

from system import Journal, System, exchange, most_in_a_window


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--threads", type=int, default=64)
    options = parser.parse_args()
    with System(options.folder, options.users) as system:
        with concurrent.futures.ThreadPoolExecutor(options.threads) as pool:
            print("tokens of", options.users, "users", flush=True)
            tokens = list(pool.map(system.tokens, range(options.users)))
            journal, lock = Journal(system), threading.Lock()
            times, statuses, served = [], {}, set()

            def ask(number):
                start = time.monotonic()
                status, _, _ = exchange(system.port, *tokens[number])
                with lock:
                    times.append(time.monotonic() - start)
                    statuses[status] = statuses.get(status, 0) + 1
                    if status == 200:
                        served.add(number)

            end = time.monotonic() + 30 * options.windows
            rounds = 0
            while time.monotonic() < end and len(served) < options.users:
                list(pool.map(ask, [number for number in range(options.users) if number not in served]))
                rounds += 1
            exchanges = journal.stop()
        statements = system.query("SELECT count(*), count(DISTINCT replica), count(DISTINCT window_number) "
                                  "FROM acspass_exchange.leases")
        ordered, most = sorted(times), most_in_a_window(exchanges)
        print(json.dumps({
            "rounds": rounds,
            "responses": statuses,
            "p50Seconds": round(ordered[len(ordered) // 2], 4),
            "p99Seconds": round(ordered[int(len(ordered) * 0.99)], 4),
            "servedUsers": len(served),
            "exchanges": len(exchanges),
            "mostExchangesIn30Seconds": most,
            "budget": system.budget,
            "leasesReplicasWindows": statements,
        }, indent=2))
        raise SystemExit(1 if most > system.budget or len(exchanges) > len(served) + statuses.get(0, 0) else 0)


if __name__ == "__main__":
    main()
