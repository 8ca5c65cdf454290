#!/usr/bin/env bash
# `acspass serve` beside an Express service that holds a credential of the SDK (peers/serve.mjs): requests
# per second for the token in memory, over connections that stay open, in interleaved rounds. Both services
# run all the time, one process each; only one of them gets requests. Each has signed in at the same
# emulator, checks the same kind of secret, and returns the same fields. The load comes from wrk on the same
# machine.
#
#   benches/serve_express.sh                 builds the release binary and measures it
#   ACSPASS=/path/to/acspass ROUNDS=5 SECONDS_LONG=10 CONNECTIONS=64 benches/serve_express.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
needs wrk wrk python3 python3-venv npm npm
find_acspass

scratch=$(mktemp -d)
emulator=
acspass_pid=
express_pid=
browser=
stop() {
    kill $acspass_pid $express_pid $emulator $browser 2>/dev/null || true
    wait
    rm -rf "$scratch"
}
trap stop EXIT
install_peers "$scratch"
export HOME=$scratch TMPDIR=$scratch ACSPASS_CONFIG_DIR=$scratch/config ACSPASS_STATE_DIR=$scratch/state
export NODE_ENV=production
start_emulator
use_emulator
use_file_store
start_browser
"$ACSPASS" --quiet login --account "$user"
"$node" "$PEERS/javascript/sign_in.mjs" "$scratch/node.json"

exec {said}< <(exec "$ACSPASS" serve --port 0 -o json 2>"$scratch/acspass.log")
acspass_pid=$!
read -r -t 60 -u "$said" ready || { cat "$scratch/acspass.log" >&2; exit 1; }
(umask 077; head -c 32 /dev/urandom | base64 -w0 | tr +/ -_ >"$scratch/secret")
exec {express_said}< <(SECRET=$(cat "$scratch/secret") exec "$node" "$PEERS/javascript/serve.mjs" \
    "$scratch/node.json" 2>"$scratch/express.log")
express_pid=$!
read -r -t 60 -u "$express_said" express_ready || { cat "$scratch/express.log" >&2; exit 1; }

printf '%s\n%s\n' "$ready" "$express_ready" >"$scratch/ready"
PYTHONPATH=$here python3 - "$scratch" "$here/bearer.lua" "$acspass_pid" "$express_pid" "${ROUNDS:-5}" \
    "${SECONDS_LONG:-10}" "${CONNECTIONS:-64}" <<'PY'
import json, os, statistics as st, subprocess, sys, urllib.request

import interleaved

folder, script, acspass, express, rounds, seconds, connections = sys.argv[1:]
with open(f"{folder}/ready") as lines:
    ready = [json.loads(line) for line in lines]
SERVICES = {
    "acspass": (int(acspass), ready[0]["url"], ready[0]["secretFile"]),
    "Express": (int(express), ready[1]["url"], f"{folder}/secret"),
}

def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

def peak_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(status.read().split("VmHWM:")[1].split()[0]) / 1024

def load(name, seconds):
    pid, url, secret = SERVICES[name]
    before = cpu_seconds(pid)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, f"{url}/token"],
        env=os.environ | {"BEARER_FILE": secret}, capture_output=True, text=True, check=True,
    )
    result = json.loads(done.stdout.rsplit("RESULT", 1)[1])
    if result["errors"] or not result["perSecond"]:
        sys.exit(f"{name}: {result['errors']} errors")
    used = cpu_seconds(pid) - before
    return result | {"perCpuSecond": result["perSecond"] * int(seconds) / max(used, 0.01)}

# Both must return a token, in the same fields.
shapes = []
for name, (_, url, secret) in SERVICES.items():
    with open(secret) as file:
        request = urllib.request.Request(f"{url}/token", headers={"Authorization": f"Bearer {file.read().strip()}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
        shapes.append(json.load(response))
    load(name, 2)
if shapes[0].keys() != shapes[1].keys() or any(shape["token"].count(".") != 2 for shape in shapes):
    sys.exit("the responses differ")

results = {name: [] for name in SERVICES}
for round in range(int(rounds)):
    for name in list(SERVICES)[:: -1 if round % 2 else 1]:
        results[name].append(load(name, seconds))
print(f"{rounds} rounds of {seconds} s, {connections} connections")
other = {}
for name, loads in results.items():
    rate, cpu, p50, p99 = (
        st.median(one[key] for one in loads)
        for key in ("perSecond", "perCpuSecond", "p50Milliseconds", "p99Milliseconds")
    )
    other[name] = [
        f"{cpu:,.0f} requests per CPU second of the service", f"50% within {p50:.1f} ms",
        f"99% within {p99:.1f} ms", f"{peak_mib(SERVICES[name][0]):.0f} MiB at most",
    ]
    print(f"{name:10}{rate:>10,.0f} per second, {', '.join(other[name])}")
interleaved.save(
    "serve", f"{connections} connections", "per second",
    {name: [one["perSecond"] for one in loads] for name, loads in results.items()}, other,
)
PY
