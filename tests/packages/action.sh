#!/usr/bin/env bash
# Runs the scripts of .github/actions/emulator as a runner of GitHub Actions does: with the program of this
# source, and with a release that a stand-in for `gh` downloads. Needs no network.
#
#   tests/packages/action.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/acspass}")
[ -x "$program" ] || fail "$program is missing: run cargo build"
action=$PWD/.github/actions/emulator
forget_environment

work=$(mktemp -d)
emulator=
stop() { [ -z "$emulator" ] || kill -- "-$emulator" 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT
export HOME=$work/home RUNNER_TEMP=$work/temp RUNNER_OS=Linux RUNNER_ARCH=X64
export GITHUB_ENV=$work/env GITHUB_PATH=$work/path GITHUB_OUTPUT=$work/output
export VERSION="" PROGRAM="" REPOSITORY=owner/acspass GH_TOKEN=none SEED="" TOKEN_LIFE=""
begin() {
    rm -rf "$RUNNER_TEMP" "$HOME"
    mkdir -p "$RUNNER_TEMP" "$HOME"
    truncate -s 0 "$GITHUB_ENV" "$GITHUB_PATH" "$GITHUB_OUTPUT"
}
is_refused() {
    local message=$1 said
    shift
    if said=$(env "$@" bash "$action/install.sh" 2>&1); then fail "install.sh accepted $*"; fi
    grep -qF "::error::$message" <<<"$said" || fail "install.sh said: $said"
}

# --- a program of this machine, and the environment --------------------------------------------
begin
PROGRAM=$program bash "$action/install.sh" >/dev/null
PATH=$(cat "$GITHUB_PATH"):$PATH
TOKEN_LIFE=9m setsid bash -c 'echo $$ >"$1"; bash "$2"' - "$work/group" "$action/start.sh"
emulator=$(cat "$work/group")
# The file in the runner's format: NAME<<WORD, the value, WORD.
python3 - "$GITHUB_ENV" "$program" "$(sed -n 's/^url=//p' "$GITHUB_OUTPUT")" <<'END'
import json, os, re, subprocess, sys
text, variables = open(sys.argv[1]).read(), {}
while text:
    name, word = re.match(r"(\w+)<<(\w+)\n", text).groups()
    value, text = text.split("\n", 1)[1].split(f"\n{word}\n", 1)
    assert len(word) == 36 and word not in value, word
    variables[name] = value
assert len(variables) == 9, variables
environment = {**os.environ, **variables, "ACSPASS_STORE": "memory"}
printed = json.loads(subprocess.check_output([sys.argv[2], "emulator", "env", "-o", "json"], env=environment))
assert variables == {**printed, **{n: variables[n] for n in printed if "CERT" in n or "BUNDLE" in n}}, variables
assert variables["ACSPASS_EMULATOR_URL"] == sys.argv[3]
created = subprocess.check_output([sys.argv[2], "user", "create"], env=environment, text=True)
assert created.startswith("8:acs:"), created
print("action: 9 variables lead a later step to the emulator")
END
: >"$GITHUB_ENV"
if said=$(SEED=/no/such/file bash "$action/start.sh" 2>&1); then fail "start.sh accepted a missing seed"; fi
grep -qF '::error::the emulator did not start' <<<"$said" || fail "start.sh said: $said"
grep -qF 'could not read the seed `/no/such/file`' <<<"$said" || fail "start.sh said: $said"
[ ! -s "$GITHUB_ENV" ] || fail "start.sh set variables of no emulator"

# --- a release -----------------------------------------------------------------------------------
name=acspass-0.1.0-x86_64-unknown-linux-gnu
mkdir -p "$work/release/$name/bin" "$work/bin"
printf '#!/bin/sh\necho acspass of the release\n' >"$work/release/$name/bin/acspass"
chmod +x "$work/release/$name/bin/acspass"
tar -C "$work/release" -czf "$work/release/$name.tar.gz" "$name"
(cd "$work/release" && sha256sum "$name.tar.gz" >SHA256SUMS)
cat >"$work/bin/gh" <<END
#!/bin/sh
echo "\$@" >>"$work/calls"
case \$1-\$2 in
    release-download) [ -z "\${NO_RELEASE:-}" ] && cp "$work/release/"*.tar.gz "$work/release/SHA256SUMS" . ;;
    attestation-verify) [ -z "\${NO_ATTESTATION:-}" ] ;;
esac
END
chmod +x "$work/bin/gh"
PATH=$work/bin:$PATH
begin
said=$(VERSION=0.1.0 bash "$action/install.sh")
grep -qx 'acspass of the release' <<<"$said" || fail "install.sh said: $said"
[ "$(cat "$GITHUB_PATH")" = "$RUNNER_TEMP/acspass/./$name/bin" ] || fail "the path is $(cat "$GITHUB_PATH")"
grep -q '^release download v0.1.0 --repo owner/acspass ' "$work/calls" || fail "gh was called with: $(cat "$work/calls")"
grep -qx "attestation verify $name.tar.gz --repo owner/acspass" "$work/calls" || fail "no attestation was verified"
begin
is_refused "the release 0.1.0 of acspass was not found in owner/acspass" NO_RELEASE=1 VERSION=0.1.0
is_refused "$name.tar.gz has no attestation of owner/acspass" NO_ATTESTATION=1
is_refused "acspass has no release for Linux on ARM: build it" RUNNER_ARCH=ARM
is_refused "the input program names no file: /no/such/file" PROGRAM=/no/such/file
echo changed >>"$work/release/$name.tar.gz"
is_refused "$name.tar.gz has another checksum than its release"
[ ! -s "$GITHUB_PATH" ] || fail "a refused release is on the path"
echo "action: a release is installed by its checksum and attestation, and refused without"
