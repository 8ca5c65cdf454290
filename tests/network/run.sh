#!/usr/bin/env bash
# Networks that a test process cannot make for itself: a real TLS-inspecting proxy (mitmproxy),
# machines with IPv6 only and IPv4 only, and a service that takes connections and says nothing,
# with the deadlines that users meet. What it cannot install makes it red, never skipped.
#
#   tests/network/run.sh              every case
#   tests/network/run.sh inspected    only what is named: inspected, v4, v6, silent, default-ports
#
# Each case runs in a network namespace of its own, which reaches nothing outside, and in a mount
# namespace of its own, whose /etc/hosts and system certificates are ours: as root, or as a user
# whom the system lets make user namespaces. That is why it stands beside CI.
#
# Loopback never goes through a proxy, so the emulator must be reached by other names. 192.0.2.1
# (RFC 5737) is put on the namespace's interface, /etc/hosts gives it the names login.example.test
# and acs.example.test, and a relay carries its port to the emulator's port of the same number, so
# that every Host header and every signature arrives as it was sent. The emulator is told those
# names (`--host-name`): it answers to no others, and its certificate holds for them.
#
# Nothing is written outside target/network and a temporary folder.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
out=$target/network
venv=$out/venv
program=$target/debug/acspass
python=$venv/bin/python
browser=$(realpath tests/conformance/python/browser.py)

say() { printf '    %s\n' "$*"; }
fail() { printf 'tests/network/run.sh: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# --- what is needed -----------------------------------------------------------------------------
prepare() {
    has cargo || fail "cargo is missing: install Rust (https://rustup.rs), 1.89 or newer"
    local packages=() as_root=()
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
    has unshare || packages+=(util-linux)
    has ip || packages+=(iproute2)
    if [ ${#packages[@]} -gt 0 ]; then
        has apt-get || fail "this is not Debian: install what gives ${packages[*]} there, then run this again"
        if [ "$(id -u)" != 0 ]; then
            has sudo || fail "run this as root once, or: apt-get install ${packages[*]}"
            as_root=(sudo)
        fi
        "${as_root[@]}" apt-get -q update
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get -q install -y --no-install-recommends "${packages[@]}" ||
            fail "cannot install ${packages[*]}"
    fi
    local pins
    pins=$(cat "$here/requirements.txt" <(python3 -VV) | cksum)
    if [ "$(cat "$venv/.pins" 2>/dev/null)" != "$pins" ]; then
        rm -rf "$venv"
        python3 -m venv "$venv" || fail "python3 -m venv failed"
        "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt" ||
            fail "pip could not install what $here/requirements.txt pins"
        printf %s "$pins" >"$venv/.pins"
    fi
    cargo build --locked --bin acspass
    separated true || fail "no namespaces can be made here: run this as root, or allow user namespaces"
}

# Runs a command in namespaces of its own.
separated() {
    if [ "$(id -u)" = 0 ]; then unshare -n -m --propagation private "$@"
    else unshare --map-root-user -n -m --propagation private "$@"; fi
}

# --- in the namespace ---------------------------------------------------------------------------
# A command of acspass with nothing in its environment but these, and what came of it in $work/out,
# $work/err and $code. `--` ends the variables.
acspass() {
    local variables=()
    while [ "$1" != -- ]; do variables+=("$1"); shift; done
    shift
    code=0
    env -i HOME="$work/home" PATH="$PATH" "${settings[@]}" "${variables[@]}" \
        timeout 120 "$program" "$@" >"$work/out" 2>"$work/err" || code=$?
}

# The last command ended so, and said all of these.
ended() {
    local wanted=$1 words
    shift
    [ "$code" = "$wanted" ] || { cat "$work/out" "$work/err" >&2; fail "exit code $code, not $wanted"; }
    for words in "$@"; do
        grep -qF -- "$words" "$work/out" "$work/err" ||
            { cat "$work/out" "$work/err" >&2; fail "it did not say: $words"; }
    done
}

# Ends nobody but those whom this script started.
started=()
finish() {
    local id
    for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}

# Starts a command and waits until it has said this, in $work/$name.log.
start() {
    local name=$1 words=$2
    shift 2
    "$@" >"$work/$name.log" 2>&1 &
    started+=($!)
    for _ in $(seq 600); do
        grep -qF -- "$words" "$work/$name.log" && return
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.05
    done
    cat "$work/$name.log" >&2
    fail "$name does not start"
}

told() { "$python" -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/emulator.json" "$1"; }

# An emulator in a process of its own; `settings` lead to it by the host $1.
emulator() {
    local host=$1 scheme=$2
    shift 2
    start emulator '"url"' env -i PATH="$PATH" TMPDIR="$work" ACSPASS_STATE_DIR="$work/emulator-state" "$program" emulator -o json \
        --http-port 8080 --https-port 8443 "$@"
    head -1 "$work/emulator.log" >"$work/emulator.json"
    ca=$(told caFile)
    local connection
    connection=$(told connectionString)
    settings=(
        ACSPASS_STORE=file ACSPASS_STORE_KEY_FILE="$work/key"
        ACSPASS_TENANT_ID="$(told tenantId)" ACSPASS_CLIENT_ID="$(told clientId)"
        BROWSER="env SSL_CERT_FILE=$ca $python $browser"
    )
    case $scheme in
        http) settings+=(AZURE_AUTHORITY_HOST="http://$host:8080"
            COMMUNICATION_SERVICES_CONNECTION_STRING="${connection/https:\/\/localhost:8443/http:\/\/$host:8080}") ;;
        https) settings+=(AZURE_AUTHORITY_HOST="https://$host:8443"
            COMMUNICATION_SERVICES_CONNECTION_STRING="${connection/localhost/acs.example.test}") ;;
    esac
}

is_token() { [ "$(wc -l <"$work/out")" = 1 ] && grep -qE '^[^.]+\.[^.]+\.[^.]+$' "$work/out" || fail "no token on standard output"; }

# Names for 192.0.2.1, for this mount namespace only.
names() {
    ip link set lo up
    ip addr add 192.0.2.1/32 dev lo
    printf '127.0.0.1 localhost\n::1 localhost\n192.0.2.1 login.example.test acs.example.test\n' >"$work/hosts"
    mount --bind "$work/hosts" /etc/hosts
    mkdir -p "$work/home/.config/acspass"
    printf '[profile.default]\nallow-endpoint = ["acs.example.test"]\n' >"$work/home/.config/acspass/config.toml"
}

# A proxy that inspects TLS, with an authority of its own.
inspecting() {
    local name=$1 port=$2
    shift 2
    start "$name" "proxy listening at" env -i HOME="$work/home" PATH="$PATH" PYTHONUNBUFFERED=1 "$venv/bin/mitmdump" \
        --listen-host 192.0.2.1 --listen-port "$port" --set confdir="$work/mitmproxy" \
        --set ssl_verify_upstream_trusted_ca="$ca" --set flow_detail=1 "$@"
}

case_inspected() {
    names
    emulator login.example.test https --host-name login.example.test --host-name acs.example.test
    start relay listening "$python" "$here/relay.py" 192.0.2.1:8443 127.0.0.1:8443
    inspecting proxy 3128
    local through=HTTPS_PROXY=http://192.0.2.1:3128
    local trusted=ACSPASS_CA_FILE=$work/mitmproxy/mitmproxy-ca-cert.pem

    acspass "$through" -- login
    ended 6 "the certificate of login.example.test:8443 is not trusted" "issued by mitmproxy" ACSPASS_CA_FILE
    say "without its CA: $(head -1 "$work/err")"
    acspass "$through" -- doctor
    ended 6 'fail      tls ' "was issued by mitmproxy" '`tls`.'
    say "without its CA: $(grep '^fail' "$work/out")"

    acspass "$through" "$trusted" -- login
    ended 0 "Signed in as"
    acspass "$through" "$trusted" -- get
    ended 0
    is_token
    acspass "$through" "$trusted" -- doctor
    ended 0 "http://192.0.2.1:3128, set by HTTPS_PROXY" "issued by mitmproxy" "accepts the access key"
    say "with its CA in ACSPASS_CA_FILE: login, get and doctor end with 0"
    local words
    for words in "login.example.test:8443/" "acs.example.test:8443/"; do
        grep -qF "$words" "$work/proxy.log" || fail "the proxy has seen nothing of $words"
    done

    # The system's own bundle counts beside what SSL_CERT_FILE names.
    local bundle=/etc/ssl/certs/ca-certificates.crt
    if [ -e $bundle ]; then
        mount --bind "$work/mitmproxy/mitmproxy-ca-cert.pem" $bundle
        acspass "$through" SSL_CERT_FILE="$ca" -- get --force-refresh
        ended 0
        is_token
        umount $bundle
        acspass "$through" SSL_CERT_FILE="$ca" -- get --force-refresh
        ended 6 "is not trusted"
        say "SSL_CERT_FILE adds to the system's certificates"
    fi

    inspecting closed 3129 --set proxyauth='ada:p@ss'
    acspass HTTPS_PROXY=http://192.0.2.1:3129 "$trusted" -- get --force-refresh
    ended 6 "the proxy 192.0.2.1:3129 requires credentials"
    acspass HTTPS_PROXY=http://ada:wrong@192.0.2.1:3129 "$trusted" -- get --force-refresh
    ended 6 "the proxy 192.0.2.1:3129 rejected the credentials in HTTPS_PROXY"
    ! grep -q wrong "$work/out" "$work/err" || fail "credentials were shown"
    acspass HTTPS_PROXY=http://ada:p%40ss@192.0.2.1:3129 "$trusted" -- get --force-refresh
    ended 0
    is_token
    say "credentials: wanted, refused and accepted"
}

# A machine with one family of loopback addresses.
one_family() {
    # The browser looks localhost up there; acspass does not.
    printf '127.0.0.1 localhost\n::1 localhost\n' >"$work/hosts"
    mount --bind "$work/hosts" /etc/hosts
    acspass -- get --emulator
    ended 0
    is_token
    emulator localhost http
    acspass -- login
    ended 0 "Signed in as"
    acspass -- get
    ended 0
    is_token
    acspass -- doctor --offline
    ended 0 "$1"
    say "get --emulator, login, get and doctor --offline end with 0; $(grep redirect-port "$work/out")"
}

case_v6() {
    ip link set lo up
    ip addr del 127.0.0.1/8 dev lo
    settings=()
    one_family "any free port on ::1; this machine has no 127.0.0.1"
}

case_v4() {
    ip link set lo up
    ip -6 addr del ::1/128 dev lo 2>/dev/null || true
    settings=()
    one_family "any free port on 127.0.0.1; this machine has no ::1"
}

# The deadlines that users meet: 12 s a try, 30 s for all of them, and at least 2 s for the last.
case_silent() {
    names
    emulator login.example.test https --host-name login.example.test
    start silence listening "$python" "$here/relay.py" 192.0.2.1:8443 silence
    local start=$SECONDS
    acspass ACSPASS_CA_FILE="$ca" -- login
    ended 6 "no response from login.example.test:8443"
    local took=$((SECONDS - start))
    [ "$took" -le 40 ] || fail "it took $took s"
    say "a host that says nothing: exit code 6 after $took s"
    acspass AZURE_AUTHORITY_HOST=https://nowhere.example.test -- login
    ended 6 "could not connect to nowhere.example.test"
    say "offline: $(head -1 "$work/err")"
}

# The schemes' own ports, which clients leave out of Host and of what they sign.
case_default-ports() {
    ip link set lo up
    mkdir -p "$work/home"
    start emulator '"url"' env -i PATH="$PATH" TMPDIR="$work" ACSPASS_STATE_DIR="$work/emulator-state" "$program" emulator -o json \
        --http-port 80 --https-port 443
    head -1 "$work/emulator.log" >"$work/emulator.json"
    [ "$(told url) $(told httpUrl)" = "https://localhost http://localhost" ] ||
        fail "it names itself $(told url) and $(told httpUrl)"
    ca=$(told caFile)
    settings=(
        ACSPASS_STORE=file ACSPASS_STORE_KEY_FILE="$work/key" ACSPASS_CA_FILE="$ca"
        ACSPASS_TENANT_ID="$(told tenantId)" ACSPASS_CLIENT_ID="$(told clientId)"
        BROWSER="env SSL_CERT_FILE=$ca $python $browser"
    )
    local connection scheme
    connection=$(told connectionString)
    for scheme in https http; do
        settings+=(AZURE_AUTHORITY_HOST="$scheme://localhost"
            COMMUNICATION_SERVICES_CONNECTION_STRING="${connection/https/$scheme}")
        acspass -- login
        ended 0 "Signed in as"
        acspass -- get --force-refresh
        ended 0
        is_token
        acspass -- user create
        ended 0 "8:acs:"
    done
    say "http at 80 and https at 443: login, get and user create end with 0"
}

# --- which cases --------------------------------------------------------------------------------
if [ "${1:-}" = --inside ]; then
    work=$(mktemp -d)
    trap finish EXIT
    mkdir "$work/home"
    (umask 077; head -c 32 /dev/urandom >"$work/key")
    settings=()
    "case_$2"
    exit
fi
cases=("$@")
[ ${#cases[@]} -gt 0 ] || cases=(inspected v6 v4 silent default-ports)
for case in "${cases[@]}"; do
    case $case in inspected|v6|v4|silent|default-ports) ;; *) fail "there is no case $case" ;; esac
done
prepare
for case in "${cases[@]}"; do
    printf '==> %s\n' "$case"
    separated "$here/run.sh" --inside "$case"
done
printf '==> all green\n'
