#!/usr/bin/env bash
# Runs each fuzz target for SECONDS (60), or only the named ones, and prints a table.
#
#     fuzz/run.sh [--together] [SECONDS [TARGET…]]
#
# With --together all targets run at once, with the lowest priority, and SECONDS is the time of the whole
# run: for hours in the background. A target that has failed is not started again.
#
# It needs a stable Rust and a C++ compiler: libFuzzer's coverage comes from flags of rustc. The program
# forbids `unsafe`, so there is no address sanitizer; `cargo +nightly fuzz run TARGET` adds one. New inputs
# are kept in fuzz/target/corpus, and inputs that fail in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"
together=
if [ "${1:-}" = --together ]; then
    together=1
    shift
fi
seconds=${1:-60}
shift $(($# > 0 ? 1 : 0))
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module
 -Cllvm-args=-sanitizer-coverage-level=4
 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
 -Cllvm-args=-sanitizer-coverage-pc-table
 -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS=${RUSTFLAGS//$'\n'/}
cargo build --quiet --release --locked --target "$host"
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for file in fuzz_targets/*.rs; do
        file=${file##*/}
        targets+=("${file%.rs}")
    done
fi
mkdir -p artifacts
# The seconds before an input counts as a hang, and what lowers the priority of a process. A process of
# the lowest priority may wait for seconds.
timeout=20
lowest=()
if [ -n "$together" ]; then
    timeout=60
    lowest=(nice -n 19)
    if command -v chrt >/dev/null; then lowest=(chrt --idle 0); fi
fi

# Runs a target. Its log ends with the CPU seconds.
run() {
    local target=$1 corpus=$CARGO_TARGET_DIR/corpus/$1 seeds=corpus/$1
    mkdir -p "$corpus" "$seeds"
    local TIMEFORMAT=$'stat::cpu_seconds: %U %S'
    time "${lowest[@]}" "$CARGO_TARGET_DIR/$host/release/$target" "$corpus" "$seeds" \
        -max_total_time="$seconds" -timeout="$timeout" -rss_limit_mb=2048 -max_len=8192 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target-"
} 2>&1

# Prints the line of a target that has ended with this code.
report() {
    local target=$1 findings=$2 log=$CARGO_TARGET_DIR/$1.log executions features cpu
    executions=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    features=$(grep -oE 'ft: [0-9]+' "$log" | tail -1 | cut -d' ' -f2 || true)
    cpu=$(awk '/^stat::cpu_seconds: / { print int($2 + $3 + 0.5) }' "$log")
    printf '%-20s %8s %8s %12s %9s %9s\n' "$target" "$seconds" "${cpu:--}" "${executions:--}" \
        "${features:--}" "$findings"
}

failed=0
# Counts and reports a target that has ended with this code.
ended() {
    local findings=0
    if [ "$2" != 0 ]; then findings=1; fi
    failed=$((failed + findings))
    report "$1" "$findings"
}

printf '%-20s %8s %8s %12s %9s %9s\n' target seconds CPU executions features findings
declare -A running=()
for target in "${targets[@]}"; do
    log=$CARGO_TARGET_DIR/$target.log
    if [ -n "$together" ]; then
        run "$target" >"$log" &
        running[$target]=$!
    else
        code=0
        run "$target" >"$log" || code=$?
        ended "$target" "$code"
    fi
done
for target in "${targets[@]}"; do
    [ -n "$together" ] || break
    code=0
    wait "${running[$target]}" || code=$?
    ended "$target" "$code"
done
exit $((failed > 0))
