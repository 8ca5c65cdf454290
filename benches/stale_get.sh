#!/usr/bin/env bash
# A stale `acspass get` (refresh and exchange) beside the same job with msal and the ACS SDK in Python
# and Node: medians of whole processes, interleaved, behind a relay that adds a round-trip time. Entra
# and the resource have a host each, so that each needs a connection. The floor is four round trips:
# TCP, TLS and a request to Entra, and a request over the resource's connection, opened meanwhile.
#
#   benches/stale_get.sh                   builds the release binary and measures it
#   ACSPASS=/path/to/acspass benches/stale_get.sh
#   BASELINE=/path/to/other/acspass RUNS=20 RTTS="0 20 100" benches/stale_get.sh
#   NO_PEERS=1 benches/stale_get.sh        without the packages of pip and npm
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
needs python3 python3-venv unshare util-linux mount mount

# The second half has an /etc/hosts of its own.
if [ -z "${INSIDE:-}" ]; then
    find_acspass
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    [ -n "${NO_PEERS:-}" ] || install_peers "$scratch"
    run_with_own_mounts INSIDE=1 HOME="$scratch" TMPDIR="$scratch" ACSPASS="$ACSPASS" PEERS="${PEERS:-}" \
        NO_PEERS="${NO_PEERS:-}" RUNS="${RUNS:-10}" RTTS="${RTTS:-0 20 100}" RESULTS="${RESULTS:-}" \
        BASELINE="$([ -z "${BASELINE:-}" ] || realpath "$BASELINE")"
    exit
fi

emulator=
relay=
browser=
trap 'kill $emulator $relay $browser 2>/dev/null || true; wait' EXIT
start_distant_emulator
use_file_store
start_browser
start_relay 0
"$ACSPASS" --quiet login --account "$user"
commands=("acspass=$ACSPASS get --force-refresh")
[ -z "${BASELINE:-}" ] || commands+=("acspass before=$BASELINE get --force-refresh")
if [ -z "${NO_PEERS:-}" ]; then
    install_peers "$TMPDIR"
    "$python" "$here/peers/sign_in.py" "$TMPDIR/python.json" listener
    "$node" "$PEERS/javascript/sign_in.mjs" "$TMPDIR/node.json"
    commands+=("Python=$python $here/peers/stale_get.py $TMPDIR/python.json")
    commands+=("Node=$node $PEERS/javascript/stale_get.mjs $TMPDIR/node.json")
fi
for rtt in $RTTS; do
    start_relay "$rtt"
    PYTHONPATH=$here python3 - "$rtt" "$RUNS" "${commands[@]}" <<'PYTHON'
import shlex, statistics, sys

import interleaved

rtt, runs = int(sys.argv[1]), int(sys.argv[2])
commands = {name: shlex.split(line) for name, line in (command.split("=", 1) for command in sys.argv[3:])}
is_right = lambda output: output.count(".") == 2
measured = interleaved.measure(commands, runs, is_right)
counts = interleaved.count_requests(commands, is_right)
times = {name: [1000 * run.wall_seconds for run in runs] for name, runs in measured.items()}
own = statistics.median(times["acspass"])
for name, values in times.items():
    median = statistics.median(values)
    floor = f", {median / (4 * rtt):.2f} of the floor" if rtt else ""
    print(f"{rtt:>3} ms  {name:15}{median:>8.0f} ms  {median / own:>6.2f} of acspass{floor}")
interleaved.save("stale_get", f"{rtt} ms", "ms", times,
                 {name: [f"{count} requests"] for name, count in counts.items()})
PYTHON
done
