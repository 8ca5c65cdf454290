#!/usr/bin/env bash
# Installs what packaging/compile.sh needs in target/tools, in the versions of a release.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/versions.sh
. packaging/versions.sh
folder=${CARGO_TARGET_DIR:-$PWD/target}/tools

if command -v rustup >/dev/null; then
    case $(rustc --version) in
        "rustc $rust "*) ;;
        *) rustup toolchain install "$rust" --profile minimal && export RUSTUP_TOOLCHAIN=$rust ;;
    esac
fi
case $(uname -s) in
    Linux)
        python3 -m venv "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
            -r packaging/requirements.txt
        ;;
esac
cargo install --quiet --locked --root "$folder" \
    "cargo-auditable@$cargo_auditable" "cargo-cyclonedx@$cargo_cyclonedx"
