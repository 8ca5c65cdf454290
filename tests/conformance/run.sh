#!/usr/bin/env bash
# The official SDKs, unmodified and pinned, against our emulator, over TLS; and our client beside
# them, request by request. What it cannot install makes it red, never skipped.
#
#   tests/conformance/run.sh                 everything
#   tests/conformance/run.sh test_msal       only what is named: modules of python/, files of
#                                            javascript/ without their `.test.mjs`
#
# Nothing is written outside target/conformance.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
out=$target/conformance

fail() { printf 'tests/conformance/run.sh: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
# A variable of yours must not lead an SDK to another service, authority or proxy.
for variable in $(compgen -e); do
    case $variable in
        ACSPASS_*|AZURE_*|COMMUNICATION_*|SSL_CERT_*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|NODE_OPTIONS|PYTHONPATH|BROWSER)
            unset "$variable" ;;
    esac
done

# --- what is needed -----------------------------------------------------------------------------
packages=()
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
has node || packages+=(nodejs)
has npm || packages+=(npm)
if [ ${#packages[@]} -gt 0 ]; then
    has apt-get || fail "this is not Debian: install what gives ${packages[*]} there, then run this again"
    as_root=()
    if [ "$(id -u)" != 0 ]; then
        has sudo || fail "run this as root once, or: apt-get install ${packages[*]}"
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get -q update || fail "cannot install ${packages[*]}: apt-get update failed"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends "${packages[@]}" ||
        fail "cannot install ${packages[*]}"
fi

# Installed anew where the pins, or the machine's own Python, are others than last time.
installed() { [ "$(cat "$1/.pins" 2>/dev/null)" = "$2" ]; }
venv=$out/venv
pins=$(cat "$here/python/requirements.txt" <(python3 -VV) | cksum)
if ! installed "$venv" "$pins"; then
    rm -rf "$venv"
    python3 -m venv "$venv" || fail "python3 -m venv failed"
    "$venv/bin/pip" install -q --disable-pip-version-check --cache-dir "$out/pip-cache" \
        -r "$here/python/requirements.txt" ||
        fail "pip could not install what $here/python/requirements.txt pins"
    printf %s "$pins" >"$venv/.pins"
fi
python=$venv/bin/python

# Modules are looked up from where a file is, so the suite is copied to where its modules are.
js=$out/javascript
pins=$(cat "$here/javascript/package-lock.json" | cksum)
mkdir -p "$js"
rm -f "$js"/*.mjs
cp "$here/javascript"/*.mjs "$here/javascript"/package*.json "$js/"
if ! installed "$js/node_modules" "$pins"; then
    (cd "$js" && npm ci --no-audit --no-fund --loglevel=error --cache "$out/npm-cache") ||
        fail "npm could not install what $here/javascript/package-lock.json pins"
    printf %s "$pins" >"$js/node_modules/.pins"
fi
# Debian's own Node may be older than the SDKs want; this one is pinned like them.
node=$js/node_modules/.bin/node
"$node" --version >/dev/null 2>&1 || fail "npm's package \`node\` brought no Node that runs here"

cargo build -q --locked
acspass=$target/debug/acspass

# --- the emulator -------------------------------------------------------------------------------
stop() { [ -z "${emulator_pid:-}" ] || { kill -INT "$emulator_pid" && wait "$emulator_pid"; } 2>/dev/null || true; }
trap stop EXIT
exec {said}< <(exec "$acspass" emulator -o json 2>"$out/emulator.log")
emulator_pid=$!
read -r -t 60 -u "$said" described || { cat "$out/emulator.log" >&2; fail "the emulator did not start"; }
printf '%s\n' "$described" >"$out/emulator.json"
ca_file=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["caFile"])' "$out/emulator.json")
# As the emulator tells its users to; the SDKs read them by themselves.
export REQUESTS_CA_BUNDLE=$ca_file SSL_CERT_FILE=$ca_file NODE_EXTRA_CA_CERTS=$ca_file
export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1
export CONFORMANCE_EMULATOR=$out/emulator.json CONFORMANCE_ACSPASS=$acspass
export CONFORMANCE_NODE=$node CONFORMANCE_PYTHON=$python CONFORMANCE_JAVASCRIPT=$js
export CONFORMANCE_ROOT=$PWD CONFORMANCE_OUT=$out
export PYTHONPATH=$here/python PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=default::ResourceWarning

# --- the suites ---------------------------------------------------------------------------------
printf 'conformance: %s, %s\n' "$("$acspass" --version)" "$("$python" -VV | head -1)"
"$venv/bin/pip" list --disable-pip-version-check --format=freeze |
    grep -E '^(msal|azure-|aiohttp)' | sed 's/^/conformance:   /'
printf 'conformance: node %s\n' "$("$node" --version)"
(cd "$js" && "$node" -e '
    for (const name of Object.keys(require("./package.json").dependencies)) {
        const { version } = JSON.parse(require("fs").readFileSync(`node_modules/${name}/package.json`));
        console.log(`conformance:   ${name} ${version}`);
    }')

summary=()
red=0
# Runs one suite; its output is shown whole only where it fails.
suite() {
    local name=$1 log=$out/$1.log start=$SECONDS
    shift
    local verdict=green
    "$@" >"$log" 2>&1 || { verdict=RED; red=1; cat "$log"; }
    local count
    count=$(sed -nE 's/^Ran ([0-9]+) tests? in.*/\1/p; s/^(# |ℹ )tests ([0-9]+)$/\2/p' "$log" | head -1)
    # A suite that ran nothing has shown nothing.
    [ "${count:-0}" -gt 0 ] || { verdict=RED; red=1; cat "$log"; }
    summary+=("$(printf 'conformance: %-22s %s, %s tests, %s s' "$name" "$verdict" "${count:-0}" $((SECONDS - start)))")
}
wanted() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }
only=("$@")
for file in "$here"/python/test_*.py; do
    name=$(basename "$file" .py)
    wanted "$name" || continue
    suite "$name" "$python" -m unittest "$name"
done
for file in "$js"/*.test.mjs; do
    name=$(basename "$file" .test.mjs)
    wanted "$name" || continue
    suite "$name" "$node" --test --test-reporter=tap "$file"
done
[ ${#summary[@]} -gt 0 ] || fail "no suite of that name: $*"
printf '%s\n' "${summary[@]}"
exit $red
