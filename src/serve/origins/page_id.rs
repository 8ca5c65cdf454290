//! The key of a page: the page keeps the key, and the service its SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;

/// The parameter of a request that names the page's key.
const PARAMETER: &str = "page";
/// Bytes of a SHA-256.
const LENGTH: usize = 32;

/// The SHA-256 of a page's key. It is no secret in a way that matters: it opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) struct PageId([u8; LENGTH]);

impl PageId {
    /// Parses 43 characters of Base64url.
    pub(in crate::serve) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(PageId(bytes.try_into().ok()?))
    }

    /// Returns the page id in the query of a request, if it has exactly one.
    pub(in crate::serve) fn in_query(query: &str) -> Option<Self> {
        let mut pairs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| is_page(name));
        let (_, first) = pairs.next()?;
        match pairs.next() {
            None => PageId::parse(&first),
            Some(_) => None,
        }
    }

    /// Whether this is the page id of `key`. Takes the same time for each key of one length.
    pub(in crate::serve) fn is_of(&self, key: &[u8]) -> bool {
        Sha256::digest(key).as_slice().ct_eq(&self.0).into()
    }

    /// The text that [`PageId::parse`] reads.
    pub(in crate::serve) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Six digits that the page and the dashboard show, so that the user can compare them.
    pub(in crate::serve) fn code(&self) -> String {
        let [a, b, c, d, ..] = self.0;
        let number = u32::from_be_bytes([a, b, c, d]) % 1_000_000;
        format!("{:03} {:03}", number / 1000, number % 1000)
    }
}

/// Whether a parameter names the page's key.
pub(in crate::serve) fn is_page(name: &str) -> bool {
    name == PARAMETER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_id_is_the_hash_of_its_key_and_its_code_has_six_digits() {
        // From `printf key | openssl dgst -sha256 -binary | basenc --base64url`.
        let text = "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM";
        let id = PageId::parse(text).expect("a page id");
        assert_eq!(id.text(), text);
        assert!(id.is_of(b"key"));
        assert!(!id.is_of(b"Key") && !id.is_of(b"") && !id.is_of(text.as_bytes()));
        assert_eq!(id.code().len(), 7);
        for wrong in [
            "",
            "key",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
        ] {
            assert_eq!(PageId::parse(wrong), None, "{wrong}");
        }
        assert_eq!(PageId::in_query(&format!("a=b&page={text}")), Some(id));
        assert_eq!(PageId::in_query(&format!("page={text}&page={text}")), None);
        assert_eq!(PageId::in_query("account=ada"), None);
    }
}
