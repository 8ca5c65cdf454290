#!/usr/bin/env bash
# Renders the manifests of the package managers for an archive with this program, and checks each with the
# checker that Debian has: Ruby (Homebrew), makepkg (AUR), nix (nix). JSON and YAML are parsed. Not run here,
# since they are not packaged for Linux: `brew audit`, `winget validate`, Scoop's own test.
#
#   tests/packages/manifests.sh [PROGRAM]
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh
program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/acspass}")
[ -x "$program" ] || fail "$program is missing: run cargo build"

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

# The archives of macOS and of the other processor have the program of this machine.
step "the archives"
for target in {x86_64,aarch64}-unknown-linux-gnu {x86_64,aarch64}-apple-darwin; do
    CARGO_TARGET_DIR=$work packaging/build.sh --target "$target" --program "$program" --generator "$program"
done

step "a missing archive is an error"
if packaging/manifests.sh "$repository" "$work/packages" "$work/incomplete" >"$work/log" 2>&1; then
    fail "manifests without a checksum were written"
fi
tail -1 "$work/log"
CARGO_TARGET_DIR=$work packaging/build.sh --target x86_64-pc-windows-msvc --program "$program" --generator "$program"
packaging/manifests.sh "$repository" "$work/packages" "$work/out"
if grep -rn '@[A-Z]' "$work/out"; then fail "a placeholder is left"; fi

step "Homebrew: the formula installs what each archive has"
for target in x86_64-unknown-linux-gnu aarch64-apple-darwin; do
    mkdir "$work/$target"
    tar -xzf "$work/packages/acspass-$version-$target.tar.gz" -C "$work/$target" --strip-components=1
    ruby -w tests/packages/formula.rb "$work/out/homebrew/acspass.rb" "$work/$target" | awk '{ print $1 }' | uniq -c
done

step "cargo-binstall: the archive of each target has the program at its path"
python3 - "$work/packages" <<'PYTHON'
import pathlib, re, sys, tarfile, tomllib, zipfile
package = tomllib.load(open("Cargo.toml", "rb"))["package"]
stated, found = package["metadata"]["binstall"], 0
for archive in sorted(pathlib.Path(sys.argv[1]).glob("acspass-*")):
    target = re.fullmatch(rf"acspass-{package['version']}-(.+?)\.(?:tar\.gz|zip)", archive.name)[1]
    form = {**stated, **stated.get("overrides", {}).get(target, {})}["pkg-fmt"]
    words = {"name": "acspass", "repo": "https://host.example/acspass", "version": package["version"], "target": target,
             "bin": "acspass", "archive-suffix": {"tgz": ".tar.gz", "zip": ".zip"}[form],
             "binary-ext": ".exe" if "windows" in target else ""}
    url, path = (re.sub(r"\{ ([\w-]+) \}", lambda name: words[name[1]], stated[key]) for key in ("pkg-url", "bin-dir"))
    assert url == f"https://host.example/acspass/releases/download/v{package['version']}/{archive.name}", url
    names = tarfile.open(archive).getnames() if form == "tgz" else zipfile.ZipFile(archive).namelist()
    assert path in names, f"{path} is not in {archive.name}"
    found += 1
assert found == 5, found
print(f"cargo-binstall: {found} archives")
PYTHON

step "Scoop and winget: parsed, with the archive's checksum"
python3 - "$work/out/scoop/acspass.json" "$work/packages/acspass-$version-x86_64-pc-windows-msvc.zip" <<'PYTHON'
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
mkdir "$work/arch"
bsdtar -xf acspass-bin-*.pkg.tar* -C "$work/arch"
"$work/arch/usr/bin/acspass" version
cd "$OLDPWD"

step "nix: parsed"
nix-instantiate --parse packaging/nix/package.nix >/dev/null
echo "manifests: all green"
