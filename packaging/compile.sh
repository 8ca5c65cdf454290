#!/usr/bin/env bash
# Compiles the program of a release and prints its path. The same source, the same tools
# (packaging/versions.sh) and the same target give the same bytes, in any folder.
#
#   packaging/compile.sh [TARGET]
#
# On Linux it needs cargo-zigbuild and ziglang (PyPI): zig's linker and headers let the program run
# with an older C library than this machine's. cargo-auditable writes the list of crates into it.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/versions.sh

fail() { printf 'packaging/compile.sh: %s\n' "$*" >&2; exit 1; }
host=$(rustc -vV | sed -n 's/^host: //p')
target=${1:-$host}
found=$(rustc --version | cut -d' ' -f2)
[ "$found" = "$rust" ] || printf 'packaging/compile.sh: Rust %s is not that of releases, %s\n' "$found" "$rust" >&2
cargo auditable --version >/dev/null 2>&1 ||
    fail "cargo-auditable is missing; run \`packaging/tools.sh\`"

# shellcheck source=packaging/flags.sh
. packaging/flags.sh

build=build versioned=$target
case $target in
    *-linux-gnu)
        command -v cargo-zigbuild >/dev/null ||
            fail "cargo-zigbuild is missing; run \`packaging/tools.sh\`"
        build=zigbuild versioned=$target.$glibc
        ;;
esac
cargo auditable "$build" --locked --release --bin acspass --target "$versioned" >&2
case $target in
    *-windows-*) printf '%s\n' "$folder/$target/release/acspass.exe" ;;
    *) printf '%s\n' "$folder/$target/release/acspass" ;;
esac
