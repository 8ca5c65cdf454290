# shellcheck shell=sh disable=SC2034
# What a release is built with, beside requirements.txt. Other versions build it too, with other bytes.
# Sourced.
rust=1.95.0
cargo_auditable=0.7.7
cargo_cyclonedx=0.5.9
maturin=1.16.0
# The oldest C library of Linux that the program runs with.
glibc=2.17
