//! The address or code that a user pastes, after an earlier text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| acspass::fuzzing::pasted_text(texts.0, texts.1));
