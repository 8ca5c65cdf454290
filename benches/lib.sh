# What the benchmark scripts share. Sourced by bash, never run. The caller sets `here` to benches/.

# Ends with the Debian packages of missing commands.
#   needs COMMAND PACKAGE [COMMAND PACKAGE...]
needs() {
    local missing=()
    while [ $# -gt 0 ]; do
        command -v "$1" >/dev/null || missing+=("$2")
        shift 2
    done
    [ ${#missing[@]} = 0 ] && return
    echo "missing; on Debian: apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 2
}

# Sets ACSPASS to the path of a release binary: the one that it names, or one that is built.
find_acspass() {
    if [ -z "${ACSPASS:-}" ]; then
        (cd "$here/.." && cargo build --release --locked)
        ACSPASS=${CARGO_TARGET_DIR:-$here/../target}/release/acspass
    fi
    ACSPASS=$(realpath "$ACSPASS")
    if grep -q ACSPASS_TEST_INTRUDER "$ACSPASS"; then
        echo "$ACSPASS has the test hook of debug builds" >&2
        exit 1
    fi
}

# Starts the emulator at free ports, and sets `emulator` to its process id.
#   start_emulator [OPTION...]
start_emulator() {
    local said
    exec {said}< <(exec "$ACSPASS" emulator --https-port 0 --http-port 0 -o json "$@" 2>/dev/null)
    emulator=$!
    if ! read -r -t 60 -u "$said" described; then
        echo "the emulator did not start" >&2
        exit 1
    fi
}

# Prints a value that the emulator printed at its start. The connection string has a key, so the values
# come through standard input.
of_emulator() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1" <<<"$described"; }

# Makes the emulator the service of acspass, of the SDKs and of msal.
use_emulator() {
    ACSPASS_TENANT_ID=$(of_emulator tenantId)
    ACSPASS_CLIENT_ID=$(of_emulator clientId)
    AZURE_AUTHORITY_HOST=$(of_emulator url)
    COMMUNICATION_SERVICES_CONNECTION_STRING=$(of_emulator connectionString)
    ACSPASS_CA_FILE=$(of_emulator caFile)
    user=$(of_emulator username)
    export ACSPASS_TENANT_ID ACSPASS_CLIENT_ID AZURE_AUTHORITY_HOST ACSPASS_CA_FILE
    export COMMUNICATION_SERVICES_CONNECTION_STRING
    export REQUESTS_CA_BUNDLE=$ACSPASS_CA_FILE NODE_EXTRA_CA_CERTS=$ACSPASS_CA_FILE
}

# Keeps the sessions of acspass in a sealed file of TMPDIR.
use_file_store() {
    (umask 077; head -c 32 /dev/urandom >"$TMPDIR/key")
    export ACSPASS_STORE=file ACSPASS_STORE_KEY_FILE=$TMPDIR/key
}

# Starts a browser that is already open when a page is asked for, and sets `browser` to its process id.
# BROWSER is the command that hands it an address, as xdg-open does.
start_browser() {
    mkfifo -m 600 "$TMPDIR/pages"
    printf '#!/bin/sh\nprintf "%%s\\n" "$1" >"%s"\n' "$TMPDIR/pages" >"$TMPDIR/browser"
    chmod +x "$TMPDIR/browser"
    python3 "$here/browser.py" --pages "$TMPDIR/pages" &
    browser=$!
    export BROWSER=$TMPDIR/browser
}

# Runs this script again with a mount namespace of its own, and with these variables only.
#   run_with_own_mounts VARIABLE=VALUE...
run_with_own_mounts() {
    local mapped=()
    [ "$(id -u)" = 0 ] || mapped=(--map-root-user)
    env -i PATH="$PATH" "$@" unshare "${mapped[@]}" -m --propagation private bash "$here/$(basename "$0")"
}

# Gives Entra and the resource a host each, in an /etc/hosts of this mount namespace, and starts the
# emulator for both. A relay then connects to it.
start_distant_emulator() {
    printf '127.0.0.1 localhost\n127.0.0.2 login.example.test\n127.0.0.3 acs.example.test\n' >"$TMPDIR/hosts"
    mount --bind "$TMPDIR/hosts" /etc/hosts
    mkdir -m 700 -p "$TMPDIR/.config/acspass"
    printf '[profile.default]\nallow-endpoint = ["acs.example.test"]\n' >"$TMPDIR/.config/acspass/config.toml"
    start_emulator --host-name login.example.test --host-name acs.example.test
    use_emulator
    port=${AZURE_AUTHORITY_HOST##*:}
    AZURE_AUTHORITY_HOST=https://login.example.test:$port
    COMMUNICATION_SERVICES_CONNECTION_STRING=${COMMUNICATION_SERVICES_CONNECTION_STRING/localhost/acs.example.test}
}

# Starts the relay with a round-trip time, in place of the one before, and sets `relay`.
#   start_relay MILLISECONDS
start_relay() {
    local listening
    [ -z "${relay:-}" ] || { kill "$relay"; wait "$relay" || true; }
    exec {listening}< <(exec python3 "$here/relay.py" "$1" "$port" 127.0.0.2 127.0.0.3)
    relay=$!
    read -r -t 60 -u "$listening" _
}

# Installs the pinned packages of benches/peers into a folder, unless PEERS names one that has them. Sets
# PEERS, and `python` and `node`.
#   install_peers FOLDER
install_peers() {
    if [ -z "${PEERS:-}" ]; then
        (
            . "$here/../tests/lib.sh"
            mkdir -p "$1"
            javascript_suite "$here/peers" "$1/javascript"
            python_packages "$here/peers/requirements.txt" "$1/venv"
        )
        PEERS=$1
    fi
    cp "$here"/peers/*.mjs "$PEERS/javascript/"
    python=$PEERS/venv/bin/python
    node=$PEERS/javascript/node_modules/.bin/node
}
