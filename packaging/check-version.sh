#!/usr/bin/env bash
# Fails if a tag is not the version of Cargo.toml, Cargo.lock and CHANGELOG.md.
#
#   packaging/check-version.sh v0.1.0
set -euo pipefail
cd "$(dirname "$0")/.."
version=${1#v}
fail() { printf 'packaging/check-version.sh: %s\n' "$*" >&2; exit 1; }
[ "$1" = "v$version" ] || fail "the tag $1 does not begin with v"
grep -qx "version = \"$version\"" Cargo.toml || fail "Cargo.toml has another version than $version"
grep -A1 -x 'name = "acspass"' Cargo.lock | grep -qx "version = \"$version\"" ||
    fail "Cargo.lock has another version than $version; run \`cargo check\`"
grep -q "^## \[$version\]" CHANGELOG.md || fail "CHANGELOG.md has no section [$version]"
