#!/usr/bin/env bash
# Builds the packages of one target in target/packages: an archive, and for Linux a .deb. Prints
# their paths. The same program gives the same packages.
#
#   packaging/build.sh                       compile for this machine (packaging/compile.sh), and pack
#   packaging/build.sh --target TARGET       for another target of rustc
#   packaging/build.sh --program FILE        pack this program
#   packaging/build.sh --generator FILE      this acspass writes the manual pages and completions, if
#                                            that of the target does not run here
#   packaging/build.sh --revision N          the revision of the .deb, 1 by default
#
# The maintainer of the .deb is ACSPASS_MAINTAINER ("NAME <ADDRESS>").
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=packaging/versions.sh
. packaging/versions.sh

fail() { printf 'packaging/build.sh: %s\n' "$*" >&2; exit 1; }
program='' generator='' revision=1 target=$(rustc -vV | sed -n 's/^host: //p')
while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || fail "$1 needs a value"
    case $1 in
        --program) program=$2 ;;
        --generator) generator=$2 ;;
        --target) target=$2 ;;
        --revision) revision=$2 ;;
        *) fail "unknown option $1" ;;
    esac
    shift 2
done

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
maintainer=${ACSPASS_MAINTAINER:-the acspass contributors <maintainers@acspass.invalid>}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
[ -n "$program" ] || program=$(packaging/compile.sh "$target")
generator=${generator:-$program}
out=${CARGO_TARGET_DIR:-target}/packages
work=$out/work-$target
rm -rf "$work"
mkdir -p "$work/texts/completions"
python=python3
command -v python3 >/dev/null || python=python

# --- the texts that the program writes ------------------------------------------------------------
"$generator" -q man --folder "$work/texts/man"
for shell in bash elvish fish powershell zsh; do
    "$generator" completions $shell >"$work/texts/completions/$shell"
done
"$python" -B packaging/licences.py "$target" >"$work/texts/third-party-licences.txt"

# --- an archive -----------------------------------------------------------------------------------
#   layout FOLDER      the files below a prefix, as Unix has them
layout() {
    local prefix=$1 share=$1/share
    mkdir -p "$prefix/bin" "$share/man/man1" "$share/bash-completion/completions" \
        "$share/zsh/site-functions" "$share/fish/vendor_completions.d" "$share/doc/acspass"
    cp "$program" "$prefix/bin/acspass"
    cp "$work"/texts/man/*.1 "$share/man/man1/"
    cp "$work/texts/completions/bash" "$share/bash-completion/completions/acspass"
    cp "$work/texts/completions/zsh" "$share/zsh/site-functions/_acspass"
    cp "$work/texts/completions/fish" "$share/fish/vendor_completions.d/acspass.fish"
    cp "$work/texts/completions/elvish" "$share/doc/acspass/acspass.elv"
    cp "$work/texts/completions/powershell" "$share/doc/acspass/acspass.ps1"
    cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$work/texts/third-party-licences.txt" \
        "$share/doc/acspass/"
}

#   desktop FOLDER     the entry and icon of a desktop
desktop() {
    mkdir -p "$1/share/applications" "$1/share/icons/hicolor/scalable/apps"
    cp packaging/linux/acspass.desktop "$1/share/applications/"
    cp packaging/linux/acspass.svg "$1/share/icons/hicolor/scalable/apps/"
}

archive() {
    local name=acspass-$version-$target ending=tar.gz
    local tree=$work/$name
    case $target in
        *-windows-*)
            ending=zip
            mkdir -p "$tree/bin"
            cp "$program" "$tree/bin/acspass.exe"
            cp "$work/texts/completions/powershell" "$tree/acspass.ps1"
            cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$work/texts/third-party-licences.txt" "$tree/"
            ;;
        *)
            layout "$tree"
            case $target in *-linux-*) desktop "$tree" ;; esac
            sed -e "s/@TARGET@/$target/" -e "s/@GLIBC@/$glibc/" packaging/install.sh >"$tree/install.sh"
            chmod 755 "$tree/install.sh"
            ;;
    esac
    "$python" packaging/archive.py "$tree" "$out/$name.$ending"
    printf '%s\n' "$out/$name.$ending"
}

# --- a .deb ---------------------------------------------------------------------------------------
#   architecture       Debian's name of the target's processor
architecture() {
    case $target in
        x86_64-*) echo amd64 ;;
        aarch64-*) echo arm64 ;;
        *) fail "no Debian architecture for $target" ;;
    esac
}

#   indented FILE      a text of debian/copyright
indented() { sed -e 's/^$/./' -e 's/^/ /' "$1"; }

#   depends PROGRAM    the packages with the libraries that it needs. dpkg-shlibdeps would ask for the C
#                      library of this machine: there, symbols that moved between its files are new.
depends() {
    local newest library
    newest=$(readelf -V "$1" | grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -1)
    [ -n "$newest" ] || fail "$1 needs no glibc; is it for $target?"
    printf 'libc6 (>= %s)' "${newest#GLIBC_}"
    for library in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        case $library in
            libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | ld-linux-*) ;;
            libgcc_s.so.1) printf ', libgcc-s1' ;;
            *) fail "the package of $library is not known" ;;
        esac
    done
}

deb() {
    local tree=$work/deb full=$version-$revision architecture documents size needed
    architecture=$(architecture)
    layout "$tree/usr"
    desktop "$tree/usr"
    documents=$tree/usr/share/doc/acspass
    mv "$tree/usr/share/zsh/site-functions" "$tree/usr/share/zsh/vendor-completions"
    mkdir -p "$tree/usr/lib/systemd/user" "$tree/etc/default" "$tree/usr/share/lintian/overrides" "$tree/DEBIAN"
    cp packaging/debian/acspass.service packaging/debian/acspass.socket "$tree/usr/lib/systemd/user/"
    cp packaging/debian/default "$tree/etc/default/acspass"
    cp packaging/debian/lintian-overrides "$tree/usr/share/lintian/overrides/acspass"
    mv "$documents/CHANGELOG.md" "$documents/changelog"
    rm "$documents"/LICENSE-*
    printf 'acspass (%s) unstable; urgency=medium\n\n  * The changes of %s are in changelog.gz.\n\n -- %s  %s\n' \
        "$full" "$version" "$maintainer" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" \
        >"$documents/changelog.Debian"
    indented LICENSE-MIT >"$work/mit"
    sed -e "/@MIT@/{r $work/mit" -e 'd}' packaging/debian/copyright >"$documents/copyright"
    gzip -9n "$documents/changelog" "$documents/changelog.Debian" "$documents/third-party-licences.txt" \
        "$tree"/usr/share/man/man1/*.1

    cp packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$tree/DEBIAN/"
    echo /etc/default/acspass >"$tree/DEBIAN/conffiles"
    (cd "$tree" && find etc usr -type f | LC_ALL=C sort | xargs md5sum) >"$tree/DEBIAN/md5sums"
    size=$(find "$tree/usr" "$tree/etc" -type f -printf '%s\n' | awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }')
    needed=$(depends "$tree/usr/bin/acspass")
    sed -e "s/@VERSION@/$full/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@MAINTAINER@/$maintainer/" \
        -e "s/@SIZE@/$size/" -e "s/@DEPENDS@/$needed/" packaging/debian/control >"$tree/DEBIAN/control"

    find "$tree" -type d -exec chmod 755 {} +
    find "$tree" -type f ! -path '*/bin/*' ! -path '*/DEBIAN/p*' -exec chmod 644 {} +
    chmod 755 "$tree/usr/bin/acspass" "$tree"/DEBIAN/p*
    find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/acspass_${full}_$architecture.deb" >/dev/null
    printf '%s\n' "$out/acspass_${full}_$architecture.deb"
}

archive
case $target in
    *-linux-*)
        command -v dpkg-deb >/dev/null || fail "dpkg is missing, so that no .deb is built"
        deb
        ;;
esac
rm -rf "$work"
