#!/usr/bin/env bash
# Makes the npm packages and the wheel of one target in target/languages, after packaging/release.sh has
# compiled the program. packaging/tools.sh installs what it needs.
#
#   packaging/languages.sh TARGET
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/versions.sh
. packaging/versions.sh
[ $# = 1 ] || { echo "usage: packaging/languages.sh TARGET" >&2; exit 2; }
target=$1
# shellcheck source=packaging/flags.sh
. packaging/flags.sh
python3 -m pip install --quiet --disable-pip-version-check --upgrade --target "$folder/maturin" \
    --only-binary :all: "maturin==$maturin"
# zig is beside the tools of packaging/compile.sh.
export PATH=$folder/tools/bin:$folder/maturin/bin:$PATH
case $target in
    *-windows-*) program=$folder/$target/release/acspass.exe ;;
    *) program=$folder/$target/release/acspass ;;
esac
platform=$(node -p '
    const platforms = Object.entries(require("./packaging/npm/platforms.json"));
    platforms.find(([, { target }]) => target === process.argv[1])[0]' "$target")
rm -rf "$folder/languages"
node packaging/npm/build.mjs "$folder/languages" "$platform=$program"
options=(--release --target "$target")
case $target in
    *-linux-gnu) options+=(--zig --compatibility "manylinux_${glibc/./_}") ;;
esac
packaging/pypi/build.sh "$folder/languages" "${options[@]}"
