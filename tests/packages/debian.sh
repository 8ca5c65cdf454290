#!/usr/bin/env bash
# Builds the .deb, checks it with lintian, and uses it in a bare Debian that boots in a container with
# a systemd of its own: tests/packages/machine.sh. Then the archive and the .deb, on a Debian with an older C
# library and without systemd.
# Beside CI's tests/run.sh, because it needs root, and builds a release.
#
#   tests/packages/debian.sh                   with a release build
#   tests/packages/debian.sh --program FILE    with this program, of packaging/compile.sh
#
# Nothing is written outside target/packages. The machine has no network.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lib.sh

[ "$(id -u)" = 0 ] || fail "run this as root: it boots a Debian"
packages=()
has debootstrap || packages+=(debootstrap)
has lintian || packages+=(lintian)
has readelf || packages+=(binutils)
has systemd-nspawn || packages+=(systemd-container)
has python3 || packages+=(python3)
has curl || packages+=(curl)
need_packages "${packages[@]}"

work=$(realpath -m "${CARGO_TARGET_DIR:-target}")/packages
mkdir -p "$work/test"

#   debian NAME SUITE PACKAGES     makes a root once
debian() {
    [ ! -e "$work/$1.done" ] || return 0
    rm -rf "${work:?}/$1"
    debootstrap --variant=minbase ${3:+--include="$3"} "$2" "$work/$1" http://deb.debian.org/debian \
        >"$work/$1.log" || fail "see $work/$1.log"
    touch "$work/$1.done"
}

step "two revisions of the package"
if [ "${1:-}" = --program ]; then program=$2; else program=$(packaging/compile.sh); fi
packaging/build.sh --program "$program" --revision 2 | tee "$work/second"
packaging/build.sh --program "$program" | tee "$work/first"
cp "$(grep 'deb$' "$work/second")" "$work/test/second.deb"
cp "$(grep 'deb$' "$work/first")" "$work/test/first.deb"
rm "$(grep 'deb$' "$work/second")"
other=arm64
[ "$(dpkg --print-architecture)" != arm64 ] || other=amd64
rm -rf "$work/foreign"
dpkg-deb -R "$work/test/first.deb" "$work/foreign"
sed -i "s/^Architecture: .*/Architecture: $other/" "$work/foreign/DEBIAN/control"
dpkg-deb -Znone --build "$work/foreign" "$work/test/foreign.deb" >/dev/null
rm -r "$work/foreign"

step "lintian"
lintian --allow-root --fail-on error,warning "$work/test/first.deb"
echo "lintian: no error, no warning"

step "a bare Debian boots"
debian root bookworm systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,procps,python3
rm -rf "$work/machine"
cp -a "$work/root" "$work/machine"
machine=$work/machine
chroot "$machine" useradd -m -s /bin/bash eva
mkdir -p "$machine/var/lib/systemd/linger" "$machine/test"
touch "$machine/var/lib/systemd/linger/eva"
: >"$machine/etc/machine-id"
# An installed Debian has this file.
printf "127.0.0.1 localhost\n::1 localhost\n" >"$machine/etc/hosts"
cp "$work"/test/*.deb tests/packages/machine.sh tests/packages/browser.py "$machine/test/"
cat >"$machine/etc/systemd/system/test.service" <<'UNIT'
[Unit]
After=multi-user.target user@1000.service
[Service]
Type=oneshot
StandardOutput=file:/test/log
StandardError=inherit
ExecStart=/test/machine.sh
ExecStopPost=/bin/sh -c 'echo $EXIT_STATUS >/test/status; systemctl poweroff --no-block'
[Install]
WantedBy=multi-user.target
UNIT
ln -s /etc/systemd/system/test.service "$machine/etc/systemd/system/multi-user.target.wants/"
timeout 600 systemd-nspawn -q -D "$machine" --boot --register=no --keep-unit --private-network \
    --machine acspass-test >"$work/boot.log" 2>&1 </dev/null || true
cat "$machine/test/log"
[ "$(cat "$machine/test/status" 2>/dev/null)" = 0 ] || fail "the test in the machine failed; $work/boot.log has its console"
rm -rf "$machine"

archive=$(grep 'gz$' "$work/first")
rm -rf "${work:?}/unpacked" "${work:?}/home"
mkdir "$work/unpacked" "$work/home"
tar -xzf "$archive" -C "$work/unpacked" --strip-components=1

step "the archive over a running service"
in_home() { env -i HOME="$work/home" PATH="$work/home/.local/bin:/usr/bin:/bin" "$@"; }
in_home "$work/unpacked/install.sh"
(exec env -i HOME="$work/home" "$work/home/.local/bin/acspass" serve --emulator --port 0 -o json \
    >"$work/home/served" 2>"$work/home/log") &
service=$!
trap 'kill "$service" 2>/dev/null || true' EXIT
for _ in $(seq 200); do [ ! -s "$work/home/served" ] || break; sleep 0.1; done
url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/home/served")
[ -n "$url" ] || { cat "$work/home/log"; fail "the service did not start"; }
in_home "$work/unpacked/install.sh" | tee "$work/home/said"
grep -q "still runs the previous version; start the new one with" "$work/home/said" || fail "the next step is not named"
curl -s -o "$work/home/page" "$url/" || fail "the service was interrupted"
kill "$service"
in_home "$work/unpacked/install.sh" --remove
[ -z "$(find "$work/home/.local" -type f -name '*acspass*' ! -path '*/state/*')" ] || fail "files are left"

step "a Debian with an older C library, without systemd"
debian old bullseye ''
rm -rf "$work/old/archive"
cp -r "$work/unpacked" "$work/old/archive"
# /proc is there for the command alone.
in_old() {
    unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i HOME=/root \
        PATH=/root/.local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' "$work/old" "$@"
}
#   refused TEXT COMMAND...    the command must fail there, with this text
refused() {
    local text=$1
    shift
    if in_old "$@" >"$work/refused" 2>&1; then fail "no error: $*"; fi
    grep -F "$text" "$work/refused" || { cat "$work/refused"; fail "no \`$text\` in the output of: $*"; }
}
in_old ldd --version | sed -n 1p
in_old /archive/install.sh
in_old acspass get --emulator | in_old acspass inspect | sed -n 1,3p
# Settings that a service can start with.
for setting in "client-id 11111111-2222-3333-4444-555555555555" "exchange entra" \
    "endpoint https://contoso.communication.azure.com"; do
    # shellcheck disable=SC2086 # two words
    in_old acspass config set $setting
done
refused "\`systemctl\` was not found" acspass serve --install
grep -A2 "Run \`acspass serve\`" "$work/refused"
in_old /archive/install.sh --remove
cp "$work/test/first.deb" "$work/old/"
in_old apt-get install -qq -y --no-install-recommends /first.deb
in_old /usr/bin/acspass version
in_old apt-get purge -qq -y acspass
[ -z "$(find "$work/old/usr" "$work/old/etc" -name '*acspass*')" ] || fail "files are left"

step "a program for a newer C library, and for another processor"
# Of this machine: one that bullseye's C library is too old for.
cp /bin/true "$work/old/archive/bin/acspass"
refused "the program needs glibc" /archive/install.sh
rm -rf "$work/newer"
dpkg-deb -R "$work/test/first.deb" "$work/newer"
sed -i 's/libc6 (>= [0-9.]*)/libc6 (>= 2.99)/' "$work/newer/DEBIAN/control"
dpkg-deb -Znone --build "$work/newer" "$work/old/newer.deb" >/dev/null
rm -r "$work/newer"
refused "Depends: libc6 (>= 2.99) but" apt-get install -y /newer.deb
echo 'no program of this machine' >"$work/old/archive/bin/acspass"
sed -i 's/^target=[^ ]*/target=riscv64-unknown-linux-gnu/' "$work/old/archive/install.sh"
refused "this archive is for riscv64-unknown-linux-gnu" /archive/install.sh
[ -z "$(find "$work/old/root/.local" "$work/old/usr" -type f -name '*acspass*' ! -path '*/state/*')" ] || fail "files are left"

step "all green"
