//! The index: the search by lines finds what the reader of the whole file finds.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| acspass::fuzzing::index(data));
