#!/usr/bin/env bash
# The official SDKs, unmodified and pinned, against our emulator, over TLS; and our client beside
# them, request by request. The packages of the quickstarts of 2020 and 2021 run beside the newest.
# What it cannot install makes it red, never skipped.
#
#   tests/conformance/run.sh                 everything
#   tests/conformance/run.sh test_msal       only what is named: modules of python/ and python_old/,
#                                            files of javascript/ and javascript_old/ without their
#                                            `.test.mjs`; testing_javascript, testing_python,
#                                            schemathesis
#   tests/conformance/run.sh --prepare       only installs what the suites need
#
# Nothing is written outside target/conformance.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
out=$target/conformance

. tests/lib.sh

# --- what is needed -----------------------------------------------------------------------------
packages=()
needs_conformance
need_packages "${packages[@]}"

venv=$out/venv
venv_old=$out/venv_old
venv_schemathesis=$out/venv_schemathesis
js=$out/javascript
js_old=$out/javascript_old
# They wait for the network, and not for one another.
python_packages "$here/python/requirements.txt" "$venv" & jobs=($!)
python_packages "$here/python_old/requirements.txt" "$venv_old" & jobs+=($!)
python_packages "$here/schemathesis/requirements.txt" "$venv_schemathesis" & jobs+=($!)
javascript_modules "$here/javascript" "$js" & jobs+=($!)
javascript_modules "$here/javascript_old" "$js_old" & jobs+=($!)
if [ "${1:-}" = --prepare ]; then
    finish_all "${jobs[@]}"
    exit
fi
cargo build -q --locked
finish_all "${jobs[@]}"
python=$venv/bin/python
javascript_suite "$here/javascript" "$js"
# The suite of the newest identity package, with the older package below it.
cp "$here/javascript/world.mjs" "$js_old/"
cp "$here/javascript/identity.test.mjs" "$js_old/identity_common_2_1_0.test.mjs"
acspass=$target/debug/acspass
forget_environment

# --- the emulator -------------------------------------------------------------------------------
stop() { [ -z "${emulator_pid:-}" ] || { kill -INT "$emulator_pid" && wait "$emulator_pid"; } 2>/dev/null || true; }
trap stop EXIT
exec {said}< <(exec "$acspass" emulator --https-port 0 --http-port 0 -o json 2>"$out/emulator.log")
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
for packages in "$venv" "$venv_old"; do
    "$packages/bin/pip" list --disable-pip-version-check --format=freeze |
        grep -E '^(msal|azure-|aiohttp)' | sed 's/^/conformance:   /'
done
javascript_versions conformance "$js"
javascript_versions conformance "$js_old"

wanted() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }
only=("$@")
# It waits for tokens of 12 seconds to expire, five times.
wanted exec && later_suite conformance exec "$out/exec.log" "$node" --test --test-reporter=tap "$js/exec.test.mjs"
for file in "$here"/python/test_*.py; do
    name=$(basename "$file" .py)
    wanted "$name" || continue
    suite conformance "$name" "$out/$name.log" "$python" -m unittest "$name"
done
for file in "$here"/python_old/test_*.py; do
    name=$(basename "$file" .py)
    wanted "$name" || continue
    PYTHONPATH=$here/python_old:$PYTHONPATH \
        suite conformance "$name" "$out/$name.log" "$venv_old/bin/python" -m unittest "$name"
done
for file in "$js"/*.test.mjs "$js_old"/*.test.mjs; do
    name=$(basename "$file" .test.mjs)
    [ "$name" != exec ] && wanted "$name" || continue
    suite conformance "$name" "$out/$name.log" "$node" --test --test-reporter=tap "$file"
done
# The suites of docs/guides/testing.md, by the commands of that page.
mkdir -p "$js/testing"
cp examples/testing/*.mjs "$js/testing/"
if wanted testing_javascript; then
    suite conformance testing_javascript "$out/testing_javascript.log" \
        "$acspass" emulator exec -- "$node" --test --test-reporter=tap "$js/testing/sign_in.test.mjs"
fi
if wanted testing_python; then
    suite conformance testing_python "$out/testing_python.log" \
        "$acspass" emulator exec -- "$python" -m unittest discover -s examples/testing
fi
if wanted schemathesis; then
    suite conformance schemathesis "$out/schemathesis.log" \
        "$here/schemathesis/run.sh" "$acspass" "$venv_schemathesis"
fi
finish_later_suites
[ ${#summary[@]} -gt 0 ] || fail "no suite of that name: $*"
printf '%s\n' "${summary[@]}"
exit $red
