#!/usr/bin/env bash
# The npm and the PyPI package: built from this source, packed, installed from the packed files into
# clean projects, and tested there with node:test, Jest, Vitest, tsc, pytest, mypy and uvx. What it cannot
# install makes it red, never skipped.
#
#   tests/packages/run.sh                      everything
#   tests/packages/run.sh javascript           one language: javascript or python
#   tests/packages/run.sh --packed FOLDER      the files that packaging/languages.sh made
#
# Nothing is written outside target/language-packages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
export PACKAGES_ROOT=$PWD
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
out=$target/language-packages
js=$out/javascript
venv=$out/venv
. tests/lib.sh
only='' packed=''
case ${1:-} in
    --packed) packed=$(realpath "$2") ;;
    *) only=${1:-} ;;
esac

# --- what is needed -----------------------------------------------------------------------------
packages=()
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || packages+=(python3-venv)
has node || packages+=(nodejs)
has npm || packages+=(npm)
has strip || packages+=(binutils)
need_packages "${packages[@]}"

wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
mkdir -p "$out"
rm -rf "$out/packed" "$out"/home-* "$out/clean"
mkdir -p "$out/packed" "$out/clean"
jobs=()
wanted python && { python_packages "$here/python/requirements.txt" "$venv" & jobs+=($!); }
wanted javascript && { javascript_modules "$here/javascript" "$js" & jobs+=($!); }
[ -n "$packed" ] || cargo build -q --locked
finish_all "${jobs[@]}"
export npm_config_cache=$out/npm-cache npm_config_update_notifier=false npm_config_audit=false
export npm_config_fund=false PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=$out/pip-cache
export UV_CACHE_DIR=$out/uv-cache PYTHONDONTWRITEBYTECODE=1 NO_COLOR=1

# --- the packages -------------------------------------------------------------------------------
if wanted javascript; then
    step "the npm package"
    if [ -n "$packed" ]; then
        cp "$packed"/*.tgz "$out/packed/"
    else
        # Symbols are most of a debug build, and of the time to compress it.
        strip -o "$out/acspass" "$target/debug/acspass"
        platform=$(node -p 'process.platform + "-" + process.arch')
        node packaging/npm/build.mjs "$out/packed" "$platform=$out/acspass"
    fi
    (cd "$js" && npm install --no-save --loglevel=error "$out"/packed/*.tgz)
fi
if wanted python; then
    step "the wheel"
    if [ -n "$packed" ]; then
        cp "$packed"/*.whl "$out/packed/"
    else
        PATH=$venv/bin:$PATH packaging/pypi/build.sh "$out/packed" --quiet
    fi
    PACKAGES_WHEEL=$(echo "$out"/packed/*.whl)
    export PACKAGES_WHEEL
    "$venv/bin/pip" install -q --no-deps --no-index --force-reinstall "$PACKAGES_WHEEL"
fi

# --- two commands in a new project --------------------------------------------------------------
if wanted javascript; then
    step "a new JavaScript project"
    mkdir "$out/clean/javascript"
    (
        cd "$out/clean/javascript"
        npm install --loglevel=error --save-dev "$out"/packed/*.tgz
        node node_modules/acspass/example.test.mjs
    )
fi
if wanted python; then
    step "a new Python project"
    python3 -m venv "$out/clean/python"
    (
        cd "$out/clean/python"
        bin/pip install -q "$PACKAGES_WHEEL" pytest
        bin/pytest -q -p no:cacheprovider --pyargs acspass.test_example
    )
fi

# --- the suites ---------------------------------------------------------------------------------
forget_environment
# Each with an empty home.
in_home() {
    local name=$1
    shift
    HOME=$(mktemp -d "$out/home-XXXXXX") suite packages "$name" "$out/$name.log" "$@"
}
# Types are right for both kinds of modules, and so are their values.
check_types() {
    cp "$here/javascript/types.ts" "$js/types.mts"
    cp "$here/javascript/types.ts" "$js/types.cts"
    tsc --strict --module nodenext --target es2022 --types node types.mts types.cts &&
        "$node" types.mjs && "$node" types.cjs && echo "Ran 2 tests in"
}
check_python_types() {
    mypy --strict --cache-dir "$out/mypy" -p acspass &&
        mypy --strict --cache-dir "$out/mypy" "$here/python/types_of_package.py" &&
        stubtest acspass.tokens && echo "Ran 3 tests in"
}
run_uvx() {
    uvx --offline --python "$venv/bin/python" --from "$PACKAGES_WHEEL" acspass get --emulator | grep '^eyJ' >/dev/null &&
        echo "Ran 1 tests in"
}
if wanted javascript; then
    node=$js/node_modules/.bin/node
    export PATH=$js/node_modules/.bin:$PATH
    cp "$here/javascript/runner.test.js" "$js/"
    cd "$js"
    for file in "$here"/javascript/*.test.mjs; do
        name=$(basename "$file" .test.mjs)
        in_home "$name" "$node" --test --test-timeout=60000 --test-reporter=tap "$js/$name.test.mjs"
    done
    # The suites of docs/guides/testing.md.
    mkdir -p "$js/guide"
    cp "$PACKAGES_ROOT"/examples/testing/package/*.mjs "$js/guide/"
    in_home guide_javascript "$node" --test --test-timeout=60000 --test-reporter=tap "$js"/guide/*.mjs
    in_home jest "$js/node_modules/.bin/jest" runner.test.js
    in_home types check_types
    in_home readme_npm python3 "$here/readme.py" "$PACKAGES_ROOT/packaging/npm/acspass/README.md" \
        "$PACKAGES_ROOT/packaging/npm/acspass" "$js"
fi
if wanted python; then
    mkdir -p "$out/python"
    cd "$out/python"
    export PATH=$venv/bin:$PATH
    for file in "$here"/python/test_*.py; do
        in_home "$(basename "$file" .py)" "$venv/bin/pytest" -q -p no:cacheprovider "$file"
    done
    in_home guide_python "$venv/bin/pytest" -q -p no:cacheprovider "$PACKAGES_ROOT/examples/testing/package"
    in_home types_python check_python_types
    in_home uvx run_uvx
    in_home readme_pypi python3 "$here/readme.py" "$PACKAGES_ROOT/packaging/pypi/README.md" \
        "$PACKAGES_ROOT/packaging/pypi" "$out/python"
fi
[ ${#summary[@]} -gt 0 ] || fail "no language of that name: $only"
printf '%s\n' "${summary[@]}"
exit "$red"
