//! The values of a page's key: the page keeps the key, the service its hash, and requests name the hash
//! of that hash.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::form_urlencoded;

/// The parameter of a request that asks for approval. Its value is the verifier.
const ASK: &str = "ask";
/// The parameter of a request of an approved page. Its value is the page id.
const PAGE: &str = "page";
/// Bytes of a SHA-256.
const LENGTH: usize = 32;
/// The digits of a code, without letters that look like a digit.
const DIGITS: [char; 32] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J',
    'K', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'V', 'W', 'X', 'Y', 'Z',
];
/// Digits of a code.
const CODE_LENGTH: usize = 8;

/// The SHA-256 of a page's key. The service proves to the page that it knows this value. The page sends
/// it only while it asks for approval.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) struct Verifier([u8; LENGTH]);

impl Verifier {
    /// Parses 43 characters of Base64url.
    pub(in crate::serve) fn parse(text: &str) -> Option<Self> {
        decode(text).map(Verifier)
    }

    /// Returns the verifier in the query of a request, if it has exactly one.
    pub(in crate::serve) fn in_query(query: &str) -> Option<Self> {
        single(query, ASK).map(Verifier)
    }

    /// The page id, which shows nothing of this value.
    pub(in crate::serve) fn id(&self) -> PageId {
        PageId(Sha256::digest(self.0).into())
    }

    /// Whether this is the verifier of `key`. Takes the same time for each key of one length.
    pub(in crate::serve) fn is_of(&self, key: &[u8]) -> bool {
        Sha256::digest(key).as_slice().ct_eq(&self.0).into()
    }

    /// The text that [`Verifier::parse`] reads.
    pub(in crate::serve) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Eight characters that the page and the dashboard show, so that the user can compare them.
    pub(in crate::serve) fn code(&self) -> String {
        let [a, b, c, d, e, ..] = self.0;
        let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        let digit = |index: usize| {
            let value = bits >> (5 * (CODE_LENGTH - 1 - index));
            DIGITS.into_iter().cycle().nth((value % 32) as usize)
        };
        let code: String = (0..CODE_LENGTH).filter_map(digit).collect();
        let (first, second) = code.split_at(CODE_LENGTH / 2);
        format!("{first} {second}")
    }
}

/// The SHA-256 of a verifier. It opens nothing and proves nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) struct PageId([u8; LENGTH]);

impl PageId {
    /// Returns the page id in the query of a request, if it has exactly one.
    pub(in crate::serve) fn in_query(query: &str) -> Option<Self> {
        single(query, PAGE).map(PageId)
    }
}

/// Whether a parameter is the page id.
pub(in crate::serve) fn is_page(name: &str) -> bool {
    name == PAGE
}

/// Whether a query names an approved page.
pub(in crate::serve) fn has_page(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_page(&name))
}

fn single(query: &str, parameter: &str) -> Option<[u8; LENGTH]> {
    let mut pairs =
        form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| *name == *parameter);
    let (_, first) = pairs.next()?;
    match pairs.next() {
        None => decode(&first),
        Some(_) => None,
    }
}

fn decode(text: &str) -> Option<[u8; LENGTH]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifier_is_the_hash_of_its_key_and_its_id_the_hash_of_that() {
        // From `printf key | openssl dgst -sha256 -binary | basenc --base64url`, and the same again.
        let text = "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM";
        let verifier = Verifier::parse(text).expect("a verifier");
        assert_eq!(verifier.text(), text);
        assert!(verifier.is_of(b"key"));
        assert!(!verifier.is_of(b"Key") && !verifier.is_of(b""));
        assert!(!verifier.is_of(text.as_bytes()));
        // From `… -binary | openssl dgst -sha256 -binary | basenc --base64url`.
        let id = PageId::in_query("page=13WAqxwaKpiXuA46gkEAsWgqG9vW1zaUl55-FjXLdg0");
        assert!(id == Some(verifier.id()));
        assert_eq!(verifier.code(), "5HRE 2AVT");
        for wrong in [
            "",
            "key",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
        ] {
            assert!(Verifier::parse(wrong).is_none(), "{wrong}");
        }
        assert!(Verifier::in_query(&format!("a=b&ask={text}")) == Some(verifier));
        for other in [
            &format!("ask={text}&ask={text}"),
            &format!("page={text}"),
            "account=ada",
        ] {
            assert!(Verifier::in_query(other).is_none(), "{other}");
        }
        assert!(has_page("a=b&page=") && !has_page("ask=page"));
    }
}
