//! Seeds of the emulator, in TOML and JSON.
#![no_main]

use acspass::emulator::Seed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| drop(Seed::parse(text)));
