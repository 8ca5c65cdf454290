#!/usr/bin/env bash
# Compiles what the README installs from a clone, from nothing, and fails if that takes more CPU time than the
# budget. Other programs on the machine and the number of its cores change that time little. The budget is one and a
# half times the 367 s of docs/reference/dependencies.md, which were measured on a busy machine: a large
# dependency or another profile exceeds it, a somewhat slower processor does not.
#
#   tests/packages/build_budget.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh

budget=550

# The line of the README, without its comment.
command=$(sed -n 's/^\(cargo install --path [^#]*[^# ]\) *\(#.*\)\{0,1\}$/\1/p' README.md)
[ "$(wc -l <<<"$command")" = 1 ] && [ -n "$command" ] ||
    fail "the README does not have one line that begins with \`cargo install --path\`"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo fetch --locked
step "$command"
export CARGO_TARGET_DIR=$work/target CARGO_INSTALL_ROOT=$work/root CARGO_INCREMENTAL=0
# A cache of compiled crates would hide their cost, and other flags would change it.
unset RUSTC_WRAPPER CARGO_BUILD_RUSTC_WRAPPER RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
TIMEFORMAT='%R %U %S'
{ time bash -c "$command" >&3 2>&4; } 3>&1 4>&2 2>"$work/times"
read -r wall user system < <(tail -1 "$work/times")
used=$(awk -v u="$user" -v s="$system" 'BEGIN { printf "%.0f", u + s }')
printf 'build: %s s of CPU time, %s s on %s cores; the budget is %s s\n' "$used" "$wall" "$(nproc)" "$budget"
"$work/root/bin/acspass" version >/dev/null
[ "$used" -le "$budget" ] ||
    fail "a build from nothing took $used s of CPU time; the budget is $budget s. \`benches/dependencies.py\` states the cost of each dependency"
