# What the test scripts share. Sourced by bash, never run.

fail() { printf '%s: %s\n' "$0" "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
step() { printf '\n==> [%s s] %s\n' "$SECONDS" "$*"; }

# The Debian packages that a set of tests needs and this machine lacks, added to `packages`.
needs_conformance() {
    python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
    has node || packages+=(nodejs)
    has npm || packages+=(npm)
}
needs_browser() {
    has chromium || packages+=(chromium chromium-sandbox)
    # Without a font every letter is a box, and every page passes.
    [ -n "$(find /usr/share/fonts -name '*.[ot]tf' -print -quit 2>/dev/null)" ] || packages+=(fonts-dejavu-core)
    has node || packages+=(nodejs)
    has npm || packages+=(npm)
}

# Installs Debian packages; does nothing without a name.
need_packages() {
    [ $# -gt 0 ] || return 0
    step "installing $*"
    has apt-get || fail "this is not Debian: install what gives $* there, then run this again"
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        has sudo || fail "run this as root once, or: apt-get install $*"
        as_root=(sudo)
    fi
    "${as_root[@]}" apt-get -q update || fail "cannot install $*: apt-get update failed"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -q install -y --no-install-recommends "$@" || fail "cannot install $*"
}

# A variable of yours must not lead a client to another service, authority or CA. To be called once
# everything is installed: behind a TLS-inspecting proxy, pip, npm and cargo need the same variables.
forget_environment() {
    local variable
    for variable in $(compgen -e); do
        case $variable in
            ACSPASS_*|AZURE_*|COMMUNICATION_*|SSL_CERT_*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS|NODE_OPTIONS|PYTHONPATH|BROWSER)
                unset "$variable" ;;
        esac
    done
}

# Whether a folder was installed from these pins, and not from others.
installed() { [ "$(cat "$1/.pins" 2>/dev/null)" = "$2" ]; }

# Copies a suite of JavaScript to where its pinned modules are, since Node looks modules up from
# where a file is, and sets `node`: Debian's own may be too old, so one is pinned like the rest.
#   javascript_suite FROM TO
javascript_suite() {
    javascript_modules "$1" "$2"
    node=$2/node_modules/.bin/node
    "$node" --version >/dev/null 2>&1 || fail "npm's package \`node\` brought no Node that runs here"
}

# The same without a Node of its own.
#   javascript_modules FROM TO
javascript_modules() {
    local from=$1 to=$2 pins
    pins=$(cksum <"$from/package-lock.json")
    mkdir -p "$to"
    rm -f "$to"/*.mjs
    cp "$from"/*.mjs "$from"/package*.json "$to/"
    if ! installed "$to/node_modules" "$pins"; then
        (cd "$to" && npm ci --no-audit --no-fund --loglevel=error --cache "$to/../npm-cache") ||
            fail "npm could not install what $from/package-lock.json pins"
        printf %s "$pins" >"$to/node_modules/.pins"
    fi
}

# Makes a virtual environment of Python with what a file pins, and with nothing else.
#   python_packages REQUIREMENTS VENV
python_packages() {
    local requirements=$1 venv=$2 pins
    # Installed anew if the pins, or the machine's own Python, are others than last time.
    pins=$(cat "$requirements" <(python3 -VV) | cksum)
    installed "$venv" "$pins" && return
    rm -rf "$venv"
    python3 -m venv "$venv" || fail "python3 -m venv failed"
    "$venv/bin/pip" install -q --disable-pip-version-check --cache-dir "$venv/../pip-cache" \
        -r "$requirements" || fail "pip could not install what $requirements pins"
    printf %s "$pins" >"$venv/.pins"
}

# Waits for jobs of this shell; the first that failed ends the script.
finish_all() {
    local job
    for job in "$@"; do wait "$job" || exit 1; done
}

# Says what `javascript_suite` installed.
#   javascript_versions LABEL FOLDER
javascript_versions() {
    printf '%s: node %s\n' "$1" "$("$node" --version)"
    (cd "$2" && "$node" -e '
        const read = (file) => JSON.parse(require("fs").readFileSync(file));
        for (const name of Object.keys(read("package.json").dependencies)) {
            console.log(`${process.argv[1]}:   ${name} ${read(`node_modules/${name}/package.json`).version}`);
        }' "$1")
}

# Runs one suite; its output is shown whole only where it fails. Adds a line to `summary`, and sets
# `red` where a test failed or none was run.
#   suite LABEL NAME LOG COMMAND...
#   later_suite LABEL NAME LOG COMMAND...      the same beside the next suites, for one that mostly waits;
#                                             `finish_later_suites` adds its line
summary=()
red=0
later=()
later_suite() {
    (suite "$@" && printf '%s\n' "${summary[@]}" >"$3.summary" && exit $red) >"$3.shown" 2>&1 &
    later+=("$!:$3")
}
finish_later_suites() {
    local one
    for one in "${later[@]}"; do
        wait "${one%%:*}" || { red=1; cat "${one#*:}.shown"; }
        summary+=("$(cat "${one#*:}.summary")")
    done
}
suite() {
    local label=$1 name=$2 log=$3 start=$SECONDS verdict=green count
    shift 3
    "$@" >"$log" 2>&1 || { verdict=RED; red=1; cat "$log"; }
    count=$(sed -nE 's/^Ran ([0-9]+) tests? in.*/\1/p; s/^(# |ℹ )tests ([0-9]+)$/\2/p;
        s/^(Tests: +)?([0-9]+) passed.*/\2/p' "$log" | head -1)
    # A suite that ran nothing has shown nothing.
    [ "${count:-0}" -gt 0 ] || { verdict=RED; red=1; cat "$log"; }
    summary+=("$(printf '%s: %-22s %s, %s tests, %s s' "$label" "$name" "$verdict" "${count:-0}" $((SECONDS - start)))")
}
