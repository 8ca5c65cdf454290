//! A request to the redirect listener: its head, and the authorization response in it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| acspass::fuzzing::redirect_request(data));
