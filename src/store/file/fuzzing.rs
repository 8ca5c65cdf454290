//! The entry point of a fuzz target: see `crate::fuzzing`.

use ring::hkdf::{HKDF_SHA256, Salt};

use super::format::{MAGIC_WORDS, Sealed, seal};
use crate::secret::SecretBytes;

/// Reads a sealed file. No change of a sealed file opens.
pub(crate) fn sealed_file(bytes: &[u8]) {
    let key = Salt::new(HKDF_SHA256, b"salt").extract(b"the key");
    if let Some(sealed) = Sealed::read(bytes) {
        assert!(bytes.starts_with(MAGIC_WORDS.as_bytes()));
        assert!(
            sealed.open(&key).is_none(),
            "bytes that were not sealed open"
        );
    }
    let Some((at, value)) = bytes.split_first() else {
        return;
    };
    let value = SecretBytes::new(value.to_vec());
    let Ok(mut file) = seal("item", "{}", &key, &value) else {
        return;
    };
    let open = |file: &[u8]| Sealed::read(file).and_then(|sealed| sealed.open(&key));
    assert_eq!(open(&file), Some(value));
    let changed = usize::from(*at) * 257 % file.len();
    file[changed] ^= 1;
    assert_eq!(open(&file), None, "a changed file opens");
}
