#!/usr/bin/env bash
# What `acspass serve` does: warm answers a second, their latency, and its memory, idle and with ten
# thousand connections that are all answered and all stay open.
#
# The service runs over the embedded emulator with a state folder of its own: nothing of yours is
# read or written. The load comes from wrk on the same machine.
#
#   benches/serve.sh                     builds the release binary and measures it
#   ACSPASS=/path/to/acspass benches/serve.sh
#   RUNS=9 SECONDS_LONG=30 CONNECTIONS=256 benches/serve.sh
#   NICE=-20 benches/serve.sh            as root, where the machine has other work to do
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-5}
long=${SECONDS_LONG:-10}
before_others=(nice -n "${NICE:-0}")
connections=${CONNECTIONS:-256}

. "$here/lib.sh"
needs wrk wrk curl curl python3 python3-minimal
find_acspass

scratch=$(mktemp -d)
trap 'kill "$service" 2>/dev/null || true; wait; rm -rf "$scratch"' EXIT
"${before_others[@]}" env -i PATH="$PATH" ACSPASS_STATE_DIR="$scratch/state" ACSPASS_CONFIG_DIR="$scratch/config" \
    "$ACSPASS" serve --emulator --port 0 -o json >"$scratch/ready" 2>"$scratch/said" &
service=$!
until [ -s "$scratch/ready" ]; do kill -0 "$service" && sleep 0.05; done
told() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$scratch/ready" "$1"; }
memory() { awk '/VmRSS/ {printf "%.1f MiB\n", $2 / 1024}' "/proc/$service/status"; }
url=$(told url)
bearer="Authorization: Bearer $(cat "$(told secretFile)")"

printf '%s' "$bearer" | curl -s -o /dev/null -H @- "$url/token"
echo "memory, idle: $(memory)"
for _ in $(seq "$runs"); do
    BEARER_FILE=$(told secretFile) "${before_others[@]}" wrk -t1 -c"$connections" -d"${long}s" --latency \
        -s "$here/bearer.lua" "$url/token" >"$scratch/wrk"
    if grep -E 'Socket errors|Non-2xx' "$scratch/wrk"; then exit 1; fi
    awk -v load="$(cut -d' ' -f1 /proc/loadavg)" '
        $1 == "50%" { half = $2 } $1 == "99%" { most = $2 } $1 == "Requests/sec:" { rate = $2 }
        END { print rate, "a second, median", half ", p99", most ", load of the machine", load }' \
        "$scratch/wrk" | tee -a "$scratch/runs"
done
echo "of $runs runs, the median: $(sort -n "$scratch/runs" | sed -n "$(((runs + 1) / 2))p")"
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
for connection in held:
    connection.settimeout(60)
for _ in range(3):
    # All at once, and then whoever is not answered, or closed, ends this.
    for connection in held:
        connection.sendall(ask)
    for connection in held:
        answer = b""
        while not answer.endswith(b"}"):
            piece = connection.recv(65536)
            if not piece:
                sys.exit("a connection was closed")
            answer += piece
        if not answer.startswith(b"HTTP/1.1 200"):
            sys.exit("a caller was not answered")
    print(f"memory, {len(held):,} of them answered and open:", memory())
PY
