#!/usr/bin/env bash
# Microsoft's public samples against the emulator, under `acspass emulator exec`. No file of a sample
# is changed: ids and keys come by the variables that each sample reads.
#
#   tests/samples/run.sh              all
#   tests/samples/run.sh hero         only the named ones
#
# SAMPLES_DIR has clones of github.com/Azure-Samples/communication-services-*; without it they are
# cloned. It needs the network for that and for the packages, so tests/run.sh does not run it: the
# conformance tests do the same with pinned packages. Nothing is written outside target/samples.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
out=$target/samples
mkdir -p "$out"

. tests/lib.sh

for program in git curl node npm python3; do
    has $program || fail "$program is missing"
done
acspass=${ACSPASS:-$target/debug/acspass}
[ -n "${ACSPASS:-}" ] || cargo build -q --locked
# A variable of yours must not lead a sample elsewhere; those of pip's and npm's certificates stay.
unset "${!AZURE_@}" "${!COMMUNICATION_@}" "${!ACSPASS_@}" CURL_CA_BUNDLE BROWSER

# The emulator's published data, and the application of hero.toml.
tenant=ac5ba55e-7e4a-4000-8000-000000000001
app=ac5ba55e-0c11-4000-8000-0000000000a1
service=ac5ba55e-0c11-4000-8000-0000000000b1
hero_app=ac5ba55e-0c11-4000-8000-0000000000c1
secret=worthless-emulator-client-secret-known-to-everyone
browser=$PWD/tests/conformance/python/browser.py

# --- the samples --------------------------------------------------------------------------------
# Puts a folder of a revision of a repository into `out`, as it is, and sets `sample` to it.
#   get NAME REPOSITORY REVISION FOLDER
get() {
    local name=$1 repository=communication-services-$2 revision=$3 folder=$4 clone
    clone=${SAMPLES_DIR:-$out/clones}/$repository
    [ -e "$clone" ] || git clone -q --filter=blob:none --no-checkout \
        "https://github.com/Azure-Samples/$repository" "$clone" || fail "cannot clone $repository"
    sample=$out/$name
    mkdir -p "$sample"
    git -C "$clone" archive "$revision:$folder" | tar -x -C "$sample" || fail "$repository has no $folder"
    # The lock files of some samples name folders of their authors' machines.
    rm -f "$sample/package-lock.json"
}

modules() {
    [ -d "$sample/node_modules" ] && return
    (cd "$sample" && npm install --no-audit --no-fund --loglevel=error --ignore-scripts \
        --cache "$out/npm-cache" "$@") || fail "npm could not install the packages of $sample"
}

# Makes an environment of Python with these packages, and sets `python` to it.
packages() {
    python=$out/venv-$(printf '%s\n' "$@" | cksum | cut -d' ' -f1)/bin/python
    [ -x "$python" ] && return
    python3 -m venv "${python%/bin/python}"
    "$python" -m pip install -q --disable-pip-version-check --cache-dir "$out/pip-cache" "$@" ||
        fail "pip could not install $*"
}

# Runs a sample below `emulator exec` and requires each pattern in its output: the samples print
# their errors and exit with 0.
#   prove NAME WHAT PATTERNS -- [VARIABLE=VALUE...] [OPTIONS OF exec...] -- COMMAND...
prove() {
    local name=$1 what=$2 log=$out/$1.log verdict=green patterns=() before=() pattern
    shift 2
    while [ "$1" != -- ]; do patterns+=("$1"); shift; done
    shift
    while [[ "$1" == [A-Za-z]*=* ]]; do before+=("$1"); shift; done
    (cd "$sample" && env "${before[@]}" timeout 120 "$acspass" emulator exec "$@") >"$log" 2>&1 ||
        verdict=RED
    for pattern in "${patterns[@]}"; do
        grep -qE "$pattern" "$log" || { verdict=RED; echo "$name: no $pattern"; }
    done
    [ $verdict = green ] || { red=1; sed -E 's/eyJ[A-Za-z0-9_.-]+/<token>/g' "$log"; }
    summary+=("$(printf '%-26s %-6s %s' "$name" $verdict "$what")")
}

# Runs a server until a command has ended.
#   served PORT LOG SERVER-COMMAND -- COMMAND
served='
    port=$1 log=$2; shift 2
    server=(); while [ "$1" != -- ]; do server+=("$1"); shift; done; shift
    "${server[@]}" >"$log" 2>&1 & pid=$!
    trap "kill $pid 2>/dev/null || true" EXIT
    for attempt in $(seq 100); do
        ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
        kill -0 $pid || { cat "$log"; exit 1; }
        sleep 0.1
    done
    "$@"
    cat "$log"'

# --- the runs -----------------------------------------------------------------------------------
only=("$@")
wanted() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }
identities=('Created an identity with ID: 8:acs:' '^eyJ' 'Successfully revoked' 'Deleted the identity')
as_service=(AZURE_TENANT_ID=$tenant AZURE_CLIENT_ID=$service AZURE_CLIENT_SECRET=$secret
    COMMUNICATION_SERVICES_ENDPOINT=https://contoso.communication.azure.com)
# The first revisions of the access-token quickstarts: the repositories have none of 2020.
first_js=997b2bf
first_python=7744867
today=(msal azure-communication-identity)

node-tokens() {
    get $1 javascript-quickstarts HEAD access-tokens-quickstart
    modules
    prove $1 "users and tokens, Entra credential" "${identities[@]}" -- "${as_service[@]}" \
        --real-hosts -- node issue-access-token.js
}
node-tokens-2021() {
    get $1 javascript-quickstarts $first_js access-tokens-quickstart
    modules --save-exact @azure/communication-common@1.0.0 @azure/communication-identity@1.0.0
    prove $1 "the same, revision and packages of 2021" "${identities[@]}" -- "${as_service[@]}" \
        --real-hosts -- node issue-access-token.js
}
python-tokens() {
    get $1 python-quickstarts HEAD access-tokens-quickstart
    packages "${today[@]}"
    prove $1 "users and tokens, connection string" "${identities[@]}" -- \
        -- "$python" issue-access-tokens.py
}
python-tokens-2021() {
    get $1 python-quickstarts $first_python access-tokens-quickstart
    packages azure-communication-identity==1.0.0b5 msrest six
    prove $1 "the same, revision and packages of 2021" "${identities[@]}" -- \
        -- "$python" issue-access-tokens.py
}
node-teams() {
    get $1 javascript-quickstarts HEAD manage-teams-identity-mobile-and-desktop
    modules
    local open='address=$(curl -s --noproxy "*" -o /dev/null -w "%{redirect_url}" http://localhost:3999/)
        exec python3 "$1" "$address"'
    prove $1 "a Teams user's sign-in and exchange" '^Token: \{' "^  token: 'eyJ" -- \
        AAD_CLIENT_ID=$app AAD_TENANT_ID=$tenant SERVER_PORT=3999 --real-hosts -- \
        bash -euc "$served" served 3999 "$out/$1.server.log" node issue-communication-access-token.js -- \
        bash -euc "$open" open "$browser"
}
python-teams() {
    get $1 python-quickstarts HEAD manage-teams-identity-mobile-and-desktop
    packages "${today[@]}"
    prove $1 "a Teams user's sign-in and exchange" '^Teams token:eyJ' '^Token: eyJ' -- \
        AAD_CLIENT_ID=$app AAD_TENANT_ID=$tenant BROWSER="$python $browser %s &" \
        --real-hosts -- "$python" exchange-communication-access-tokens.py
}
# Its routes below /api/user and /api/token map identities in Microsoft Graph, which the emulator
# does not have.
hero() {
    get $1 authentication-hero-nodejs HEAD ""
    modules --omit=dev
    # Its development packages that are needed: Node looks in the folder above, too.
    [ -e "$out/node_modules/.bin/tsc" ] || npm install --prefix "$out" --no-audit --no-fund --ignore-scripts \
        --loglevel=error --cache "$out/npm-cache" typescript@4 cross-fetch@3 @types/{node@16,express@4,cors@2}
    # It writes the programs in spite of errors in types, such as those of packages without any.
    (cd "$sample" && ../node_modules/.bin/tsc >"$out/$1.tsc.log") || [ -e "$sample/build/server.js" ] ||
        fail "the hero server was not compiled: $out/$1.tsc.log"
    packages "${today[@]}"
    local key
    key=$("$acspass" emulator exec --real-hosts -- printenv COMMUNICATION_SERVICES_CONNECTION_STRING)
    prove $1 "checks a token by the v1 keys, exchanges; Graph is absent" \
        '^GET /api/token/teams 201 expiresOn token$' '^GET /api/token/teams 500 ' '^GET /api/token 500 ' -- \
        azureActiveDirectory_clientId=$hero_app azureActiveDirectory_tenantId=$tenant \
        azureActiveDirectory_clientSecret=$secret communicationServices_connectionString="$key" \
        --real-hosts --seed "$here/hero.toml" -- \
        bash -euc "$served" served 5000 "$out/$1.server.log" node build/server.js -- "$python" "$here/hero.py"
}

summary=()
red=0
for name in node-tokens node-tokens-2021 python-tokens python-tokens-2021 node-teams python-teams hero; do
    ! wanted $name || $name $name
done
[ ${#summary[@]} -gt 0 ] || fail "no sample of that name: $*"
printf '%s\n' "${summary[@]}"
exit $red
