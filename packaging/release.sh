#!/usr/bin/env bash
# Makes the files of a release for one target in target/packages: the packages and the bill of materials
# (CycloneDX) of the program. packaging/tools.sh installs what it needs.
#
#   packaging/release.sh [TARGET]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${CARGO_TARGET_DIR:-$PWD/target}
export PATH=$folder/tools/bin:$PATH
target=${1:-$(rustc -vV | sed -n 's/^host: //p')}
rm -rf "$folder/packages"
program=$(packaging/compile.sh "$target")
packaging/build.sh --target "$target" --program "$program"

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --describe binaries
# It names the crate of this folder by its path.
sed "s|file://$PWD|file:///acspass|g" acspass_bin.cdx.json >"$folder/packages/acspass-$target.cdx.json"
rm acspass_bin.cdx.json
case $target in
    *-linux-*) python3 -B packaging/sbom.py "$folder/packages/acspass-$target.cdx.json" "$program" ;;
esac
