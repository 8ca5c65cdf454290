#!/usr/bin/env bash
# Builds the release of HEAD twice, in two folders with caches of their own, and compares each file byte for
# byte. The program must contain no path of this machine, and the bill of materials each crate.
#
#   tests/packages/reproducible.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh

commit=$(git rev-parse HEAD)
work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/reproducible
tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/tools
rm -rf "$work"
mkdir -p "$work/first" "$work/second/in/another/folder"
[ -x "$tools/bin/cargo-auditable" ] || { step "the tools"; packaging/tools.sh; }
for folder in "$work/first" "$work/second/in/another/folder"; do
    step "a build in $folder"
    git archive "$commit" | tar -x -C "$folder"
    mkdir "$folder/target"
    ln -s "$tools" "$folder/target/tools"
    # Neither folder is a clone, and the commit's time is given.
    (cd "$folder" && env -u CARGO_TARGET_DIR SOURCE_DATE_EPOCH="$(git -C "$OLDPWD" log -1 --format=%ct "$commit")" \
        packaging/release.sh >"$folder.log" 2>&1) || { tail -20 "$folder.log"; fail "the build failed"; }
    (cd "$folder/target/packages" && sha256sum -- *)
done

step "the same bytes"
for file in "$work"/first/target/packages/*; do
    cmp "$file" "$work/second/in/another/folder/target/packages/${file##*/}"
done
step "no path of this machine"
program=$(echo "$work"/first/target/*/release/acspass)
# In a home such as /root, the tools have hidden folders. `/root/` itself can be two texts side by side.
for path in "$HOME/." "${CARGO_HOME:-$HOME/.cargo}" "$(rustc --print sysroot)" "$PWD" "$work"; do
    count=$(strings -a "$program" | grep -cF -- "$path" || true)
    echo "$count texts with $path"
    [ "$count" = 0 ] || { strings -a "$program" | grep -oE ".{0,20}$path.{0,60}" | head -5; fail "the program names $path"; }
done
step "each crate of the program"
grep -h "bill of materials" "$work/first.log"
printf '\n1 passed, 0 failed\n'
