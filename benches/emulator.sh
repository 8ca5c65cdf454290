#!/usr/bin/env bash
# The emulator: the time from its start to its readiness, its resident memory, and its whole sign-ins
# (code, PKCE, exchange) beside `openssl speed rsa2048` in the same run. Azurite's start on the same
# machine is for comparison: npm installs it, with NO_AZURITE=1 it is left out.
#
#   benches/emulator.sh                    builds the release binary and measures it
#   ACSPASS=/path/to/acspass benches/emulator.sh
#   RUNS=50 SECONDS_LONG=10 benches/emulator.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-20}
long=${SECONDS_LONG:-10}
cores=$(nproc)

. "$here/lib.sh"
needs wrk wrk openssl openssl python3 python3-minimal
find_acspass

scratch=$(mktemp -d)
emulator=
trap '[ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT

# Starts a command again and again until a line of its output has a text; prints the times.
#   starts RUNS TEXT COMMAND...
starts() {
    python3 - "$@" <<'PYTHON'
import statistics, subprocess, sys, time

runs, text, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
times = []
for _ in range(runs):
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while line := process.stdout.readline():
            if text in line:
                break
        else:
            sys.exit(f"no output with {text}")
        times.append((time.monotonic() - began) * 1000)
        process.terminate()
print(f"median {statistics.median(times):.1f} ms, least {min(times):.1f} ms, most {max(times):.1f} ms")
PYTHON
}

echo "acspass: start to ready: $(starts "$runs" httpUrl "$ACSPASS" emulator --https-port 0 --http-port 0 -o json)"
echo "acspass: exec to the command: $(starts "$runs" ready "$ACSPASS" emulator exec -- echo ready)"

"$ACSPASS" emulator --https-port 0 --http-port 0 -o json >"$scratch/ready" 2>"$scratch/said" &
emulator=$!
until [ -s "$scratch/ready" ]; do kill -0 "$emulator" && sleep 0.05; done
told() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$scratch/ready" "$1"; }
memory() { awk '/VmRSS/ {printf "%.1f MiB\n", $2 / 1024}' "/proc/$emulator/status"; }
echo "acspass: resident memory when ready: $(memory)"

# The emulator and wrk share the cores; openssl has all of them.
openssl speed -seconds 3 -multi "$cores" rsa2048 2>/dev/null |
    awk '/^rsa *2048/ {printf "openssl: rsa2048 on %d cores: %.0f signatures/s\n", cores, $6}' cores="$cores"
exchange="/access/entra/:exchangeAccessToken?api-version=2025-03-02-preview"
# One connection of each thread: a thread has the state of one sign-in.
wrk -t "$((cores * 2))" -c "$((cores * 2))" -d "${long}s" -s "$here/emulator.lua" "$(told httpUrl)" -- \
    "$(told tenantId)" "$(told clientId)" "$exchange" | sed -n 's/^sign-ins/acspass: sign-ins/p'
echo "acspass: resident memory after that: $(memory)"

if [ -z "${NO_AZURITE:-}" ]; then
    azurite=${AZURITE:-}
    if [ -z "$azurite" ]; then
        npm install --prefix "$scratch/azurite" --no-audit --no-fund --loglevel=error azurite@3
        azurite=$scratch/azurite/node_modules/.bin/azurite
    fi
    echo "azurite: start to ready: $(starts 5 'Table service is successfully listening' "$azurite" \
        --location "$scratch" --blobPort 0 --queuePort 0 --tablePort 0 --skipApiVersionCheck)"
fi
