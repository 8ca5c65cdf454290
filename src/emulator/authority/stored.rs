//! The file of the development authority: key, certificate and its facts in one piece, so that they
//! never disagree.

use std::io;

use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::certificates::{Authority, Facts};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Stored {
    names: Vec<String>,
    /// In seconds of Unix time, as is `until`.
    from: i64,
    until: i64,
    certificate: String,
    key: String,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// Returns the file's content.
pub(super) fn write(authority: &Authority) -> io::Result<Zeroizing<Vec<u8>>> {
    let stored = Stored {
        names: authority.facts.names.clone(),
        from: authority.facts.from.unix_seconds(),
        until: authority.facts.until.unix_seconds(),
        certificate: authority.pem.clone(),
        key: authority.key.serialize_pem(),
    };
    Ok(Zeroizing::new(serde_json::to_vec_pretty(&stored)?))
}

/// Reads the file's content. Returns `None` if it is damaged, or if the key is not that of the
/// certificate.
pub(super) fn read(content: &[u8]) -> Option<Authority> {
    let stored: Stored = serde_json::from_slice(content).ok()?;
    let key = KeyPair::from_pem(&stored.key).ok()?;
    let certificate = CertificateDer::from_pem_slice(stored.certificate.as_bytes()).ok()?;
    let der = PrivatePkcs8KeyDer::from(key.serialized_der());
    let signing = rustls::crypto::ring::sign::any_ecdsa_type(&der.into()).ok()?;
    let pair = CertifiedKey::new(vec![certificate], signing);
    pair.keys_match().ok()?;
    Some(Authority {
        facts: Facts {
            names: stored.names.clone(),
            from: Timestamp::from_unix_seconds(stored.from),
            until: Timestamp::from_unix_seconds(stored.until),
        },
        key,
        pem: stored.certificate.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        Authority::new(now, &["localhost".to_owned()]).expect("an authority")
    }

    #[test]
    fn an_authority_is_read_as_it_was_written() {
        let before = authority();
        let after = read(&write(&before).expect("JSON")).expect("it is whole");
        assert_eq!(after.facts, before.facts);
        assert_eq!(after.pem, before.pem);
        assert_eq!(after.key.serialize_der(), before.key.serialize_der());
    }

    #[test]
    fn a_key_of_another_certificate_and_a_part_of_the_file_are_refused() {
        let mixed = Authority {
            key: authority().key,
            ..authority()
        };
        assert!(read(&write(&mixed).expect("JSON")).is_none());
        let whole = write(&authority()).expect("JSON");
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_none(), "{length}");
        }
    }
}
