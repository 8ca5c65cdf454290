#!/usr/bin/env bash
# Two days of tokens in four minutes: the token service, the emulator behind it and four callers on
# a clock that runs 720 times as fast. Every answer must hold a token with more than ten minutes
# left, memory must stay within 5% of what it was after four hours, and through outages and wrong
# clocks the old token must be served as long as it lives, and a new one as soon as there is one.
#
#   benches/soak.sh
#
# A machine that is busy with other things may make it red: five minutes of a token's life are 0.4
# seconds here.
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo test --locked --test it -- --ignored --nocapture --test-threads=1 serve::soak
