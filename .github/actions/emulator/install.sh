#!/usr/bin/env bash
# Puts acspass on the path of the next steps: PROGRAM, or the release VERSION of REPOSITORY, whose checksum
# and attestation are verified.
set -euo pipefail
fail() { echo "::error::$*"; exit 1; }

folder=$RUNNER_TEMP/acspass
mkdir -p "$folder"
if [ -n "$PROGRAM" ]; then
    [ -f "$PROGRAM" ] || fail "the input program names no file: $PROGRAM"
    cp "$PROGRAM" "$folder/"
else
    case $RUNNER_OS-$RUNNER_ARCH in
        Linux-X64) target=x86_64-unknown-linux-gnu ;;
        Linux-ARM64) target=aarch64-unknown-linux-gnu ;;
        macOS-X64) target=x86_64-apple-darwin ;;
        macOS-ARM64) target=aarch64-apple-darwin ;;
        Windows-X64) target=x86_64-pc-windows-msvc ;;
        *) fail "acspass has no release for $RUNNER_OS on $RUNNER_ARCH: build it, and pass the input program" ;;
    esac
    cd "$folder"
    release=${VERSION:+v$VERSION}
    gh release download ${release:+"$release"} --repo "$REPOSITORY" --clobber \
        --pattern "acspass-*-$target.*" --pattern SHA256SUMS ||
        fail "the release ${VERSION:-that is the latest} of acspass was not found in $REPOSITORY"
    archives=(acspass-*-"$target".tar.gz acspass-*-"$target".zip)
    for archive in "${archives[@]}"; do
        [ -f "$archive" ] || continue
        grep -F "  $archive" SHA256SUMS >expected || fail "SHA256SUMS does not name $archive"
        if command -v sha256sum >/dev/null; then sha256sum -c expected; else shasum -a 256 -c expected; fi ||
            fail "$archive has another checksum than its release"
        gh attestation verify "$archive" --repo "$REPOSITORY" || fail "$archive has no attestation of $REPOSITORY"
        case $archive in
            *.zip) unzip -oq "$archive" ;;
            *) tar -xzf "$archive" ;;
        esac
    done
    found=$(find . -type f \( -name acspass -o -name acspass.exe \) -path '*bin/*' | head -1)
    [ -n "$found" ] || fail "the release has no program for $target"
    folder=$folder/$(dirname "$found")
fi
echo "$folder" >>"$GITHUB_PATH"
"$folder/acspass" version
