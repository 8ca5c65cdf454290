//! Reads the facts of a host's certificate that an error message repeats.
//!
//! With the feature `identity` alone there is no X.509 parser. A message then has no issuer and no
//! times.

use crate::time::Timestamp;

/// Longest name that is repeated, in characters.
pub(super) const LONGEST_NAME: usize = 160;

/// Issuer and validity of a certificate, as far as they can be read.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Common name and organisation.
    pub(super) issuer: Option<String>,
    /// Issuer and subject are the same.
    pub(super) is_self_signed: bool,
    /// First and last moment of validity.
    pub(super) valid: Option<(Timestamp, Timestamp)>,
}

#[cfg(not(feature = "session"))]
impl Facts {
    pub(super) fn read(_certificate: &[u8]) -> Facts {
        Facts::default()
    }
}

#[cfg(feature = "session")]
impl Facts {
    pub(super) fn read(certificate: &[u8]) -> Facts {
        use x509_parser::certificate::X509Certificate;
        use x509_parser::prelude::FromDer;

        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
            return Facts::default();
        };
        let validity = certificate.validity();
        Facts {
            issuer: name(certificate.issuer()),
            is_self_signed: certificate.issuer() == certificate.subject(),
            valid: Some((
                Timestamp::from_unix_seconds(validity.not_before.timestamp()),
                Timestamp::from_unix_seconds(validity.not_after.timestamp()),
            )),
        }
    }
}

/// Common name and organisation.
#[cfg(feature = "session")]
fn name(name: &x509_parser::x509::X509Name<'_>) -> Option<String> {
    use crate::text::one_line;

    let first = |text: Option<&str>| text.map(|text| one_line(text, LONGEST_NAME));
    let common = name.iter_common_name().next();
    let organisation = name.iter_organization().next();
    match (
        first(common.and_then(|part| part.as_str().ok())),
        first(organisation.and_then(|part| part.as_str().ok())),
    ) {
        (Some(common), Some(organisation)) => Some(format!("{common} ({organisation})")),
        (common, organisation) => common.or(organisation),
    }
}
