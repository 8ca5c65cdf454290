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
runs=${RUNS:-10}
rtts=${RTTS:-0 20 100}

for tool in python3 unshare mount; do
    command -v "$tool" >/dev/null || { echo "missing: $tool" >&2; exit 2; }
done
if [ -z "${ACSPASS:-}" ]; then
    (cd "$here/.." && cargo build --release --locked)
    ACSPASS=${CARGO_TARGET_DIR:-$here/../target}/release/acspass
fi

# The second half has an /etc/hosts of its own.
if [ -z "${STALE_GET_INSIDE:-}" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    if [ -z "${NO_PEERS:-}" ]; then
        python3 -m venv "$scratch/venv"
        "$scratch/venv/bin/pip" install -q --disable-pip-version-check msal azure-communication-identity
        npm install --prefix "$scratch" --no-audit --no-fund --loglevel=error \
            @azure/msal-node @azure/communication-identity
        cp "$here/stale_get.mjs" "$scratch/"
    fi
    mapped=()
    [ "$(id -u)" = 0 ] || mapped=(--map-root-user)
    env -i PATH="$PATH" HOME="$scratch" TMPDIR="$scratch" STALE_GET_INSIDE=1 RUNS="$runs" RTTS="$rtts" \
        NO_PEERS="${NO_PEERS:-}" ACSPASS="$(realpath "$ACSPASS")" \
        BASELINE="$([ -z "${BASELINE:-}" ] || realpath "$BASELINE")" \
        unshare "${mapped[@]}" -m --propagation private bash "$here/stale_get.sh"
    exit
fi

emulator=
relay=
trap 'kill $emulator $relay 2>/dev/null || true; wait' EXIT
printf '127.0.0.1 localhost\n127.0.0.2 login.example.test\n127.0.0.3 acs.example.test\n' >"$TMPDIR/hosts"
mount --bind "$TMPDIR/hosts" /etc/hosts
mkdir -m 700 -p "$TMPDIR/.config/acspass"
printf '[profile.default]\nallow-endpoint = ["acs.example.test"]\n' >"$TMPDIR/.config/acspass/config.toml"

(umask 077; head -c 32 /dev/urandom >"$TMPDIR/key")

"$ACSPASS" emulator --https-port 0 --http-port 0 --host-name login.example.test \
    --host-name acs.example.test -o json >"$TMPDIR/emulator.json" 2>"$TMPDIR/emulator.log" &
emulator=$!
until [ -s "$TMPDIR/emulator.json" ]; do kill -0 $emulator; sleep 0.05; done
of_emulator() {
    python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
        "$TMPDIR/emulator.json" "$1"
}
url=$(of_emulator url)
port=${url##*:}
connection=$(of_emulator connectionString)
export ACSPASS_TENANT_ID ACSPASS_CLIENT_ID ACSPASS_CA_FILE
ACSPASS_TENANT_ID=$(of_emulator tenantId)
ACSPASS_CLIENT_ID=$(of_emulator clientId)
ACSPASS_CA_FILE=$(of_emulator caFile)
export ACSPASS_STORE=file ACSPASS_STORE_KEY_FILE=$TMPDIR/key
export AZURE_AUTHORITY_HOST=https://login.example.test:$port
export COMMUNICATION_SERVICES_CONNECTION_STRING=${connection/localhost/acs.example.test}
export REQUESTS_CA_BUNDLE=$ACSPASS_CA_FILE NODE_EXTRA_CA_CERTS=$ACSPASS_CA_FILE

start_relay() {
    [ -z "$relay" ] || { kill "$relay"; wait "$relay" || true; }
    python3 "$here/relay.py" "$1" "$port" 127.0.0.2 127.0.0.3 >"$TMPDIR/relay.log" &
    relay=$!
    until [ -s "$TMPDIR/relay.log" ]; do kill -0 $relay; sleep 0.02; done
}

start_relay 0
BROWSER="python3 '$here/browser.py'" "$ACSPASS" --quiet login --account "$(of_emulator username)"
commands=("acspass=$ACSPASS get --force-refresh")
[ -z "${BASELINE:-}" ] || commands+=("acspass before=$BASELINE get --force-refresh")
if [ -z "${NO_PEERS:-}" ]; then
    python="$TMPDIR/venv/bin/python $here/stale_get.py $TMPDIR/python.json"
    node="node $TMPDIR/stale_get.mjs $TMPDIR/node.json"
    $python sign-in
    $node sign-in
    commands+=("Python=$python" "Node=$node")
fi
for rtt in $rtts; do
    start_relay "$rtt"
    python3 - "$rtt" "$runs" "${commands[@]}" <<'PYTHON'
import shlex, statistics, subprocess, sys, time

rtt, runs = int(sys.argv[1]), int(sys.argv[2])
commands = dict(command.split("=", 1) for command in sys.argv[3:])
times = {name: [] for name in commands}
for run in range(runs + 1):
    for name, command in commands.items():
        began = time.monotonic()
        done = subprocess.run(shlex.split(command), capture_output=True, text=True)
        if done.returncode or done.stdout.count(".") != 2:
            sys.exit(f"{name}: {done.stderr}")
        if run:  # The first one fills caches.
            times[name].append(1000 * (time.monotonic() - began))
own = statistics.median(times["acspass"])
for name in commands:
    median = statistics.median(times[name])
    floor = f", {median / (4 * rtt):.2f} of the floor" if rtt else ""
    print(f"{rtt:>3} ms  {name:15}{median:>8.0f} ms  {median / own:>6.2f} of acspass{floor}")
PYTHON
done
