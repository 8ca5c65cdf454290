//! The certificates: an authority that is limited to the emulator's own names, and the server's.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, Error,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::emulator::real_hosts::names::certified;
use crate::time::Timestamp;

pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// The life of an authority, in days.
const LIFE: u32 = 365;

/// The subject of every authority.
pub(super) const SUBJECT: &str = "acspass emulator, worthless outside this machine";

/// A certificate chain and its key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The contents of an authority's certificate that are not its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// The only names and addresses that it may certify.
    pub(super) names: Vec<String>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// An authority with its key.
pub(super) struct Authority {
    pub(super) facts: Facts,
    pub(super) key: KeyPair,
    pub(super) pem: String,
}

impl Authority {
    /// Makes an authority for these names, valid from a day ago for a year.
    pub(super) fn new(now: Timestamp, names: &[String]) -> Result<Authority, Error> {
        let key = KeyPair::generate()?;
        let facts = Facts {
            names: names.to_vec(),
            from: midnight(now.minus(DAY)),
            until: midnight(now.plus(DAY * LIFE)),
        };
        let pem = facts.params().self_signed(&key)?.pem();
        Ok(Authority { facts, key, pem })
    }

    /// Issues a server's certificate for these names, with a new key. It expires a day before the
    /// authority.
    pub(super) fn issue(&self, names: &[String]) -> Result<Identity, Error> {
        let key = KeyPair::generate()?;
        let facts = &self.facts;
        let mut leaf = params("acspass emulator", facts.from, facts.until.minus(DAY));
        let certified: Vec<String> = names.iter().flat_map(|name| certified(name)).collect();
        leaf.subject_alt_names = CertificateParams::new(certified)?.subject_alt_names;
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Strict verifiers (Python 3.13's default) require the issuer's key id in a leaf.
        leaf.use_authority_key_identifier_extension = true;
        let issuer = facts.params();
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&issuer, &self.key))?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((vec![leaf.der().clone()], key.into()))
    }
}

impl Facts {
    fn params(&self) -> CertificateParams {
        let mut params = params(SUBJECT, self.from, self.until);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let permitted_subtrees = self.names.iter().map(|name| match name.parse::<IpAddr>() {
            Ok(address) => {
                let whole = if address.is_ipv4() { 32 } else { 128 };
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, whole))
            }
            // A name permits those below it as well (RFC 5280, section 4.2.1.10).
            Err(_) => GeneralSubtree::DnsName(name.trim_start_matches("*.").to_owned()),
        });
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted_subtrees.collect(),
            excluded_subtrees: Vec::new(),
        });
        params
    }
}

fn params(subject: &str, from: Timestamp, until: Timestamp) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    let date = |time: Timestamp| {
        let days = time.unix_seconds() / 86_400;
        date_time_ymd(1970, 1, 1) + DAY * u32::try_from(days).unwrap_or_default()
    };
    params.not_before = date(from);
    params.not_after = date(until);
    params
}

fn midnight(time: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_seconds() / 86_400 * 86_400)
}

/// Returns the error about a certificate that this program could not make.
pub(super) fn not_created(
    cause: impl std::error::Error + Send + Sync + 'static,
) -> crate::error::Error {
    crate::error::Error::internal("the emulator could not create its certificate").caused_by(cause)
}
