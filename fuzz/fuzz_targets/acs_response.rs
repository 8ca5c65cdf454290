//! Bodies of responses of ACS and of Microsoft Graph.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| acspass::fuzzing::acs_response(data));
