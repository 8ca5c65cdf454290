#!/usr/bin/env bash
# Makes the pictures of README.md from the real program: a run in a real terminal (tmux), and the
# dashboard in a real Chromium. They are in assets/pictures. Run it again after a change of texts:
#
#   tests/pictures/run.sh              both
#   tests/pictures/run.sh terminal     or: dashboard
set -euo pipefail
cd "$(dirname "$0")/../.."
# Columns are characters, not bytes.
export LC_ALL=C.UTF-8
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
pictures=$PWD/assets/pictures
columns=80

. tests/lib.sh

# A private session bus with a keyring that only this script uses.
if [ -z "${PICTURES_BUS:-}" ]; then
    for tool in tmux python3 cargo dbus-run-session gnome-keyring-daemon; do
        has "$tool" || fail "$tool is missing"
    done
    cargo build --locked --quiet
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    HOME=$work PICTURES_BUS=yes PICTURES_HOME=$HOME PICTURES_WORK=$work \
        dbus-run-session -- "$0" "$@"
    exit
fi
work=$PICTURES_WORK
acspass=$target/debug/acspass
mkdir -p "$pictures"

terminal() {
    local home=$work/home url
    mkdir -p "$home" "$work/bin"
    printf 'pictures\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
    ln -sf "$acspass" "$work/bin/acspass"
    # The name that the program prints for the browser.
    ln -sf "$PWD/tests/terminal/walk.py" "$work/bin/chromium"
    "$acspass" emulator --https-port 0 --http-port 0 -o json >"$work/emulator.json" 2>/dev/null &
    emulator=$!
    wait_for 'the emulator' test -s "$work/emulator.json"
    value() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/emulator.json" "$1"; }
    url=$(value httpUrl)
    screen new-session -d -s picture -x $columns -y 60 -- env -i \
        "PATH=$work/bin:/usr/bin:/bin" "HOME=$home" TERM=tmux-256color LANG=C.UTF-8 COLORTERM=truecolor \
        "DBUS_SESSION_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS" BROWSER=chromium $'PS1=\n$ ' \
        "TZ=${TZ:-Europe/Berlin}" "AZURE_AUTHORITY_HOST=$url" "ACSPASS_TENANT_ID=$(value tenantId)" \
        "ACSPASS_CLIENT_ID=$(value clientId)" "ACSPASS_CA_FILE=$(value caFile)" \
        "COMMUNICATION_SERVICES_CONNECTION_STRING=$(value connectionString)" sh
    wait_for 'a shell' prompts 1
    types 'acspass login' 2
    types 'acspass get | cut -c 1-72' 3
    types 'acspass status' 4
    # Without the empty lines around it, and without the last prompt.
    screen capture-pane -e -p -t picture | sed 's/ *$//; /[^ ]/,$!d' | tac | sed '/[^ ]/,$!d' | tail -n +2 | tac >"$work/screen"
    python3 tests/pictures/svg.py $columns 'acspass login, acspass get and acspass status in a terminal' \
        <"$work/screen" >"$pictures/terminal.svg"
}
screen() { tmux -u -L "acspass-pictures-$$" -f /dev/null "$@"; }
# Types a command, and waits until the shell has written as many prompts.
types() { # COMMAND PROMPTS
    screen send-keys -t picture -l "$1"
    screen send-keys -t picture Enter
    wait_for "the end of \`$1\`" prompts "$2"
}
prompts() { [ "$(screen capture-pane -p -t picture | grep -c '^\$')" -ge "$1" ] && screen capture-pane -p -t picture | sed '/^$/d' | tail -n 1 | grep -q '^\$ *$'; }
wait_for() { # WORDS COMMAND...
    local words=$1
    shift
    for _ in $(seq 300); do
        if "$@"; then return; fi
        sleep 0.1
    done
    screen capture-pane -p -t picture >&2 || true
    fail "$words did not come within 30 s"
}

dashboard() {
    local js=$target/browser/suite
    has chromium || fail "chromium is missing"
    HOME=$PICTURES_HOME javascript_suite tests/browser "$js"
    forget_environment
    BROWSER_TESTS_ACSPASS=$acspass BROWSER_TESTS_CHROMIUM=$(command -v chromium) \
        "$node" "$js/picture.mjs" "$pictures"
}

emulator=
# shellcheck disable=SC2329  # the trap calls it
end() {
    screen kill-server 2>/dev/null || true
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
}
trap end EXIT
wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=(terminal dashboard)
for picture in "${wanted[@]}"; do "$picture"; done
for file in "$pictures"/*; do
    [ "$(stat -c %s "$file")" -lt 200000 ] || fail "$file has more than 200 kB"
    printf '%s: %s bytes\n' "${file#"$PWD"/}" "$(stat -c %s "$file")"
done
