//! A certificate that is not accepted, and what a message says about it.

use std::error::Error as StdError;
use std::{fmt, io};

use rustls::{CertificateError, OtherError};

use crate::text::{as_sentence, one_line};
use crate::time::Timestamp;

/// Names of a certificate that are repeated in an error; further ones are counted.
const MAX_NAMES: usize = 5;
/// The start of the name of an emulator's authority.
const EMULATOR: &str = "acspass emulator";
/// Longest name that is repeated, in characters.
pub(super) const MAX_NAME_LENGTH: usize = 160;

/// What a message repeats of a certificate, as far as it can be read. With the feature `identity`
/// alone there is no X.509 parser.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Common name and organisation.
    pub(super) issuer: Option<String>,
    /// Issuer and subject are the same.
    is_self_signed: bool,
    /// First and last moment of validity: "valid from … to …".
    valid: Option<String>,
}

impl Facts {
    #[cfg(not(feature = "session"))]
    pub(super) fn read(_certificate: &[u8]) -> Facts {
        Facts::default()
    }

    #[cfg(feature = "session")]
    pub(super) fn read(certificate: &[u8]) -> Facts {
        use x509_parser::certificate::X509Certificate;
        use x509_parser::prelude::FromDer;
        use x509_parser::x509::AttributeTypeAndValue;

        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
            return Facts::default();
        };
        let (issuer, validity) = (certificate.issuer(), certificate.validity());
        let text = |part: Option<&AttributeTypeAndValue<'_>>| {
            Some(one_line(part?.as_str().ok()?, MAX_NAME_LENGTH))
        };
        let common = text(issuer.iter_common_name().next());
        let organisation = text(issuer.iter_organization().next());
        Facts {
            issuer: match (common, organisation) {
                (Some(common), Some(organisation)) => Some(format!("{common} ({organisation})")),
                (common, organisation) => common.or(organisation),
            },
            is_self_signed: issuer == certificate.subject(),
            valid: Some(format!(
                "valid from {} to {}",
                Timestamp::from_unix_seconds(validity.not_before.timestamp()),
                Timestamp::from_unix_seconds(validity.not_after.timestamp())
            )),
        }
    }
}

/// A certificate that is not accepted, and why.
#[derive(Debug, Clone)]
pub(in crate::http) struct Distrust {
    pub(super) fault: CertificateError,
    /// The text of the platform's verifier.
    pub(super) detail: String,
    pub(super) facts: Facts,
    /// This machine's time at the check.
    pub(super) now: Timestamp,
    pub(super) has_intermediates: bool,
    pub(super) named_by: Vec<&'static str>,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the verifier refused the certificate: {}", self.detail)
    }
}

impl StdError for Distrust {}

impl Distrust {
    /// Finds the refusal in the chain of an error. I/O errors have it outside the chain.
    pub(in crate::http) fn find<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Distrust> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) =
                error.downcast_ref()
            {
                return other.0.downcast_ref();
            }
            let inner = error.downcast_ref().and_then(io::Error::get_ref);
            if let Some(found) = inner.and_then(|inner| Distrust::find(inner)) {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Returns the error message and the hint for the fault of the certificate of `host`.
    pub(in crate::http) fn explain(&self, host: &str) -> (String, String) {
        use CertificateError as Fault;

        let Facts { issuer, valid, .. } = &self.facts;
        let files = self.named_by.join(", ");
        let clock = format!("this machine's clock shows {}", self.now);
        let renew = format!("the operator of {host} must replace it");
        let own = "if the certificate is yours, set ACSPASS_CA_FILE to its PEM file";
        let (is_what, hint) = match &self.fault {
            Fault::Expired | Fault::ExpiredContext { .. } => (
                match valid {
                    Some(valid) => format!("was {valid} and has expired; {clock}"),
                    None => format!("has expired; {clock}"),
                },
                format!(
                    "if this machine's clock is wrong, set it (in WSL: `sudo hwclock -s`). \
                     Otherwise {renew}"
                ),
            ),
            Fault::NotValidYet | Fault::NotValidYetContext { .. } => (
                match valid {
                    Some(valid) => format!("is {valid} and not valid yet; {clock}"),
                    None => format!("is not valid yet; {clock}"),
                },
                "set this machine's clock, for instance by network time (in WSL: `sudo hwclock -s`)"
                    .to_owned(),
            ),
            Fault::NotValidForName | Fault::NotValidForNameContext { .. } => (
                self.other_names(),
                format!(
                    "check the spelling of the address. If it is right, another server or a proxy \
                     responds in place of {host}"
                ),
            ),
            Fault::UnknownIssuer if self.facts.is_self_signed => (
                "is self-signed and is not trusted".to_owned(),
                match files.as_str() {
                    "" => own.to_owned(),
                    files => format!("{own}. {files} does not contain it"),
                },
            ),
            Fault::UnknownIssuer => (
                match issuer {
                    Some(issuer) => format!("is not trusted: it was issued by {issuer}"),
                    None => "is not trusted".to_owned(),
                },
                match issuer {
                    Some(issuer) if issuer.starts_with(EMULATOR) => of_emulator(),
                    _ => self.missing_authority(&files),
                },
            ),
            // An authority with the issuer's name is trusted, with another key.
            Fault::BadSignature => (
                format!(
                    "is not trusted: the trusted authority {} has another key",
                    issuer.as_deref().unwrap_or("of the same name")
                ),
                match issuer {
                    Some(issuer) if issuer.starts_with(EMULATOR) => of_emulator(),
                    _ => "set ACSPASS_CA_FILE to the current certificate (PEM) of the authority, which \
                          may have a new key"
                        .to_owned(),
                },
            ),
            fault if is_of_authority(fault) => (
                "belongs to a certificate authority, not to a host".to_owned(),
                format!("{own}. Otherwise {renew}"),
            ),
            Fault::Revoked => ("has been revoked by its issuer".to_owned(), renew),
            fault if is_of_purpose(fault) => ("is not meant for a server".to_owned(), renew),
            fault => {
                let why = match fault {
                    Fault::Other(other) => other.0.to_string(),
                    fault => fault.to_string(),
                };
                let why = one_line(&why, MAX_NAME_LENGTH);
                (format!("is not accepted: {why}"), renew)
            }
        };
        (
            format!("the certificate of {host} {is_what}"),
            as_sentence(&hint),
        )
    }

    fn missing_authority(&self, files: &str) -> String {
        let intermediates = match self.has_intermediates {
            true => "",
            false => ", or let the server send its intermediate certificates",
        };
        match files.is_empty() {
            true => {
                "if a proxy inspects TLS, set ACSPASS_CA_FILE to the PEM file of its CA certificate"
                    .to_owned()
            }
            false => format!(
                "add the certificate (PEM) of its authority to {files}, which does not contain \
                 it{intermediates}"
            ),
        }
    }

    /// The names in a certificate that is another host's.
    fn other_names(&self) -> String {
        let names = match &self.fault {
            CertificateError::NotValidForNameContext { presented, .. } => presented.as_slice(),
            _ => &[],
        };
        if names.is_empty() {
            return "contains no host name".to_owned();
        }
        let shown = names.iter().take(MAX_NAMES).map(|name| plain_name(name));
        let mut shown: Vec<String> = shown.collect();
        if names.len() > MAX_NAMES {
            shown.push(format!("{} more", names.len() - MAX_NAMES));
        }
        format!("is for another host: {}", shown.join(", "))
    }
}

/// Returns the step for a certificate of the emulator.
fn of_emulator() -> String {
    match cfg!(windows) {
        true => "set the variables that `acspass emulator env` prints",
        false => {
            "run `eval \"$(acspass emulator env)\"`, which names its certificate in SSL_CERT_FILE"
        }
    }
    .to_owned()
}

/// Whether a certificate authority presents its own certificate as that of a host.
pub(super) fn is_of_authority(fault: &CertificateError) -> bool {
    matches!(fault, CertificateError::Other(OtherError(other))
        if other.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity))
}

/// Whether the certificate may be used for something else only.
fn is_of_purpose(fault: &CertificateError) -> bool {
    match fault {
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => true,
        // The platform's verifier reports it by a private type.
        CertificateError::Other(other) => other.0.to_string().contains("invalid extensions"),
        _ => false,
    }
}

/// The name without the verifier's wrapping: `DnsName("contoso.example")`.
fn plain_name(wrapped: &str) -> String {
    let inner = wrapped
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(wrapped);
    one_line(inner.trim_matches('"'), MAX_NAME_LENGTH)
}
