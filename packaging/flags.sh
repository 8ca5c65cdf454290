# shellcheck shell=bash disable=SC2154
# Sets the variables with which the program of a release is compiled for `target`, so that the same source gives
# the same bytes in any folder. Sourced in the source folder.

# Paths of this machine are in panics and in the names of types: each gets a fixed one.
folder=${CARGO_TARGET_DIR:-$PWD/target}
home=${CARGO_HOME:-$HOME/.cargo}
flags=("--remap-path-prefix=$PWD=/acspass" "--remap-path-prefix=$folder=/target"
    "--remap-path-prefix=$(rustc --print sysroot)=/rust")
cargo fetch --locked --target "$target" >&2
for registry in "$home"/registry/src/*/; do
    flags+=("--remap-path-prefix=${registry%/}=/crates")
done
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf %s "${flags[*]}")
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export CARGO_ENCODED_RUSTFLAGS SOURCE_DATE_EPOCH CARGO_INCREMENTAL=0
case $target in
    *-windows-*) ;;
    *) export CFLAGS="-ffile-prefix-map=$home=/cargo -ffile-prefix-map=$folder=/target -ffile-prefix-map=$PWD=/acspass" ;;
esac
