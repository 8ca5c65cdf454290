#!/usr/bin/env bash
# Counts the instructions of `acspass get` with callgrind, and compares them with the counts in
# benches/instructions.txt. Other load changes seconds, but no counts. Fails if a count has grown by more
# than 2%.
#
#   benches/instructions.sh                 builds the release binary and counts
#   benches/instructions.sh --record        writes the counts to benches/instructions.txt
#   ACSPASS=/path/to/acspass RUNS=5 benches/instructions.sh
#
# A count is the median of RUNS (3) processes. They have a home, a session bus, a gnome-keyring and an
# environment of their own, whose names always have the same length.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
recorded=$here/instructions.txt
record=
case ${1:-} in
    --record) record=1 ;;
    '') ;;
    *) echo "usage: benches/instructions.sh [--record]" >&2; exit 2 ;;
esac

if [ -z "${INSTRUCTIONS_INSIDE:-}$record" ] && [ ! -f "$recorded" ]; then
    echo "there are no recorded counts: run benches/instructions.sh --record" >&2
    exit 2
fi
. "$here/lib.sh"
needs valgrind valgrind gnome-keyring-daemon gnome-keyring dbus-run-session dbus-daemon python3 python3-minimal
find_acspass

# The second half runs inside the private bus.
if [ -z "${INSTRUCTIONS_INSIDE:-}" ]; then
    scratch=$(mktemp -d /tmp/acspass-instructions.XXXXXX)
    trap 'rm -rf "$scratch"' EXIT
    mkdir -m 700 "$scratch/home" "$scratch/run"
    cp "$ACSPASS" "$scratch/acspass"
    (umask 077; head -c 32 /dev/urandom >"$scratch/key")
    cd "$scratch"
    env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$scratch/home" XDG_RUNTIME_DIR="$scratch/run" \
        TMPDIR="$scratch" ACSPASS="$scratch/acspass" ACSPASS_STORE_KEY_FILE="$scratch/key" \
        INSTRUCTIONS_INSIDE=1 RUNS="${RUNS:-3}" \
        dbus-run-session -- bash "$here/instructions.sh" 2> >(grep -v '^dbus-daemon\[' >&2) >counts
    if [ -n "$record" ]; then
        {
            echo "# Instructions of \`acspass get\`, written by benches/instructions.sh --record with"
            echo "# $(rustc -V | cut -d' ' -f1,2), $(getconf GNU_LIBC_VERSION), $(valgrind --version), $(uname -m)"
            cat counts
        } >"$recorded"
        cat "$recorded"
        exit
    fi
    grep '^# rustc' "$recorded"
    awk '
        NR == FNR { if ($1 != "#") before[$1] = $2; next }
        {
            change = ($1 in before) ? 100 * ($2 / before[$1] - 1) : 100
            printf "%-16s %12d %12d %+7.2f%%\n", $1, before[$1], $2, change
            if (change > 2) failed = 1
        }
        END { exit failed }
    ' "$recorded" counts || { echo "the instructions have grown by more than 2%" >&2; exit 1; }
    exit
fi

emulator=
trap 'kill $emulator 2>/dev/null || true' EXIT
printf bench | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
"$ACSPASS" emulator --https-port 0 --http-port 0 -o json >emulator.json 2>emulator.log &
emulator=$!
until [ -s emulator.json ]; do kill -0 "$emulator"; sleep 0.05; done
of_emulator() {
    python3 -c 'import json,sys; print(json.load(open("emulator.json"))[sys.argv[1]])' "$1"
}
cp "$(of_emulator caFile)" ca.pem
export ACSPASS_CA_FILE=$PWD/ca.pem ACSPASS_TENANT_ID ACSPASS_CLIENT_ID AZURE_AUTHORITY_HOST
export COMMUNICATION_SERVICES_CONNECTION_STRING
ACSPASS_TENANT_ID=$(of_emulator tenantId)
ACSPASS_CLIENT_ID=$(of_emulator clientId)
AZURE_AUTHORITY_HOST=$(of_emulator url)
COMMUNICATION_SERVICES_CONNECTION_STRING=$(of_emulator connectionString)

# Prints a name, and the median of the instructions of a `get` with these options.
count() {
    local name=$1 run counts=()
    shift
    for run in $(seq "$RUNS"); do
        valgrind --tool=callgrind --callgrind-out-file=/dev/null "$ACSPASS" get --no-interactive "$@" \
            >token 2>"callgrind.$run" || { cat "callgrind.$run" >&2; return 1; }
        counts+=("$(sed -n 's/.*Collected : //p' "callgrind.$run")")
    done
    printf '%s\n' "${counts[@]}" | sort -n | sed -n "$((RUNS / 2 + 1))s/^/$name /p"
    # The spread, for those who look for the source of a difference.
    printf '%s\n' "${counts[@]}" | sort -n | sed -n "1p;\$p" | paste -sd' ' | sed "s/^/$name: /" >&2
}

for store in file keyring; do
    export ACSPASS_STORE=$store
    BROWSER="python3 '$here/browser.py'" "$ACSPASS" --quiet login --account "$(of_emulator username)"
    "$ACSPASS" --quiet get --no-interactive >token
    count "fresh_$store"
done
export ACSPASS_STORE=file
count stale_file --force-refresh
