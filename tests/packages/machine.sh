#!/bin/bash
# The test of the .deb, inside a booted Debian that has nothing else: run as root by tests/packages/debian.sh.
# /test has first.deb, second.deb (a later revision), foreign.deb (another processor) and browser.py.
set -euo pipefail

fail() { printf "FAILED: %s\n" "$*"; journalctl -q --no-pager -n 30 -t acspass -t systemd; exit 1; }
step() { printf '\n==> %s\n' "$*"; }
quiet_apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -y --no-install-recommends "$@" 2>&1 | sed -e "/^debconf: /d" -e "/^(Reading database/d"; }

#   eva COMMAND...         as a new user with a session, and the settings of ~/settings if it has them
eva() {
    runuser -u eva -- env -i HOME=/home/eva USER=eva LANG=C.UTF-8 PATH=/usr/bin:/bin \
        XDG_RUNTIME_DIR=/run/user/1000 bash -c 'cd; [ ! -e settings ] || . ./settings; "$@"' bash "$@"
}

#   until_true COMMAND...  waits for a condition, at most 20 s
until_true() {
    for _ in $(seq 200); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    fail "timed out: $*"
}

#   refused CODE TEXT COMMAND...   the command must fail so, with this text
refused() {
    local code=$1 text=$2 output found=0
    shift 2
    output=$("$@" 2>&1) || found=$?
    printf '%s\n' "$output"
    [ "$found" = "$code" ] || fail "exit code $found, not $code: $*"
    [[ $output == *"$text"* ]] || fail "no \`$text\` in the output of: $*"
}

#   left FOLDERS...        files of acspass there, without documents of users
left() { find "$@" -xdev -name '*acspass*' ! -path '/var/log/*' ! -path '/etc/default/acspass' 2>/dev/null; }

signed_in() { [[ $(eva acspass status 2>&1) == *ada@contoso.example* ]] || fail "the session is lost"; }
# The first bytes of each token; the rest is a secret.
token() { [[ $(eva acspass get --no-interactive) == eyJ* ]] || fail "no token"; echo "acspass get: a token"; }

until_true test -S /run/user/1000/bus

step "a package for another processor"
refused 100 "" quiet_apt install /test/foreign.deb
refused 1 "does not match system" dpkg -i /test/foreign.deb
[ ! -e /usr/bin/acspass ] || fail "it was installed"
dpkg --purge acspass:arm64 >/dev/null 2>&1 || true

step "apt install"
quiet_apt install /test/first.deb
dpkg -s acspass | sed -n 's/^\(Version\|Status\|Depends\): /&/p'
dpkg --verify acspass
for file in /usr/share/man/man1/acspass-get.1.gz /usr/share/applications/acspass.desktop \
    /usr/share/icons/hicolor/scalable/apps/acspass.svg /usr/share/zsh/vendor-completions/_acspass \
    /usr/share/fish/vendor_completions.d/acspass.fish /usr/lib/systemd/user/acspass.service; do
    [ -e "$file" ] || fail "$file is missing"
done
bash -c '. /usr/share/bash-completion/completions/acspass && complete -p acspass'
eva systemd-analyze --user --man=no verify acspass.service acspass.socket

step "a new user: no setting, then no keyring"
refused 2 "no client id" eva acspass get --no-interactive
eva sh -c 'acspass get --emulator | acspass inspect' | sed -n 1,3p
eva systemd-run --user --quiet --unit=emulator acspass emulator
until_true eva acspass emulator healthcheck
eva bash -c 'acspass emulator env >settings; echo "export BROWSER=/test/browser.py" >>settings'
refused 7 "keyring" eva acspass login

step "sign-in on the emulator"
eva bash -c '(umask 077; head -c 32 /dev/urandom >key)
    acspass config set tenant "$ACSPASS_TENANT_ID" && acspass config set client-id "$ACSPASS_CLIENT_ID"
    acspass config set authority-host "$AZURE_AUTHORITY_HOST" && acspass config set store file
    sed -i -E "/ACSPASS_(TENANT|CLIENT)_ID=|AZURE_AUTHORITY_HOST=/d" settings; echo "export ACSPASS_STORE_KEY_FILE=$HOME/key" >>settings'
eva bash -c 'printf %s "$COMMUNICATION_SERVICES_CONNECTION_STRING" | acspass config set connection-string
    sed -i "/COMMUNICATION_SERVICES_CONNECTION_STRING=/d" settings'
eva acspass login
token

step "serve --install under systemd --user"
eva acspass serve --install
[ "$(eva systemctl --user is-active acspass.service acspass.socket)" = $'active\nactive' ] || fail "it is not active"
eva acspass serve --status
eva acspass exec -- sh -c 'test -n "$ACSPASS_SERVE_URL" && echo "an app finds the service"'

step "apt install of a later version, over the running service"
before=$(eva systemctl --user show --property=MainPID --value acspass.service)
quiet_apt install /test/second.deb | tee /tmp/upgrade
grep -q "still runs the previous version" /tmp/upgrade || fail "the upgrade does not name the next step"
[ "$(eva systemctl --user show --property=MainPID --value acspass.service)" = "$before" ] || fail "the service was interrupted"
signed_in
token
eva systemctl --user restart acspass
eva acspass serve --status | sed -n 1p

step "the package's own unit, with its configuration"
eva acspass serve --uninstall
eva bash -c 'sed -n "s/^export \(SSL_CERT_FILE\|ACSPASS_EMULATOR_URL\|ACSPASS_STORE_KEY_FILE\)=/\1=/p" settings' |
    tr -d "'" >>/etc/default/acspass
eva systemctl --user enable --now acspass
[ "$(eva systemctl --user is-active acspass)" = active ] || fail "the unit does not start"
eva acspass serve --status | grep -E "Service|systemd"
eva acspass serve --uninstall
[ "$(eva systemctl --user is-active acspass)" != active ] || fail "serve --uninstall does not stop the unit"
eva systemctl --user enable --now acspass

step "apt remove, with the service running"
quiet_apt remove acspass | tee /tmp/remove
grep -q "rm -rf ~/.local/state/acspass ~/.config/acspass" /tmp/remove || fail "the removal does not say how to delete the data"
! pgrep -x acspass -a | grep ' serve' || fail "the service still runs"
[ -z "$(left /usr /etc /var/lib/systemd /home/eva/.config/systemd)" ] || fail "left: $(left /usr /etc /home/eva/.config/systemd)"
[ -e /etc/default/acspass ] || fail "the configuration is gone before the purge"
[ -e /home/eva/.config/acspass/config.toml ] && [ -d /home/eva/.local/state/acspass/sealed ] || fail "data of the user is lost"

step "installed again: the session is there"
quiet_apt install /test/second.deb >/dev/null
signed_in
eva systemctl --user stop emulator
eva systemd-run --user --quiet --unit=emulator2 acspass emulator
until_true eva acspass emulator healthcheck
eva acspass serve --install >/dev/null
[ "$(eva systemctl --user is-active acspass.service)" = active ] || fail "it is not active"

step "apt purge, with a unit of serve --install"
eva systemctl --user stop emulator2
quiet_apt purge acspass
[ -z "$(left /usr /etc /var/lib/systemd /home/eva/.config/systemd)" ] || fail "left: $(left /usr /etc /home/eva/.config/systemd)"
[ ! -e /etc/default/acspass ] || fail "the configuration is left"
! dpkg -s acspass >/dev/null 2>&1 || fail "dpkg still knows it"
[ -e /home/eva/.config/acspass/config.toml ] && [ -d /home/eva/.local/state/acspass/sealed ] || fail "data of the user is lost"

step "the commands that the removal printed"
eva sh -c 'rm -rf ~/.local/state/acspass ~/.config/acspass'
[ -z "$(left /home/eva)" ] || fail "left: $(left /home/eva)"
printf '\n1 passed, 0 failed\n'
