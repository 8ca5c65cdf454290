#!/usr/bin/env bash
# What a fresh `acspass get` costs, against `secret-tool lookup` of a 6,000-byte item.
#
# Both read one item of the same gnome-keyring on a private session bus, with a home of its own:
# nothing of yours is read or written. hyperfine runs them in turns, ROUNDS times RUNS each. Wall
# is the median of all runs; CPU (user + system) is the median of the rounds' means, since hyperfine
# keeps no CPU time of a single run.
#
#   benches/fresh_get.sh                 builds the release binary and measures it
#   ACSPASS=/path/to/acspass benches/fresh_get.sh
#   ROUNDS=30 RUNS=40 benches/fresh_get.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
rounds=${ROUNDS:-15}
runs=${RUNS:-20}

missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need hyperfine hyperfine
need gnome-keyring-daemon gnome-keyring
need secret-tool libsecret-tools
need dbus-run-session dbus-daemon
need python3 python3-minimal
if [ ${#missing[@]} -gt 0 ]; then
    echo "missing; on Debian: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 2
fi

if [ -z "${ACSPASS:-}" ]; then
    (cd "$here/.." && cargo build --release --locked)
    ACSPASS=${CARGO_TARGET_DIR:-$here/../target}/release/acspass
fi
if grep -q ACSPASS_TEST_INTRUDER "$ACSPASS"; then
    echo "$ACSPASS has the test hook of debug builds" >&2
    exit 1
fi

# The second half runs inside the private bus.
if [ -z "${FRESH_GET_INSIDE:-}" ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    mkdir -m 700 "$scratch/home" "$scratch/run"
    env -i PATH="$PATH" HOME="$scratch/home" XDG_RUNTIME_DIR="$scratch/run" TMPDIR="$scratch" \
        FRESH_GET_INSIDE=1 ACSPASS="$(realpath "$ACSPASS")" ROUNDS="$rounds" RUNS="$runs" \
        dbus-run-session -- bash "$here/fresh_get.sh" 2> >(grep -v '^dbus-daemon\[' >&2)
    exit
fi

emulator_pid=
trap 'kill $emulator_pid 2>/dev/null || true' EXIT

# Unlocked by a password on its standard input, which makes the default collection. It goes into
# the background by itself and ends with the bus.
printf bench | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
item=$TMPDIR/item
head -c 4500 /dev/urandom | base64 -w0 >"$item"
secret-tool store --label="6,000 bytes" bench fresh-get <"$item"

"$ACSPASS" emulator --https-port 0 --http-port 0 -o json >"$TMPDIR/emulator.json" 2>/dev/null &
emulator_pid=$!
until [ -s "$TMPDIR/emulator.json" ]; do sleep 0.05; done
of_emulator() {
    python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' \
        "$TMPDIR/emulator.json" "$1"
}
ACSPASS_TENANT_ID=$(of_emulator tenantId)
ACSPASS_CLIENT_ID=$(of_emulator clientId)
AZURE_AUTHORITY_HOST=$(of_emulator url)
COMMUNICATION_SERVICES_CONNECTION_STRING=$(of_emulator connectionString)
ACSPASS_CA_FILE=$(of_emulator caFile)
export ACSPASS_TENANT_ID ACSPASS_CLIENT_ID AZURE_AUTHORITY_HOST ACSPASS_CA_FILE
export COMMUNICATION_SERVICES_CONNECTION_STRING

BROWSER="python3 '$here/browser.py'" "$ACSPASS" --quiet login --account "$(of_emulator username)"
"$ACSPASS" --quiet get --no-interactive >"$TMPDIR/token"
kill "$emulator_pid"
wait "$emulator_pid" || true
emulator_pid=
# From here on there is no service to ask, so what is measured is the kept token.
[ "$("$ACSPASS" get --no-interactive)" = "$(cat "$TMPDIR/token")" ]

for round in $(seq "$rounds"); do
    hyperfine --shell=none --warmup 2 --runs "$runs" --style none \
        --export-json "$TMPDIR/round-$round.json" \
        "$ACSPASS get --no-interactive" "secret-tool lookup bench fresh-get" >/dev/null 2>&1
done

python3 - "$TMPDIR" "$ACSPASS" "$rounds" "$runs" <<'PY'
import glob, json, os, platform, statistics as st, sys

folder, binary, rounds, runs = sys.argv[1:]
results = [json.load(open(p))["results"] for p in glob.glob(folder + "/round-*.json")]
wall = [[1e3 * t for r in results for t in r[i]["times"]] for i in (0, 1)]
cpu = [[1e3 * (r[i]["user"] + r[i]["system"]) for r in results] for i in (0, 1)]
print(f"{rounds} rounds of {runs} runs each, in turns; {os.cpu_count()} cores, {platform.machine()}")
print(f"{'':34}{'wall, median':>14}{'CPU, median':>14}")
for i, name in enumerate(("acspass get (fresh)", "secret-tool lookup (6,000 bytes)")):
    print(f"{name:34}{st.median(wall[i]):>11.2f} ms{st.median(cpu[i]):>11.2f} ms")
print(f"{'ratio':34}{st.median(wall[0]) / st.median(wall[1]):>14.2f}"
      f"{st.median(cpu[0]) / st.median(cpu[1]):>14.2f}")
size = os.path.getsize(binary)
print(f"the binary has {size:,} bytes ({size / 1e6:.2f} MB)")
if size >= 8_000_000:
    sys.exit("the binary is larger than 8 MB")
PY
