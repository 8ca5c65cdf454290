#!/usr/bin/env bash
# A sign-in without user interaction (`acspass login`) beside the same job with msal in Python and Node:
# medians of whole processes, interleaved, behind a relay that adds a round-trip time. Each opens the same
# browser, which is a program that is already running and submits the forms of the emulator. Each redeems
# the authorization code and saves the session: acspass in a sealed file, the others in a plain one.
#
#   benches/sign_in.sh                   builds the release binary and measures it
#   ACSPASS=/path/to/acspass RUNS=20 RTTS="0 100" benches/sign_in.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
needs python3 python3-venv unshare util-linux mount mount npm npm

# The second half has an /etc/hosts of its own.
if [ -z "${INSIDE:-}" ]; then
    find_acspass
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    install_peers "$scratch"
    run_with_own_mounts INSIDE=1 HOME="$scratch" TMPDIR="$scratch" ACSPASS="$ACSPASS" PEERS="$PEERS" \
        RUNS="${RUNS:-10}" RTTS="${RTTS:-0 100}" RESULTS="${RESULTS:-}"
    exit
fi

emulator=
relay=
browser=
trap 'kill $emulator $relay $browser 2>/dev/null || true; wait' EXIT
install_peers "$TMPDIR"
start_distant_emulator
use_file_store
start_browser
for rtt in $RTTS; do
    start_relay "$rtt"
    PYTHONPATH=$here python3 - "$rtt" "$RUNS" "$user" "$ACSPASS" "$python" "$node" "$here/peers" "$PEERS" <<'PYTHON'
import os, statistics, sys

import interleaved

rtt, runs, user, acspass, python, node, scripts, peers = sys.argv[1:]
folder = os.environ["TMPDIR"]
commands = {
    "acspass": [acspass, "--quiet", "login", "--account", user],
    "Python, interactive": [python, f"{scripts}/sign_in.py", f"{folder}/python.json"],
    "Python, own listener": [python, f"{scripts}/sign_in.py", f"{folder}/listener.json", "listener"],
    "Node": [node, f"{peers}/javascript/sign_in.mjs", f"{folder}/node.json"],
}
is_right = lambda output: not output
measured = interleaved.measure(commands, int(runs), is_right)
counts = interleaved.count_requests(commands, is_right)
times = {name: [1000 * run.wall_seconds for run in runs] for name, runs in measured.items()}
own = statistics.median(times["acspass"])
for name, values in times.items():
    median = statistics.median(values)
    print(f"{rtt:>3} ms  {name:22}{median:>8.0f} ms  {median / own:>6.2f} of acspass")
interleaved.save("sign_in", f"{rtt} ms", "ms", times,
                 {name: [f"{count} requests, one of them of the browser"] for name, count in counts.items()})
PYTHON
done
