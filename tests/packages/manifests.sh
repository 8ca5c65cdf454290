#!/usr/bin/env bash
# Renders the manifests of the package managers and checks each with the checker that Debian has: Ruby's
# parser (Homebrew), makepkg (AUR), nix (nix). JSON and YAML are parsed. Not run here, since they are
# not packaged for Linux: `brew audit`, `winget validate`, Scoop's own test.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh

packages=()
has ruby || packages+=(ruby)
{ has makepkg && has pacman; } || packages+=(makepkg pacman-package-manager)
has nix-instantiate || packages+=(nix-bin)
has fakeroot || packages+=(fakeroot)
has bsdtar || packages+=(libarchive-tools)
need_packages "${packages[@]}"

work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/manifests
rm -rf "$work"
mkdir -p "$work/packages"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
repository=https://github.com/example/acspass

# Archives of the right layout whose program is a text.
for target in {x86_64,aarch64}-unknown-linux-gnu {x86_64,aarch64}-apple-darwin; do
    tree=$work/acspass-$version-$target
    mkdir -p "$tree/bin" "$tree/share/doc/acspass"
    echo "$target" >"$tree/bin/acspass"
    cp LICENSE-MIT "$tree/share/doc/acspass/"
    packaging/archive.py "$tree" "$work/packages/${tree##*/}.tar.gz"
done

step "a missing archive is an error"
if packaging/manifests.sh "$repository" "$work/packages" "$work/incomplete" >"$work/log" 2>&1; then
    fail "manifests without a checksum were written"
fi
tail -1 "$work/log"
tree=$work/acspass-$version-x86_64-pc-windows-msvc
mkdir -p "$tree/bin"
echo windows >"$tree/bin/acspass.exe"
packaging/archive.py "$tree" "$work/packages/${tree##*/}.zip"
packaging/manifests.sh "$repository" "$work/packages" "$work/out"
if grep -rn '@[A-Z]' "$work/out"; then fail "a placeholder is left"; fi

step "Homebrew: ruby -c"
ruby -c "$work/out/homebrew/acspass.rb"

step "Scoop and winget: parsed, with the archive's checksum"
python3 - "$work/out/scoop/acspass.json" "$work/packages/${tree##*/}.zip" <<'PYTHON'
import hashlib, json, sys
manifest = json.load(open(sys.argv[1], encoding="utf-8"))
digest = hashlib.sha256(open(sys.argv[2], "rb").read()).hexdigest()
assert manifest["architecture"]["64bit"]["hash"] == digest
PYTHON
for file in "$work"/out/winget/*.yaml; do
    ruby -ryaml -e 'YAML.safe_load(File.read(ARGV[0])).fetch("PackageIdentifier") == "acspass.acspass" or exit 1' "$file"
done

step "AUR: makepkg builds the package of the archive"
cp "$work"/packages/*-unknown-linux-gnu.tar.gz "$work/out/aur/"
as_nobody=()
if [ "$(id -u)" = 0 ]; then
    # makepkg refuses to run as root. Its folder is one that other users can reach.
    aur=$(mktemp -d)
    trap 'rm -rf "$aur"' EXIT
    cp "$work"/out/aur/* "$aur/"
    chown -R nobody "$aur"
    as_nobody=(setpriv --reuid=65534 --clear-groups)
else
    aur=$work/out/aur
fi
export HOME=/nonexistent
sed '/^CARCH=/d' /etc/makepkg.conf >"$work/makepkg.conf"
echo CARCH=x86_64 >>"$work/makepkg.conf"
cp "$work/makepkg.conf" "$aur/"
cd "$aur"
"${as_nobody[@]}" makepkg --printsrcinfo | grep -E 'pkgname|pkgver|source_'
"${as_nobody[@]}" makepkg --nodeps --noconfirm --config makepkg.conf >"$work/makepkg.log" 2>&1 ||
    { cat "$work/makepkg.log"; fail "makepkg failed"; }
bsdtar -tf acspass-bin-*.pkg.tar* | grep -x usr/bin/acspass
cd "$OLDPWD"

step "nix: parsed"
nix-instantiate --parse packaging/nix/package.nix >/dev/null
echo "manifests: all green"
