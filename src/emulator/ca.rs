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

use crate::emulator::real_hosts::names::certified;
use crate::error::{Error, Result};
use crate::time::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

/// Makes an authority and a certificate for these names, valid from a day ago for a year. Returns
/// the TLS configuration of the listener and the authority's certificate, PEM.
pub(crate) fn certify(now: Timestamp, names: &[String]) -> Result<(Arc<ServerConfig>, String)> {
    issue(now, names).map_err(|error| {
        Error::internal("the emulator could not create its certificate").caused_by(error)
    })
}

fn issue(now: Timestamp, names: &[String]) -> Result<(Arc<ServerConfig>, String), rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = valid_for_a_year(now, "acspass emulator, worthless outside this machine");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted_subtrees = names.iter().map(|name| match name.parse::<IpAddr>() {
        Ok(address) => {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, whole))
        }
        // A name permits those below it as well (RFC 5280, section 4.2.1.10).
        Err(_) => GeneralSubtree::DnsName(name.trim_start_matches("*.").to_owned()),
    });
    ca.name_constraints = Some(NameConstraints {
        permitted_subtrees: permitted_subtrees.collect(),
        excluded_subtrees: Vec::new(),
    });
    let ca_certificate = ca.self_signed(&ca_key)?;

    let leaf_key = KeyPair::generate()?;
    let mut leaf = valid_for_a_year(now, "acspass emulator");
    let certified: Vec<String> = names.iter().flat_map(|name| certified(name)).collect();
    leaf.subject_alt_names = CertificateParams::new(certified)?.subject_alt_names;
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers (Python 3.13's default) require the issuer's key id in a leaf.
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&leaf_key, &Issuer::from_params(&ca, &ca_key))?;

    let chain = vec![leaf.der().clone()];
    let key = PrivatePkcs8KeyDer::from(leaf_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, key.into())
        })
        .map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((Arc::new(server), ca_certificate.pem()))
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
