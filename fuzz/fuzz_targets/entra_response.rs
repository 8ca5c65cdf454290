//! Bodies of responses of Entra ID.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| acspass::fuzzing::entra_response(data));
