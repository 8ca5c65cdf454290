//! The item of a session. A record that is read is written as the same record.
#![no_main]

use acspass::secret::SecretBytes;
use acspass::store::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(record) = Record::from_bytes(&SecretBytes::new(data.to_vec())) {
        let written = record.to_bytes().expect("written");
        assert_eq!(Record::from_bytes(&written).expect("read again"), record);
    }
});
