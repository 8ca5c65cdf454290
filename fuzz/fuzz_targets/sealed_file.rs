//! A sealed file, and an exported session.
#![no_main]

use acspass::session::PortableSession;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = PortableSession::check_form(data);
    acspass::fuzzing::sealed_file(data);
});
