//! Verifies the certificates of hosts, and keeps the reason if one is refused.
//!
//! The platform's verifier decides, with the extra authorities of the user. This module adds one
//! rule and one record. The rule: a host's own certificate that the user named as trusted is
//! accepted, although it is marked as a certificate authority (`openssl req -x509` makes such
//! certificates, and curl accepts them). The record: a refusal becomes a [`Distrust`], which holds
//! the reason, the names and the times of the certificate, and survives in the error's chain.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};

use super::certificate::{Facts, LONGEST_NAME};
use crate::text::one_line;
use crate::time::Timestamp;

/// Names of a certificate that are repeated in an error; further ones are counted.
const MOST_NAMES: usize = 5;

/// The issuers of the certificates that hosts presented, by host name.
#[derive(Debug, Clone, Default)]
pub(super) struct Issuers(Arc<Mutex<BTreeMap<String, String>>>);

impl Issuers {
    /// Returns the issuer of the certificate that this host presented last, if one was seen.
    pub(super) fn of(&self, host: &str) -> Option<String> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(host.trim_matches(['[', ']'])).cloned()
    }

    fn note(&self, host: &ServerName<'_>, issuer: String) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(host.to_str().into_owned(), issuer);
    }
}

/// Builds the TLS settings of the HTTP client.
///
/// # Errors
/// The platform's verifier has no certificate authority at all.
pub(super) fn client_config(
    extra: Vec<CertificateDer<'static>>,
    named_by: Vec<&'static str>,
    issuers: Issuers,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let platform = platform_verifier(&extra, &provider)?;
    let verifier = Verifier {
        platform: Arc::new(platform),
        extra,
        named_by,
        issuers,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    if cfg!(feature = "session") {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

fn platform_verifier(
    extra: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<rustls_platform_verifier::Verifier, rustls::Error> {
    use rustls_platform_verifier::Verifier;

    if extra.is_empty() {
        return Verifier::new(provider.clone());
    }
    Verifier::new_with_extra_roots(extra.iter().cloned(), provider.clone())
}

#[derive(Debug)]
struct Verifier {
    platform: Arc<dyn ServerCertVerifier>,
    extra: Vec<CertificateDer<'static>>,
    /// The settings that name files of authorities.
    named_by: Vec<&'static str>,
    issuers: Issuers,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Facts::read(end_entity);
        if let Some(issuer) = &seen.issuer {
            self.issuers.note(server_name, issuer.clone());
        }
        let verified = self.platform.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let error = match verified {
            Err(rustls::Error::InvalidCertificate(error)) => error,
            other => return other,
        };
        let mut reason = Reason::of(&error, &seen);
        if reason == Reason::CertificateAuthority && self.extra.contains(end_entity) {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            match verify_server_name(&certificate, server_name) {
                // The platform's verifier has checked the times before it came to this refusal.
                Ok(()) => return Ok(ServerCertVerified::assertion()),
                Err(rustls::Error::InvalidCertificate(error)) => reason = Reason::of(&error, &seen),
                Err(error) => return Err(error),
            }
        }
        let distrust = Distrust {
            reason,
            detail: one_line(&error.to_string(), LONGEST_NAME),
            issuer: seen.issuer,
            valid: seen.valid,
            now: Timestamp::from_unix_seconds(i64::try_from(now.as_secs()).unwrap_or(i64::MAX)),
            has_intermediates: !intermediates.is_empty(),
            named_by: self.named_by.clone(),
        };
        let error = CertificateError::Other(OtherError(Arc::new(distrust)));
        Err(rustls::Error::InvalidCertificate(error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.platform
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.platform
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.platform.supported_verify_schemes()
    }
}

/// Why a certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Expired,
    NotValidYet,
    /// It names other hosts.
    OtherNames(Vec<String>),
    UnknownIssuer,
    /// An authority with the issuer's name is trusted, with another key.
    OtherKey,
    SelfSigned,
    /// A certificate authority presents its own certificate as that of a host.
    CertificateAuthority,
    Revoked,
    /// It may be used for something else only.
    Purpose,
    /// The verifier's text.
    Other(String),
}

impl Reason {
    fn of(error: &CertificateError, seen: &Facts) -> Reason {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Reason::NotValidYet
            }
            CertificateError::NotValidForName => Reason::OtherNames(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Reason::OtherNames(presented.iter().map(|name| plain_name(name)).collect())
            }
            CertificateError::UnknownIssuer if seen.is_self_signed => Reason::SelfSigned,
            CertificateError::UnknownIssuer => Reason::UnknownIssuer,
            CertificateError::BadSignature => Reason::OtherKey,
            CertificateError::Revoked => Reason::Revoked,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Reason::Purpose
            }
            CertificateError::Other(OtherError(other)) => {
                match other.downcast_ref::<webpki::Error>() {
                    Some(webpki::Error::CaUsedAsEndEntity) => Reason::CertificateAuthority,
                    // The platform's verifier reports a wrong purpose by a private type.
                    None if other.to_string().contains("invalid extensions") => Reason::Purpose,
                    _ => Reason::Other(one_line(&other.to_string(), LONGEST_NAME)),
                }
            }
            other => Reason::Other(one_line(&other.to_string(), LONGEST_NAME)),
        }
    }
}

/// The name without the verifier's wrapping: `DnsName("contoso.example")`.
fn plain_name(wrapped: &str) -> String {
    let inner = wrapped
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(wrapped);
    one_line(inner.trim_matches('"'), LONGEST_NAME)
}

/// A certificate that is not accepted, and why.
#[derive(Debug, Clone)]
pub(super) struct Distrust {
    reason: Reason,
    /// Returns the verifier's text.
    detail: String,
    issuer: Option<String>,
    valid: Option<(Timestamp, Timestamp)>,
    /// This machine's time at the check.
    now: Timestamp,
    has_intermediates: bool,
    named_by: Vec<&'static str>,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the verifier refused the certificate: {}", self.detail)
    }
}

impl StdError for Distrust {}

impl Distrust {
    /// Finds the refusal in the chain of an error. I/O errors have it outside the chain.
    pub(super) fn find<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Distrust> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) =
                error.downcast_ref::<rustls::Error>()
            {
                return other.0.downcast_ref();
            }
            let inner = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            if let Some(found) = inner.and_then(|inner| Distrust::find(inner)) {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// Describes the fault of the certificate of `host`, in one sentence without a full stop.
    pub(super) fn message(&self, host: &str) -> String {
        let certificate = format!("the certificate of {host}");
        let now = self.now;
        match (&self.reason, self.valid) {
            (Reason::Expired, Some((from, to))) => format!(
                "{certificate} was valid from {from} to {to} and has expired; this machine's clock \
                 shows {now}"
            ),
            (Reason::Expired, None) => {
                format!("{certificate} has expired; this machine's clock shows {now}")
            }
            (Reason::NotValidYet, Some((from, to))) => format!(
                "{certificate} is valid from {from} to {to}, not yet; this machine's clock shows \
                 {now}"
            ),
            (Reason::NotValidYet, None) => {
                format!("{certificate} is not valid yet; this machine's clock shows {now}")
            }
            (Reason::OtherNames(names), _) if names.is_empty() => {
                format!("{certificate} names no host")
            }
            (Reason::OtherNames(names), _) => {
                let mut shown = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>();
                if names.len() > MOST_NAMES {
                    shown.push(format!("{} more", names.len() - MOST_NAMES));
                }
                format!("{certificate} is for another host: {}", shown.join(", "))
            }
            (Reason::SelfSigned, _) => format!("{certificate} is self-signed and is not trusted"),
            (Reason::UnknownIssuer, _) => match &self.issuer {
                Some(issuer) => format!("{certificate} is not trusted: it was issued by {issuer}"),
                None => format!("{certificate} is not trusted"),
            },
            (Reason::OtherKey, _) => format!(
                "{certificate} is not trusted: it was issued with another key than that of the \
                 trusted authority {}",
                self.issuer.as_deref().unwrap_or("of the same name")
            ),
            (Reason::CertificateAuthority, _) => {
                format!("{certificate} is that of a certificate authority, not of a host")
            }
            (Reason::Revoked, _) => format!("{certificate} has been revoked by its issuer"),
            (Reason::Purpose, _) => format!("{certificate} is not meant for a server"),
            (Reason::Other(why), _) => format!("{certificate} is not accepted: {why}"),
        }
    }

    /// Names the next step for the user.
    pub(super) fn hint(&self, host: &str) -> String {
        let renew = format!("the operator of {host} must replace it");
        let files = self.named_by.join(", ");
        match &self.reason {
            Reason::Expired => format!(
                "set this machine's clock if it is wrong (in WSL: `sudo hwclock -s`); if it is \
                 right, {renew}"
            ),
            Reason::NotValidYet => "set this machine's clock, for instance by network time (in \
                                    WSL: `sudo hwclock -s`)"
                .to_owned(),
            Reason::OtherNames(_) => format!(
                "check the spelling of the address; if it is right, another server or a proxy \
                 answers in place of {host}"
            ),
            Reason::SelfSigned => format!(
                "if the certificate is yours, name it (PEM) in ACSPASS_CA_FILE{}",
                match files.is_empty() {
                    true => String::new(),
                    false => format!("; {files} does not contain it"),
                }
            ),
            Reason::OtherKey => "the authority may have been made anew: name its current \
                                 certificate (PEM) in ACSPASS_CA_FILE"
                .to_owned(),
            Reason::UnknownIssuer if !files.is_empty() => format!(
                "{files} does not contain the authority that issued it: add that authority's \
                 certificate (PEM){}",
                match self.has_intermediates {
                    true => "",
                    false => ", or have the server send its intermediate certificates",
                }
            ),
            Reason::UnknownIssuer => "behind a proxy that inspects TLS, name its CA certificate \
                                      (PEM) in ACSPASS_CA_FILE"
                .to_owned(),
            Reason::CertificateAuthority => format!(
                "if the certificate is yours, name it (PEM) in ACSPASS_CA_FILE; otherwise {renew}"
            ),
            Reason::Revoked | Reason::Purpose | Reason::Other(_) => renew,
        }
    }
}
