#!/usr/bin/env bash
# What `acspass serve` does: warm answers a second, their latency, and its memory, idle and with ten
# thousand connections.
#
# The service runs over the embedded emulator with a state folder of its own: nothing of yours is
# read or written. The load comes from wrk on the same machine.
#
#   benches/serve.sh                     builds the release binary and measures it
#   ACSPASS=/path/to/acspass benches/serve.sh
#   SECONDS_LONG=30 CONNECTIONS=256 benches/serve.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
long=${SECONDS_LONG:-10}
connections=${CONNECTIONS:-256}

for tool in wrk curl python3; do
    if ! command -v "$tool" >/dev/null; then
        echo "missing; on Debian: apt-get install -y --no-install-recommends wrk curl python3-minimal" >&2
        exit 2
    fi
done
if [ -z "${ACSPASS:-}" ]; then
    (cd "$here/.." && cargo build --release --locked)
    ACSPASS=${CARGO_TARGET_DIR:-$here/../target}/release/acspass
fi

scratch=$(mktemp -d)
trap 'kill "$service" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT
env -i PATH="$PATH" ACSPASS_STATE_DIR="$scratch/state" ACSPASS_CONFIG_DIR="$scratch/config" \
    "$ACSPASS" serve --emulator --port 0 -o json >"$scratch/ready" 2>"$scratch/said" &
service=$!
until [ -s "$scratch/ready" ]; do kill -0 "$service" && sleep 0.05; done
told() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$scratch/ready" "$1"; }
memory() { awk '/VmRSS/ {printf "%.1f MiB\n", $2 / 1024}' "/proc/$service/status"; }
url=$(told url)
bearer="Authorization: Bearer $(cat "$(told secretFile)")"

printf '%s' "$bearer" | curl -s -o /dev/null -H @- "$url/token"
echo "memory, idle: $(memory)"
# The secret is this run's, of an emulator: it may stand on wrk's command line.
wrk -t1 -c"$connections" -d"${long}s" --latency -H "$bearer" "$url/token"
echo "memory, after the load: $(memory)"
ulimit -Sn "$(ulimit -Hn)"
BEARER=$bearer python3 - "$url" "$service" <<'PY'
import os, socket, sys
port = int(sys.argv[1].rsplit(":", 1)[1])
def memory():
    status = open(f"/proc/{sys.argv[2]}/status").read().split("VmRSS:")[1]
    return f"{int(status.split()[0]) / 1024:.1f} MiB"
held = [socket.create_connection(("127.0.0.1", port)) for _ in range(10_000)]
print("memory, 10,000 silent connections:", memory())
ask = f"GET /token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{os.environ['BEARER']}\r\n\r\n".encode()
answered = 0
for connection in held:
    try:
        connection.sendall(ask)
        connection.settimeout(10)
        answered += connection.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        pass  # silent for ten seconds: closed
print(f"memory, {answered:,} of them answered:", memory())
PY
