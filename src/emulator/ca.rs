//! The certificate authority of one run, limited to the emulator's own names.
//!
//! Its key is dropped after the one server certificate was issued.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::error::{Error, Result};
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

/// The server's TLS configuration and the certificate that clients have to trust.
pub(crate) struct Authority {
    /// The TLS configuration of the listener.
    pub(crate) server: Arc<ServerConfig>,
    /// The authority's certificate, PEM.
    pub(crate) pem: String,
}

impl Authority {
    /// Makes an authority and a certificate for the loopback names and these, valid from a day ago
    /// for a year.
    pub(crate) fn new(now: Timestamp, names: &[String]) -> Result<Authority> {
        let made = || -> Result<Authority, rcgen::Error> {
            let ca_key = KeyPair::generate()?;
            let ca = authority(now, names);
            let ca_certificate = ca.self_signed(&ca_key)?;
            let issuer = Issuer::from_params(&ca, &ca_key);
            let leaf_key = KeyPair::generate()?;
            let leaf = leaf(now, names)?.signed_by(&leaf_key, &issuer)?;
            let config = ServerConfig::builder_with_provider(Arc::new(
                rustls::crypto::ring::default_provider(),
            ))
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder.with_no_client_auth().with_single_cert(
                    vec![leaf.der().clone()],
                    PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into(),
                )
            });
            let mut server = config.map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
            server.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(Authority {
                server: Arc::new(server),
                pem: ca_certificate.pem(),
            })
        };
        made().map_err(|error| {
            Error::internal("the emulator could not make its certificate").caused_by(error)
        })
    }
}

/// Returns the loopback names, then these.
fn all_names(names: &[String]) -> impl Iterator<Item = &str> {
    ["localhost", "127.0.0.1", "::1"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
}

fn authority(now: Timestamp, names: &[String]) -> CertificateParams {
    let mut params = valid_for_a_year(now, "acspass emulator, worthless outside this machine");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted_subtrees = all_names(names).map(|name| match name.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(address.octets(), 32))
        }
        Ok(IpAddr::V6(address)) => {
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(address.octets(), 128))
        }
        Err(_) => GeneralSubtree::DnsName(name.to_owned()),
    });
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted_subtrees.collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

fn leaf(now: Timestamp, names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = all_names(names).map(str::to_owned).collect();
    let mut params = valid_for_a_year(now, "acspass emulator");
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers (Python 3.13's default) require the issuer's key id in a leaf.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn valid_for_a_year(now: Timestamp, name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let midnight = |time: Timestamp| {
        let days = time.unix_seconds() / 86_400;
        date_time_ymd(1970, 1, 1) + DAY * u32::try_from(days).unwrap_or_default()
    };
    params.not_before = midnight(now.minus(DAY));
    params.not_after = midnight(now.plus(365 * DAY));
    params
}
