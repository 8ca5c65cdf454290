//! The form of a sealed file.
//!
//! ```text
//! acspass sealed 1\n
//! <how the key is made>\n
//! <the item's name>\n
//! <32 random bytes><ciphertext and tag>
//! ```
//!
//! Each write derives a new key from the file's key and the 32 random bytes, so no nonce is used
//! twice with one key. The clear text is authenticated too: an item with another name, or other
//! key parameters, does not open.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::Prk;
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, Result};
use crate::secret::SecretBytes;

/// The start of the first line, before the version.
pub(super) const MAGIC_WORDS: &str = "acspass sealed ";
/// The first line of a sealed file.
pub(super) const MAGIC: &str = "acspass sealed 1\n";
const SALT: usize = 32;

/// The parts of a sealed file, which is not decrypted yet.
pub(super) struct Sealed<'a> {
    /// The parameters of the key.
    pub(super) kdf: &'a str,
    /// The item's name.
    pub(super) item: &'a str,
    /// The clear text.
    head: &'a [u8],
    salt: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> Sealed<'a> {
    /// Splits a file into its parts; `None` if it is not in this format.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let lines = bytes.strip_prefix(MAGIC.as_bytes())?;
        let mut lines = lines.splitn(3, |byte| *byte == b'\n');
        let kdf = std::str::from_utf8(lines.next()?).ok()?;
        let item = std::str::from_utf8(lines.next()?).ok()?;
        let body = lines.next()?;
        let (salt, ciphertext) = body.split_at_checked(SALT)?;
        Some(Sealed {
            kdf,
            item,
            head: &bytes[..bytes.len() - ciphertext.len()],
            salt,
            ciphertext,
        })
    }

    /// Decrypts the item; `None` if it was not sealed with this key, or was changed.
    pub(super) fn open(&self, key: &Prk) -> Option<SecretBytes> {
        let key = derive(key, self.salt).ok()?;
        let mut bytes = self.ciphertext.to_vec();
        let aad = Aad::from(self.head);
        let length = key.open_in_place(nonce(), aad, &mut bytes).ok()?.len();
        bytes.truncate(length);
        Some(SecretBytes::new(bytes))
    }
}

/// Seals an item.
pub(super) fn seal(item: &str, kdf: &str, key: &Prk, value: &SecretBytes) -> Result<Vec<u8>> {
    let mut salt = [0; SALT];
    SystemRandom::new().fill(&mut salt).map_err(failed)?;
    let mut file = format!("{MAGIC}{kdf}\n{item}\n").into_bytes();
    file.extend(salt);
    let mut body = value.expose().to_vec();
    derive(key, &salt)
        .and_then(|key| key.seal_in_place_append_tag(nonce(), Aad::from(&file), &mut body))
        .map_err(failed)?;
    file.append(&mut body);
    Ok(file)
}

/// Derives the key of one write.
fn derive(key: &Prk, salt: &[u8]) -> Result<LessSafeKey, ring::error::Unspecified> {
    let info = [b"acspass item", salt];
    let key = key.expand(&info, &CHACHA20_POLY1305)?;
    Ok(LessSafeKey::new(UnboundKey::from(key)))
}

/// Returns the nonce. Each key is used once, so the nonce is constant.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn failed(_: ring::error::Unspecified) -> Error {
    Error::internal("an item could not be encrypted")
}
