#!/usr/bin/env bash
# Checks the model of the session protocol: that it detects broken steps, and then every combination of
# three processes. `tests/model/run.sh --only "get, logout, migrate"` checks one combination.
set -euo pipefail
cd "$(dirname "$0")"
cargo test --quiet --locked
cargo run --quiet --locked -- "$@"
