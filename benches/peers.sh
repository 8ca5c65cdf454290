#!/usr/bin/env bash
# acspass beside the public packages for the same jobs: fresh and stale `get`, a sign-in without user
# interaction, many identities, and `serve` beside Express. Installs the pinned packages of benches/peers in
# a temporary folder, runs the five comparisons, and writes docs/reference/peers.md and its chart.
#
#   benches/peers.sh                 builds the release binary; then about 10 minutes
#   benches/peers.sh --quick         the same with few runs, to try it
#   ACSPASS=/path/to/acspass COMMIT=0123abc benches/peers.sh
#   PEERS=/folder benches/peers.sh   keeps the packages there, or uses those that are there
#
# The results stay in target/peers: benches/peers/page.py makes the page again from them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
command=benches/peers.sh
quick=
case ${1:-} in
    '') ;;
    --quick) quick=1 command="$command --quick" ;;
    *) echo "usage: benches/peers.sh [--quick]" >&2; exit 2 ;;
esac
needs hyperfine hyperfine gnome-keyring-daemon gnome-keyring secret-tool libsecret-tools \
    dbus-run-session dbus-daemon wrk wrk python3 python3-venv npm npm unshare util-linux mount mount
cd "$here/.."
if [ -z "${ACSPASS:-}" ]; then
    COMMIT=$(git rev-parse --short=12 HEAD)
    [ -z "$(git status --porcelain -- src Cargo.toml Cargo.lock)" ] || COMMIT="$COMMIT with changes"
fi
find_acspass
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
folder=${PEERS:-$scratch/peers}
PEERS=
install_peers "$folder"
SECONDS=0

out=$(realpath -m "${CARGO_TARGET_DIR:-target}")/peers
mkdir -p "$out"
rm -f "$out"/*
export ACSPASS PEERS RESULTS=$out/results.jsonl
# Other programs share the machine: their CPU time is measured while nothing of this script runs.
compare() {
    python3 "$here/peers/load.py" "$1" "$([ -n "$quick" ] && echo 1 || echo 5)" >>"$out/load.jsonl"
    printf '==> [%s s] %s\n' "$SECONDS" "$1"
    "$here/$1"
}
if [ -n "$quick" ]; then
    ROUNDS=2 RUNS=5 compare fresh_get.sh
    RUNS=3 RTTS="0 100" compare stale_get.sh
    RUNS=3 RTTS="0 100" compare sign_in.sh
    COUNT=1000 ROUNDS=2 compare many_identities.sh
    ROUNDS=2 SECONDS_LONG=2 compare serve_express.sh
else
    ROUNDS=15 RUNS=20 compare fresh_get.sh
    RUNS=20 RTTS="0 20 100" compare stale_get.sh
    RUNS=20 RTTS="0 100" compare sign_in.sh
    COUNT=10000 ROUNDS=5 compare many_identities.sh
    ROUNDS=7 SECONDS_LONG=10 compare serve_express.sh
fi
python3 "$here/peers/environment.py" "$ACSPASS" "${COMMIT:-}" "$PEERS" "$command" "$SECONDS" \
    >"$out/environment.json"
python3 "$here/peers/page.py" "$out"
