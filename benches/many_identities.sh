#!/usr/bin/env bash
# Creating 10,000 identities: `acspass user create --count` against the JavaScript SDK and the Python SDK,
# 32 requests in flight each, at the same emulator over TLS, in turns.
#
# The emulator is a process of its own. The wall time from start to end, the CPU time and the peak memory
# are those that the kernel counts for each client.
#
#   benches/many_identities.sh               builds the release binary and measures it
#   ACSPASS=/path/to/acspass COUNT=1000 ROUNDS=5 benches/many_identities.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
needs python3 python3-venv npm npm
find_acspass

scratch=$(mktemp -d)
emulator=
stop() {
    [ -z "$emulator" ] || { kill -INT "$emulator" && wait "$emulator"; } 2>/dev/null || true
    rm -rf "$scratch"
}
trap stop EXIT
install_peers "$scratch"
start_emulator
use_emulator

env -i PATH="$PATH" HOME="$scratch" PYTHONPATH="$here" RESULTS="${RESULTS:-}" \
    ACSPASS_CONFIG_DIR="$scratch" ACSPASS_STATE_DIR="$scratch" NO_PROXY=localhost \
    ACSPASS_CA_FILE="$ACSPASS_CA_FILE" NODE_EXTRA_CA_CERTS="$ACSPASS_CA_FILE" \
    REQUESTS_CA_BUNDLE="$ACSPASS_CA_FILE" \
    COMMUNICATION_SERVICES_CONNECTION_STRING="$COMMUNICATION_SERVICES_CONNECTION_STRING" \
    python3 - "$ACSPASS" "$node" "$PEERS/javascript/many_identities.mjs" \
    "$python" "$here/peers/many_identities.py" "${COUNT:-10000}" "${ROUNDS:-3}" <<'PY'
import os, platform, statistics as st, sys

import interleaved

acspass, node, javascript, python, script, count, rounds = sys.argv[1:]
COMMANDS = {
    "acspass": [acspass, "user", "create", "--count", count],
    "JavaScript SDK": [node, javascript, count],
    "Python SDK": [python, script, count],
}
# Each must print every identity.
results = interleaved.measure(
    COMMANDS, int(rounds), lambda output: len(set(output.split())) == int(count), warm_up=0
)

print(f"{rounds} rounds of {count} identities, 32 in flight; {os.cpu_count()} cores, {platform.machine()}")
print(f"{'':16}{'wall, median':>14}{'CPU, median':>14}{'peak memory':>14}{'wall ratio':>12}")
medians = {}
for name, runs in results.items():
    wall, cpu, memory = zip(*runs)
    medians[name] = st.median(wall), st.median(cpu), max(memory)
    print("{:16}{:>12.2f} s{:>12.2f} s{:>10.1f} MiB{:>12.2f}".format(
        name, *medians[name], medians["acspass"][0] / medians[name][0]))
interleaved.save(
    "many_identities", f"{int(count):,} identities", "s",
    {name: [run.wall_seconds for run in runs] for name, runs in results.items()},
    {name: [f"{cpu:.2f} s of CPU time", f"{memory:.0f} MiB at most"]
     for name, (_, cpu, memory) in medians.items()},
)
ours, theirs = medians["acspass"], medians["JavaScript SDK"]
if ours[2] >= 64:
    sys.exit("acspass needed 64 MiB or more")
if ours[0] > theirs[0]:
    sys.exit("acspass was slower than the JavaScript SDK")
PY
