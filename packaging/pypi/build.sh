#!/usr/bin/env bash
# Builds the wheel of this machine's platform from files of this repository, with maturin:
#
#   packaging/pypi/build.sh OUT [OPTION...]      options of `maturin build`, such as --profile dist
#
# The wheel has the program and the module `acspass`; its tokens.py is the file of examples/refreshers.
set -euo pipefail
[ $# -gt 0 ] || { echo "usage: packaging/pypi/build.sh OUT [OPTION...]" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
command -v maturin >/dev/null || { echo "maturin is missing: pip install maturin" >&2; exit 1; }

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp -R "$here/src" "$here/README.md" "$root"/LICENSE-* "$stage/"
cp "$root/examples/refreshers/python/acspass_tokens.py" "$stage/src/acspass/tokens.py"
find "$stage" -name __pycache__ -prune -exec rm -rf {} +
sed "s|^manifest-path = .*|manifest-path = \"$root/Cargo.toml\"|" "$here/pyproject.toml" >"$stage/pyproject.toml"
cd "$stage"
maturin build --locked --out "$out" "$@"
