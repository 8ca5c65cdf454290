#!/usr/bin/env bash
# What a fresh `acspass get` costs, against `secret-tool lookup` of a 6,000-byte item. With PEERS=install
# also against a token in the keyring, read with `keyring` for Python and `@napi-rs/keyring` for Node.
#
# All read one item of the same gnome-keyring on a private session bus, with a home of its own:
# nothing of yours is read or written. hyperfine runs them in turns, ROUNDS times RUNS each. Wall
# is the median of all runs; CPU (user + system) is the median of the rounds' means, since hyperfine
# keeps no CPU time of a single run.
#
#   benches/fresh_get.sh                 builds the release binary and measures it
#   ACSPASS=/path/to/acspass benches/fresh_get.sh
#   ROUNDS=30 RUNS=40 PEERS=install benches/fresh_get.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
rounds=${ROUNDS:-15}
runs=${RUNS:-20}

. "$here/lib.sh"
needs hyperfine hyperfine gnome-keyring-daemon gnome-keyring secret-tool libsecret-tools \
    dbus-run-session dbus-daemon python3 python3-venv

# The second half runs inside the private bus.
if [ -z "${INSIDE:-}" ]; then
    find_acspass
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    [ "${PEERS:-}" != install ] || { PEERS=; install_peers "$scratch"; }
    mkdir -m 700 "$scratch/home" "$scratch/run"
    env -i PATH="$PATH" HOME="$scratch/home" XDG_RUNTIME_DIR="$scratch/run" TMPDIR="$scratch" \
        INSIDE=1 ACSPASS="$ACSPASS" ROUNDS="$rounds" RUNS="$runs" PEERS="${PEERS:-}" \
        RESULTS="${RESULTS:-}" \
        dbus-run-session -- bash "$here/fresh_get.sh" 2> >(grep -v '^dbus-daemon\[' >&2)
    exit
fi

emulator=
trap 'kill $emulator 2>/dev/null || true' EXIT

# Unlocked by a password on its standard input, which makes the default collection. It goes into
# the background by itself and ends with the bus.
printf bench | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
item=$TMPDIR/item
head -c 4500 /dev/urandom | base64 -w0 >"$item"
secret-tool store --label="6,000 bytes" bench fresh-get <"$item"

start_emulator
use_emulator
BROWSER="python3 '$here/browser.py'" "$ACSPASS" --quiet login --account "$user"
"$ACSPASS" --quiet get --no-interactive >"$TMPDIR/token"
commands=("$ACSPASS get --no-interactive" "secret-tool lookup bench fresh-get")
names=("acspass" "secret-tool")
if [ -n "${PEERS:-}" ]; then
    install_peers "$TMPDIR"
    peer_commands=("$python $here/peers/fresh_get.py" "$node $PEERS/javascript/fresh_get.mjs")
    for command in "${peer_commands[@]}"; do
        "$ACSPASS" get --no-interactive -o json | $command store
        [ "$($command)" = "$(cat "$TMPDIR/token")" ]
    done
    commands+=("${peer_commands[@]}")
    names+=("Python" "Node")
fi
kill "$emulator"
wait "$emulator" || true
emulator=
# From here on there is no service to ask, so what is measured is the kept token.
[ "$("$ACSPASS" get --no-interactive)" = "$(cat "$TMPDIR/token")" ]

for round in $(seq "$rounds"); do
    hyperfine --shell=none --warmup 2 --runs "$runs" --style none \
        --export-json "$TMPDIR/round-$round.json" "${commands[@]}" >/dev/null 2>&1
done

PYTHONPATH=$here python3 - "$TMPDIR" "$ACSPASS" "$rounds" "$runs" "${names[@]}" <<'PY'
import glob, json, os, platform, statistics as st, sys

import interleaved

folder, binary, rounds, runs, *names = sys.argv[1:]
results = [json.load(open(p))["results"] for p in glob.glob(folder + "/round-*.json")]
wall = {name: [1e3 * t for r in results for t in r[i]["times"]] for i, name in enumerate(names)}
cpu = {name: [1e3 * (r[i]["user"] + r[i]["system"]) for r in results] for i, name in enumerate(names)}
interleaved.save("fresh_get", "", "ms", wall)
print(f"{rounds} rounds of {runs} runs each, in turns; {os.cpu_count()} cores, {platform.machine()}")
print(f"{'':34}{'wall, median':>14}{'CPU, median':>14}{'acspass / it':>15}{'CPU':>7}")
for name in names:
    walls, cpus = ([st.median(part[one]) for one in (name, "acspass")] for part in (wall, cpu))
    label = {"acspass": "acspass get (fresh)", "secret-tool": "secret-tool lookup (6,000 bytes)"}.get(name, name)
    print(f"{label:34}{walls[0]:>11.2f} ms{cpus[0]:>11.2f} ms"
          f"{walls[1] / walls[0]:>15.2f}{cpus[1] / cpus[0]:>7.2f}")
size = os.path.getsize(binary)
print(f"the binary has {size:,} bytes ({size / 1e6:.2f} MB)")
# peers.sh compares times.
if size >= 8_000_000 and not os.environ.get("RESULTS"):
    sys.exit("the binary is larger than 8 MB")
PY
