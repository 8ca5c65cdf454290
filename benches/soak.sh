#!/usr/bin/env bash
# A month of tokens in a minute or two: the token service, the emulator behind it and its callers in
# one process, over real sockets, on clocks that go on by 20 seconds once every caller has its
# answer. Every answer must hold a token with more than ten minutes left, and memory must stay
# within 5% of what it was after four hours, on the first day and on all thirty.
#
# One such day, and one with outages and wrong clocks, are part of every run of the tests.
#
#   benches/soak.sh
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo test --locked --test it -- --ignored --nocapture serve::soak
