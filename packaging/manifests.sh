#!/usr/bin/env bash
# Writes the manifests of Homebrew, winget, Scoop and the AUR for the packages of a release.
#
#   packaging/manifests.sh REPOSITORY PACKAGES OUT
#
# REPOSITORY is its address, PACKAGES the folder with the archives of each target. An archive that is
# missing is an error: a manifest without its checksum would install anything.
set -euo pipefail
[ $# = 3 ] || { echo "usage: packaging/manifests.sh REPOSITORY PACKAGES OUT" >&2; exit 2; }
repository=${1%/} packages=$(cd "$2" && pwd)
mkdir -p "$3"
out=$(cd "$3" && pwd)
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
date=$(LC_ALL=C date -u +%F -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}")

cp -r packaging/manifests/. "$out/"
sums=()
for file in "$packages/acspass-$version-"*.tar.gz "$packages/acspass-$version-"*.zip; do
    [ -e "$file" ] || continue
    sum=$(sha256sum "$file" | cut -d' ' -f1)
    sums+=(-e "s|@SHA256 ${file#"$packages/acspass-$version-"}@|$sum|")
done
find "$out" -type f -exec sed -i "${sums[@]}" -e "s|@RELEASE@|$repository/releases/download/v$version|g" \
    -e "s|@REPOSITORY@|$repository|g" -e "s|@VERSION@|$version|g" -e "s|@DATE@|$date|g" {} +
# winget writes checksums in capitals.
sed -i '/InstallerSha256/s/[0-9a-f]\{64\}/\U&/' "$out"/winget/*.installer.yaml
if grep -rn '@SHA256' "$out"; then
    echo "packaging/manifests.sh: these archives are missing in $packages" >&2
    exit 1
fi
