#!/usr/bin/env bash
# Runs each fuzz target for SECONDS (60), or only the named ones, and prints a table.
#
#     fuzz/run.sh [SECONDS [TARGET…]]
#
# It needs a stable Rust and a C++ compiler: libFuzzer's coverage comes from flags of rustc. The program
# forbids `unsafe`, so there is no address sanitizer; `cargo +nightly fuzz run TARGET` adds one. New inputs
# are kept in fuzz/target/corpus, and inputs that fail in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"
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
failed=0
printf '%-20s %10s %12s %9s %9s\n' target seconds executions features findings
for target in "${targets[@]}"; do
    corpus=$CARGO_TARGET_DIR/corpus/$target
    seeds=corpus/$target
    mkdir -p "$corpus" "$seeds"
    log=$CARGO_TARGET_DIR/$target.log
    findings=0
    "$CARGO_TARGET_DIR/$host/release/$target" "$corpus" "$seeds" -max_total_time="$seconds" \
        -timeout=20 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="artifacts/$target-" >"$log" 2>&1 || findings=1
    failed=$((failed + findings))
    executions=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
    features=$(grep -oE 'ft: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)
    printf '%-20s %10s %12s %9s %9s\n' "$target" "$seconds" "${executions:--}" "${features:--}" "$findings"
done
exit $((failed > 0))
