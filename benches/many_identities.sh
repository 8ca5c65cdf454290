#!/usr/bin/env bash
# Creating 10,000 identities: `acspass user create --count` against the JavaScript SDK, 32 requests
# in flight each, at the same emulator over TLS, in turns.
#
# The emulator is a process of its own; what is measured is each client's wall time from start to
# end, its CPU time and its peak memory, all as the kernel counts them for the process.
#
#   benches/many_identities.sh               builds the release binary and measures it
#   ACSPASS=/path/to/acspass COUNT=1000 ROUNDS=5 benches/many_identities.sh
#
# The SDK and its Node are those of tests/conformance, which is run once if they are not there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
count=${COUNT:-10000}
rounds=${ROUNDS:-3}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
js=$target/conformance/javascript

if [ -z "${ACSPASS:-}" ]; then
    cargo build --release --locked
    ACSPASS=$target/release/acspass
fi
node=$js/node_modules/.bin/node
[ -x "$node" ] || tests/conformance/run.sh sign_in

scratch=$(mktemp -d)
emulator_pid=
stop() {
    [ -z "$emulator_pid" ] || { kill -INT "$emulator_pid" && wait "$emulator_pid"; } 2>/dev/null || true
    rm -rf "$scratch"
}
trap stop EXIT
exec {said}< <(exec "$ACSPASS" emulator --https-port 0 --http-port 0 -o json 2>/dev/null)
emulator_pid=$!
read -r -t 60 -u "$said" described
of_emulator() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$described" "$1"; }
cp "$here/many_identities.mjs" "$js/"

env -i PATH="$PATH" HOME="$scratch" \
    ACSPASS_CONFIG_DIR="$scratch" ACSPASS_STATE_DIR="$scratch" NO_PROXY=localhost \
    ACSPASS_CA_FILE="$(of_emulator caFile)" NODE_EXTRA_CA_CERTS="$(of_emulator caFile)" \
    COMMUNICATION_SERVICES_CONNECTION_STRING="$(of_emulator connectionString)" \
    python3 - "$ACSPASS" "$node" "$js/many_identities.mjs" "$count" "$rounds" <<'PY'
import os, platform, resource, statistics as st, subprocess, sys, time

acspass, node, script, count, rounds = sys.argv[1:]
COMMANDS = {
    "acspass": [acspass, "user", "create", "--count", count],
    "JavaScript SDK": [node, script, count],
}


def run(command):
    """Wall and CPU seconds, and peak memory in MiB, of one run; it must print every identity."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    ids = set(process.stdout.read().split())
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status or len(ids) != int(count):
        sys.exit(f"{command[0]}: status {status}, {len(ids)} identities")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


results = {name: [] for name in COMMANDS}
for round in range(int(rounds)):
    # Whoever begins may find the machine in another state, so they take turns at that as well.
    for name in list(COMMANDS)[:: 1 if round % 2 == 0 else -1]:
        results[name].append(run(COMMANDS[name]))

print(f"{rounds} rounds of {count} identities, 32 in flight; {os.cpu_count()} cores, {platform.machine()}")
print(f"{'':16}{'wall, median':>14}{'CPU, median':>14}{'peak memory':>14}")
medians = {}
for name, runs in results.items():
    wall, cpu, memory = zip(*runs)
    medians[name] = st.median(wall), st.median(cpu), max(memory)
    print("{:16}{:>12.2f} s{:>12.2f} s{:>10.1f} MiB".format(name, *medians[name]))
ours, theirs = medians["acspass"], medians["JavaScript SDK"]
print("{:16}{:>14.2f}{:>14.2f}{:>14.2f}".format("ratio", *(a / b for a, b in zip(ours, theirs))))
if ours[2] >= 64:
    sys.exit("acspass needed 64 MiB or more")
if ours[0] > theirs[0]:
    sys.exit("acspass was slower than the JavaScript SDK")
PY
