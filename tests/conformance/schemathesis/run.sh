#!/usr/bin/env bash
# Requests that schemathesis makes from OpenAPI documents, to the data plane and to the control API of
# an emulator: no response is 5xx, no request is accepted that its schema forbids, and each response
# has a documented status and form.
#
#   tests/conformance/schemathesis/run.sh ACSPASS VENV [EXAMPLES]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
acspass=$1 st=$2/bin/st examples=${3:-25}
work=$(mktemp -d)
finish() {
    [ -z "${emulator_pid:-}" ] || { kill -INT "$emulator_pid" && wait "$emulator_pid"; } 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

exec {said}< <(exec "$acspass" emulator --https-port 0 --http-port 0 -o json 2>"$work/emulator.log")
emulator_pid=$!
read -r -t 60 -u "$said" described || { cat "$work/emulator.log" >&2; exit 1; }
value() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$described" "$1"; }
url=$(value httpUrl)
connection=$(value connectionString)
export CONFORMANCE_ACCESS_KEY=${connection##*accesskey=}
export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1
export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1

cd "$work"
red=0
check() { "$st" --config-file "$here/schemathesis.toml" run "$@" -n "$examples" --seed 1 2>&1 | tee -a "$work/log" || red=1; }
# A schema cannot tell which ids and tokens exist, so valid requests may be refused. The document has one
# api-version of several, so the service allows more methods.
SCHEMATHESIS_HOOKS=signing check "$here/data_plane.json" --url "$url" \
    --exclude-checks positive_data_acceptance,ignored_auth,missing_required_header,unsupported_method,allow_header_conformance
check "$url/_emulator/v1/openapi.json" --url "$url/_emulator/v1"
sed -nE 's/^ *([0-9]+) generated.*/\1/p' "$work/log" | awk '{ sum += $1 } END { printf "Ran %d tests in two documents\n", sum }'
exit $red
