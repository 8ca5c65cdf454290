#!/usr/bin/env bash
# A real Chromium on the real pages: it completes and refuses sign-ins of the real program against
# the emulator, each page passes an accessibility check in light and dark, and gets a screenshot.
# The SDK's credential runs in a page of its own against the token service.
# A missing package that cannot be installed makes it red, never skipped.
#
#   tests/browser/run.sh                 everything
#   tests/browser/run.sh pages           only the named files, without `.test.mjs`
#   tests/browser/run.sh --prepare       only installs what the suites need
#
# Nothing is written outside target/browser; the screenshots are in its folder `screenshots`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
out=$target/browser

. tests/lib.sh

# --- requirements -----------------------------------------------------------------------------
packages=()
needs_browser
need_packages "${packages[@]}"
chromium=$(command -v chromium) || fail "chromium is missing after its installation"

js=$out/suite
javascript_suite "$here" "$js"
[ "${1:-}" != --prepare ] || exit 0
cargo build -q --locked
forget_environment

# --- the suites ---------------------------------------------------------------------------------
export BROWSER_TESTS_ACSPASS=$target/debug/acspass BROWSER_TESTS_CHROMIUM=$chromium
export BROWSER_TESTS_OUT=$out BROWSER_TESTS_ROOT=$PWD
printf 'browser: %s\n' "$("$BROWSER_TESTS_ACSPASS" --version)" "$("$chromium" --version 2>/dev/null)"
javascript_versions browser "$js"

wanted() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }
only=("$@")
rm -rf "$out/screenshots"
for file in "$js"/*.test.mjs; do
    name=$(basename "$file" .test.mjs)
    wanted "$name" || continue
    suite browser "$name" "$out/$name.log" "$node" --test --test-reporter=tap "$file"
done
[ ${#summary[@]} -gt 0 ] || fail "no suite of that name: $*"
printf '%s\n' "${summary[@]}"
exit $red
