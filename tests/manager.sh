#!/usr/bin/env bash
# The token service under a real systemd user manager, started for this test in a namespace of its
# own. It is beside tests/run.sh, because it needs user namespaces and a cgroup that may be written
# to: a desktop has both, many a container has not.
set -euo pipefail
cd "$(dirname "$0")/.."

for program in systemctl unshare dbus-daemon gnome-keyring-daemon; do
    command -v "$program" >/dev/null ||
        { printf 'tests/manager.sh: %s is missing\n' "$program" >&2; exit 1; }
done
unshare --map-root-user --mount true ||
    { printf 'tests/manager.sh: user namespaces are not allowed here\n' >&2; exit 1; }
cargo test --locked --test it -- --ignored --exact \
    systemd::manager::it_runs_by_itself_with_a_real_manager_and_keyring
