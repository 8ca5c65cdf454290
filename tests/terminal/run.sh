#!/usr/bin/env bash
# Drives the real command in a real terminal (tmux, 80 columns by 24 lines), with colour and
# without, and looks at what a person would see. `screens.py` does so for each command at 40, 80 and
# 120 columns. The screens are kept in target/terminal/.
set -euo pipefail
cd "$(dirname "$0")/../.."
# Columns are characters, not bytes.
export LC_ALL=C.UTF-8
root=$PWD
screens=$root/target/terminal

. tests/lib.sh
for tool in tmux python3 cargo; do
    has "$tool" || fail "$tool is missing"
done

cargo build --locked --quiet
acspass=$root/target/debug/acspass
rm -rf "$screens"
mkdir -p "$screens"
work=$(mktemp -d)
tmux() { command tmux -u -L "acspass-$$" -f /dev/null "$@"; }
# shellcheck disable=SC2329  # the trap calls it
end() {
    tmux kill-server 2>/dev/null || true
    kill "$emulator" 2>/dev/null || true
    rm -rf "$work"
}
emulator=
trap end EXIT

"$acspass" emulator --https-port 0 --http-port 0 -o json >"$work/emulator.json" 2>/dev/null &
emulator=$!
for _ in $(seq 200); do
    [ -s "$work/emulator.json" ] && break
    sleep 0.05
done
value() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$work/emulator.json" "$1"; }
url=$(value httpUrl) tenant=$(value tenantId) client=$(value clientId)
key=$(value connectionString)
key="endpoint=$url/;${key#*;}"

# --- one terminal each --------------------------------------------------------------------------
# Opens a terminal with a shell in it, a home of its own, and the emulator as the authority.
terminal() { # NAME VARIABLE=VALUE...
    local name=$1 home=$work/$1
    shift
    mkdir -p "$home"
    (umask 077; head -c 32 /dev/urandom >"$home/key")
    # `PS1` ends in what no screen of ours has.
    tmux new-session -d -s "$name" -x 80 -y 24 -- env -i "PATH=$PATH" "HOME=$home" \
        TERM=tmux-256color LANG=C.UTF-8 PS1='at-the-shell> ' ACSPASS_STORE=file \
        "ACSPASS_STORE_KEY_FILE=$home/key" "AZURE_AUTHORITY_HOST=$url" "$@" sh
    sees "$name" 'at-the-shell>'
}
# One that is set up already.
ready() { # NAME VARIABLE=VALUE...
    local name=$1
    shift
    terminal "$name" "ACSPASS_TENANT_ID=$tenant" "ACSPASS_CLIENT_ID=$client" \
        "COMMUNICATION_SERVICES_CONNECTION_STRING=$key" "$@"
}
types() { tmux send-keys -t "$1" -l "$2"; tmux send-keys -t "$1" Enter; }
# Forgets what has been on the screen.
wipes() { tmux send-keys -R -t "$1"; tmux clear-history -t "$1"; }
runs() { wipes "$1"; types "$1" "clear; '$acspass' $2; echo \"code \$?\""; }
# The lines as they were written: what the terminal broke is joined again.
text() { tmux capture-pane -p -J -S - -t "$1"; }
sees() { # NAME WORDS: waits for them, wherever the lines end
    for _ in $(seq 300); do
        if text "$1" 2>/dev/null | tr -s ' \n' ' ' | grep -qF -- "$2"; then
            return
        fi
        sleep 0.1
    done
    text "$1" >&2 || true
    fail "$1: no \`$2\` on the screen"
}
lacks() {
    if text "$1" | grep -qF -- "$2"; then
        text "$1" >&2
        fail "$1: \`$2\` is on the screen"
    fi
}
address() { text "$1" | grep -o 'http[^ ]*authorize?[^ ]*' | tail -n 1; }

# Keeps the screen, and holds every one against what holds for all.
keep() { # NAME STEP
    local file=$screens/$1.$2
    tmux capture-pane -e -p -t "$1" >"$file.ansi"
    text "$1" >"$file.txt"
    # A line that the terminal had to break is an address, or the result.
    if sed 's/ *$//' "$file.txt" | grep -v "://\|at-the-shell>\|^eyJ" | grep -E '^.{81,}$'; then
        fail "$1: a line of $2 is wider than the terminal"
    fi
    case $1 in
    *-plain)
        if grep -q $'\e' "$file.ansi"; then fail "$1: $2 has colour in spite of NO_COLOR"; fi
        ;;
    esac
}
# The command has ended with this code, and left the terminal as it was.
ended() { # NAME CODE STEP
    sees "$1" "code $2"
    keep "$1" "$3"
    lacks "$1" 'Waiting for sign-in'
    lacks "$1" 'checking the'
    wipes "$1"
    types "$1" "clear; stty -a | grep -o ' icanon\| echo ' | tr -d '\n'; echo modes"
    sees "$1" ' icanon echo modes'
}

scenes() { # SUFFIX VARIABLE=VALUE...
    local in=$1
    shift
    ready "browser$in" "BROWSER=$root/tests/terminal/walk.py" "$@"
    ready "device$in" "$@"
    ready "paste$in" "$@"
    ready "timeout$in" BROWSER=/bin/true "$@"
    ready "device-timeout$in" "$@"
    ready "interrupted$in" BROWSER=/bin/true "$@"
    ready "paste-interrupted$in" "$@"
    terminal "first$in" "BROWSER=$root/tests/terminal/walk.py" "$@"
    terminal "first-interrupted$in" "$@"
    terminal "script$in" "$@"

    # Those that take their time go first.
    runs "timeout$in" 'login --timeout 17s'
    runs "device-timeout$in" 'login --device-code --timeout 3s'
    runs "browser$in" login
    runs "device$in" 'login --device-code'
    runs "paste$in" 'login --paste'
    runs "interrupted$in" login
    runs "paste-interrupted$in" 'login --paste'
    runs "first$in" get
    runs "first-interrupted$in" get
    runs "script$in" 'get </dev/null'

    # The browser.
    sees "browser$in" 'Signed in as ada@contoso.example.'
    sees "browser$in" 'The session is saved in'
    ended "browser$in" 0 end

    # A code for another device; its QR code is on the screen, and whole.
    sees "device$in" 'only if you started this sign-in.'
    sees "device$in" 'Waiting for sign-in'
    keep "device$in" code
    [ "$(tmux display-message -p -t "device$in" '#{history_size}')" = 0 ] ||
        fail "device$in: the QR code and what is below it do not fit the screen"
    [ "$(grep -c '[▀▄█]' "$screens/device$in.code.txt")" -ge 15 ] || fail "device$in: no QR code"
    local code
    code=$(text "device$in" | sed -n 's/^  code  //p' | tr -d ' ')
    tests/terminal/walk.py "$code" "$(text "device$in" | sed -n 's/^  page  //p' | tr -d ' ')"
    sees "device$in" 'Signed in as ada@contoso.example.'
    ended "device$in" 0 end

    # The browser's last address: something else first, then one longer than a terminal's own line.
    sees "paste$in" 'then press Enter:'
    keep "paste$in" asked
    types "paste$in" 'what am I to paste'
    sees "paste$in" 'Paste it again'
    lacks "paste$in" 'what am I to paste'
    local long
    long="$(printf 'x%.0s' $(seq 6000))"
    long="?padding=$long&"
    local last
    last=$(ends_on "$(address "paste$in")")
    types "paste$in" "${last/\?/"$long"}"
    sees "paste$in" 'Signed in as ada@contoso.example.'
    lacks "paste$in" xxxx
    ended "paste$in" 0 end

    # Ctrl-C.
    sees "interrupted$in" 'Waiting for sign-in'
    keep "interrupted$in" waiting
    tmux send-keys -t "interrupted$in" C-c
    sees "interrupted$in" 'error: interrupted'
    ended "interrupted$in" 130 end
    sees "paste-interrupted$in" 'then press Enter:'
    tmux send-keys -t "paste-interrupted$in" C-c
    sees "paste-interrupted$in" 'error: interrupted'
    ended "paste-interrupted$in" 130 end

    # The first run: wrong answers get a sentence, and right ones a profile and a token.
    sees "first$in" 'Tenant (GUID or domain'
    types "first$in" 'nowhere.example'
    sees "first$in" 'does not know the tenant nowhere.example'
    types "first$in" "$tenant"
    sees "first$in" 'Application (client) id'
    types "first$in" 'my app'
    sees "first$in" 'nvalid client id'
    types "first$in" "$client"
    sees "first$in" 'Connection string or endpoint of the ACS resource (not shown):'
    types "first$in" "endpoint=$url/;accesskey=d3Jvbmc="
    sees "first$in" 'The ACS resource refused the access key'
    keep "first$in" questions
    types "first$in" "$key"
    sees "first$in" 'the connection string in encrypted files'
    sees "first$in" 'eyJ'
    lacks "first$in" 'accesskey='
    ended "first$in" 0 end
    grep -q 'connection-string = "stored"' "$work/first$in/.config/acspass/config.toml" ||
        fail "first$in: the profile was not kept"
    if grep -rqF "${key#*accesskey=}" "$work/first$in"; then
        fail "first$in: the key lies in a plain file"
    fi
    types "first$in" "clear; '$acspass' get | wc -l"
    sees "first$in" '1 at-the-shell>'

    # Ctrl-C at a question ends the dialog, and so does Ctrl-D.
    sees "first-interrupted$in" 'Tenant (GUID or domain'
    tmux send-keys -t "first-interrupted$in" Enter
    sees "first-interrupted$in" 'Application (client) id'
    tmux send-keys -t "first-interrupted$in" C-c
    sees "first-interrupted$in" 'error: interrupted'
    ended "first-interrupted$in" 130 end
    runs "first-interrupted$in" get
    sees "first-interrupted$in" 'Tenant (GUID or domain'
    tmux send-keys -t "first-interrupted$in" C-d
    sees "first-interrupted$in" 'no answer was saved'
    ended "first-interrupted$in" 2 ctrl-d
    runs "first-interrupted$in" get
    sees "first-interrupted$in" 'Tenant (GUID or domain'
    types "first-interrupted$in" ''
    sees "first-interrupted$in" 'Application (client) id'
    types "first-interrupted$in" "$client"
    sees "first-interrupted$in" '(not shown):'
    tmux send-keys -t "first-interrupted$in" C-c
    sees "first-interrupted$in" 'error: interrupted'
    ended "first-interrupted$in" 130 unseen
    # Each correct answer is saved at once.
    grep -q "client-id = \"$client\"" "$work/first-interrupted$in/.config/acspass/config.toml" ||
        fail "first-interrupted$in: the application's id was lost"

    # Without a user to ask: all that is missing, at once.
    sees "script$in" 'no client id and no ACS resource are configured'
    ended "script$in" 2 end

    # The time is over.
    sees "device-timeout$in" 'sign-in timed out after 3 s'
    lacks "device-timeout$in" 'http://localhost is not registered'
    ended "device-timeout$in" 3 end
    sees "timeout$in" 'acspass login --device-code'
    sees "timeout$in" 'sign-in timed out after 17 s'
    ended "timeout$in" 3 end
}

# The address that a browser ends on; no program listens there.
ends_on() { # ADDRESS
    python3 - "$1" <<'PY'
import sys, urllib.error, urllib.request
address, query = sys.argv[1].split("?", 1)
class Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
try:
    body = (query + "&emulator_user=ada%40contoso.example").encode()
    urllib.request.build_opener(Stays).open(address, data=body, timeout=20)
except urllib.error.HTTPError as answer:
    print(answer.headers["Location"])
PY
}

# Each command at 40, 80 and 120 columns.
python3 -B tests/terminal/screens.py "$acspass" "$screens/screens"

started=$SECONDS
scenes ''
scenes -plain NO_COLOR=1
printf 'all screens are as they should be, in %s s; they are in %s\n' $((SECONDS - started)) "${screens#"$root"/}"
