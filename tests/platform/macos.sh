#!/usr/bin/env bash
# The keychain and a launch agent, on a Mac: the parts of the program that other systems cannot run. CI runs
# it on GitHub's Macs, as a user with a session and an unlocked login keychain.
set -euo pipefail
cd "$(dirname "$0")/../.."
fail() { printf 'tests/platform/macos.sh: %s\n' "$*" >&2; exit 1; }

cargo build --locked
acspass=$PWD/target/debug/acspass
home=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$home"' EXIT
export ACSPASS_STATE_DIR=$home/state ACSPASS_CONFIG_DIR=$home/config
export ACSPASS_STORE=keyring

echo "==> the keychain"
"$acspass" login --emulator
"$acspass" status --emulator | grep -q 'ada@contoso.example' || fail "the session is not in the keychain"
security find-generic-password -s acspass >/dev/null || fail "the keychain has no item of acspass"
"$acspass" logout --emulator --all
! security find-generic-password -s acspass >/dev/null 2>&1 || fail "an item is left in the keychain"

echo "==> a launch agent"
"$acspass" emulator >"$home/emulator" &
for _ in $(seq 100); do ! "$acspass" emulator healthcheck 2>/dev/null || break; sleep 0.1; done
eval "$("$acspass" emulator env)"
"$acspass" config set tenant "$ACSPASS_TENANT_ID"
"$acspass" config set client-id "$ACSPASS_CLIENT_ID"
"$acspass" config set authority-host "$AZURE_AUTHORITY_HOST"
"$acspass" config set store keyring
printf %s "$COMMUNICATION_SERVICES_CONNECTION_STRING" | "$acspass" config set connection-string
unset ACSPASS_TENANT_ID ACSPASS_CLIENT_ID AZURE_AUTHORITY_HOST COMMUNICATION_SERVICES_CONNECTION_STRING ACSPASS_STORE
"$acspass" serve --install
for _ in $(seq 100); do ! "$acspass" serve --status >/dev/null 2>&1 || break; sleep 0.1; done
"$acspass" serve --status
launchctl list | grep acspass || fail "launchd does not know the agent"
"$acspass" serve --uninstall
! launchctl list | grep acspass || fail "the agent is left"
"$acspass" config unset connection-string
echo "1 passed, 0 failed"
