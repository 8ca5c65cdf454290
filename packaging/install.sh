#!/bin/sh
# Installs acspass of this archive below a folder, ~/.local by default, or removes it.
#
#   ./install.sh [FOLDER]
#   ./install.sh --remove [FOLDER]
set -eu
target=@TARGET@ glibc=@GLIBC@

fail() { echo "install.sh: $*" >&2; exit 1; }

here=$(cd "$(dirname "$0")" && pwd)
action=install
case ${1:-} in
    --remove) action=remove; shift ;;
    -*) fail "usage: ./install.sh [--remove] [FOLDER]" ;;
esac
folder=${1:-$HOME/.local}

# The files of the archive that are installed.
files() { (cd "$here" && find bin share -type f | sort); }

if [ "$action" = remove ]; then
    # What `serve --install` wrote starts this program.
    for entry in .config/systemd/user/acspass.service .config/autostart/acspass.desktop \
        Library/LaunchAgents/acspass.serve.plist; do
        ! grep -qsF -e "\"$folder/bin/acspass\"" -e "<string>$folder/bin/acspass</string>" "$HOME/$entry" ||
            "$folder/bin/acspass" serve --uninstall ||
            fail "the token service was not stopped; run \`$folder/bin/acspass serve --uninstall\`, then this again."
    done
    files | while read -r file; do rm -f "$folder/$file"; done
    rmdir "$folder/share/doc/acspass" 2>/dev/null || true
    echo "acspass is removed. Its sessions and settings stay. Delete them with:"
    case $target in
        *-apple-*) cat <<'END' ;;
  rm -rf ~/Library/Preferences/dev.acspass.acspass ~/Library/Application\ Support/dev.acspass.acspass
  security delete-generic-password -s acspass      # tokens in the Keychain; repeat it until none is left
END
        *) cat <<'END' ;;
  rm -rf ~/.local/state/acspass ~/.config/acspass
  secret-tool clear service acspass      # tokens in the keyring; package libsecret-tools
END
    esac
    exit
fi

if ! reason=$("$here/bin/acspass" version 2>&1 >/dev/null); then
    [ "$(uname -s) $(uname -m)" = "Linux ${target%%-*}" ] ||
        fail "this archive is for $target and this machine is $(uname -s) $(uname -m); download the archive for this machine."
    case $reason in
        *GLIBC_*)
            needed=$(echo "$reason" | sed -n "s/.*GLIBC_\([0-9.]*\)' not found.*/\1/p" | sort -V | tail -1)
            fail "the program needs glibc ${needed:-$glibc} or newer, which this system does not have; build it here with \`cargo install acspass\`." ;;
        *"not found"*) fail "the program needs glibc $glibc or newer, which this system does not have; build it here with \`cargo install acspass\`." ;;
    esac
    fail "the program does not start here ($reason); build it here with \`cargo install acspass\`."
fi

files | while read -r file; do
    mkdir -p "$(dirname "$folder/$file")"
    # A running program cannot be written to, but its name can get another file.
    cp "$here/$file" "$folder/$file.new"
    mv -f "$folder/$file.new" "$folder/$file"
done
echo "acspass is installed as $folder/bin/acspass."
case :$PATH: in
    *:"$folder/bin":*) ;;
    *) echo "Add $folder/bin to PATH to run it by its name." ;;
esac
for process in /proc/[0-9]*; do
    if [ "$(readlink "$process/exe" 2>/dev/null)" = "$folder/bin/acspass (deleted)" ]; then
        echo "A token service still runs the previous version; start the new one with \`systemctl --user restart acspass\`, or with \`acspass serve\` if no unit runs it."
        break
    fi
done
