#!/usr/bin/env bash
# Runs all the tests. On a bare Debian machine with a Rust toolchain it first installs what they
# need; it wants no D-Bus, display, terminal, keyring or home of yours.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

. tests/lib.sh

# --- what is needed -----------------------------------------------------------------------------
has cargo || fail "cargo is missing: install Rust (https://rustup.rs), 1.89 or newer"
cargo fmt --version >/dev/null 2>&1 || fail "rustfmt is missing: rustup component add rustfmt"
cargo clippy --version >/dev/null 2>&1 || fail "clippy is missing: rustup component add clippy"

packages=()
has cc || packages+=(gcc)
[ -e /usr/include/stdlib.h ] || packages+=(libc6-dev)
# A real Secret Service on a private bus, and two programs that look at what acspass does there.
has dbus-daemon || packages+=(dbus-daemon)
[ -e /usr/share/dbus-1/session.conf ] || packages+=(dbus-session-bus-common)
has dbus-send || packages+=(dbus-bin)
has gnome-keyring-daemon || packages+=(gnome-keyring)
has secret-tool || packages+=(libsecret-tools)
has strace || packages+=(strace)
# A login of its own, with its own kernel keyring.
has keyctl || packages+=(keyutils)
# Processes of two users, for the tests of what another user of the machine can do.
has setpriv && has unshare || packages+=(util-linux)
has timeout || packages+=(coreutils)
has mount || packages+=(mount)
# It reads the units that acspass writes, and hands sockets over to it.
has systemd-socket-activate || packages+=(systemd)
# The shell blocks of the README and the guides.
has curl || packages+=(curl)
# Addresses of other machines, in network namespaces.
has ip || packages+=(iproute2)
# It reads the autostart file that acspass writes.
has desktop-file-validate || packages+=(desktop-file-utils)
# A display, and a program that reads its clipboard.
has Xvfb || packages+=(xvfb)
has xclip || packages+=(xclip)
# A terminal of 80 columns, and what walks the emulator's pages there.
has tmux || packages+=(tmux)
# Time zones by their names.
[ -e /usr/share/zoneinfo/Asia/Kolkata ] || packages+=(tzdata)
# The shells with completion scripts, beside bash.
has zsh || packages+=(zsh)
has fish || packages+=(fish)
has python3 && [ -x /usr/bin/python3 ] || packages+=(python3)
# A database of its own for the exchange service.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)
has openssl || packages+=(openssl)
needs_conformance
needs_browser
need_packages "${packages[@]}"

# What the tracked files look like now, to be compared with how they look afterwards.
fingerprint() { git diff HEAD --no-ext-diff | cksum; }
in_git=no
if git rev-parse --verify -q HEAD >/dev/null 2>&1; then
    in_git=yes
    before=$(fingerprint)
fi

# The packages of npm and PyPI arrive while the program compiles.
mkdir -p target
{
    tests/conformance/run.sh --prepare
    tests/browser/run.sh --prepare
    tests/packages/workflows.sh --prepare
} >target/prepare.log 2>&1 &
preparation=$!
trap '[ -z "$preparation" ] || kill "$preparation" 2>/dev/null || true' EXIT

# --- the tests ----------------------------------------------------------------------------------
step "Cargo.lock names crates.io and nothing else"
if grep '^source = ' Cargo.lock | grep -v '^source = "registry+https://github.com/rust-lang/crates.io-index"$'; then
    fail "Cargo.lock names another source"
fi

step "cargo fmt --check"
cargo fmt --check

step "cargo clippy"
cargo clippy --locked --all-targets --test it -- -D warnings

step "cargo test"
cargo test --locked --lib --bins --examples --test cli --test docs --test it

# Each compiles alone. They are parts of `cli`, so that their tests ran above; only those
# of the exchange service run here.
for feature in identity emulator session serve exchange-service otlp; do
    step "the feature $feature alone"
    cargo clippy --locked --no-default-features --features "$feature" --lib --bins --examples -- -D warnings
done
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --no-default-features --features otlp
step "the tests of the exchange service, with the command and the emulator"
cargo clippy --locked --features otlp --test exchange_service -- -D warnings
cargo test --locked --features otlp --test exchange_service
cargo test --locked --features otlp --lib exchange_service
step "the number of crates"
# What a user compiles. A new dependency has to earn its place.
for limit in identity=119 cli=314 exchange-service=220 otlp=239; do
    count=$(cargo tree --locked --no-default-features --features "${limit%=*}" -e normal,build --prefix none |
        awk '{ print $1, $2 }' | sort -u | wc -l)
    echo "${limit%=*}: $count crates"
    [ "$count" -le "${limit#*=}" ] || fail "the feature ${limit%=*} needs $count crates; the limit is ${limit#*=}"
done

step "the packages of npm and PyPI"
wait "$preparation" || { cat target/prepare.log; fail "what the suites need could not be installed"; }
preparation=

step "the official SDKs against the emulator"
tests/conformance/run.sh

step "the pages in a real browser"
tests/browser/run.sh

step "the screens of a real terminal"
tests/terminal/run.sh

step "cargo test --doc"
cargo test --locked --doc

step "cargo doc"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

step "the workflows"
tests/packages/workflows.sh

step "the dependencies"
tests/packages/supply_chain.sh

if [ $in_git = yes ]; then
    step "the tracked files are as they were"
    if [ "$(fingerprint)" != "$before" ]; then
        git status --short --untracked-files=no
        fail "the run changed tracked files"
    fi
else
    step "whether tracked files changed was not checked: this is not a git clone"
fi

step "all green"
