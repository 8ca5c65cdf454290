//! TLS and client certificates, from files that are replaced.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use acspass::emulator::{Emulator, Options};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::harness::{Response, Service, acs_token, own_token, until};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}

/// Returns the PEM of a certificate for localhost, and of its key.
fn certificate(authority: &Authority) -> (String, String) {
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let key = KeyPair::generate().expect("a key");
    let signed = params.signed_by(&key, authority).expect("a certificate");
    (signed.pem(), key.serialize_pem())
}

fn write(folder: &Path, authority: &Authority) {
    let (certificate, key) = certificate(authority);
    std::fs::write(folder.join("key.pem"), key).expect("written");
    std::fs::write(folder.join("certificate.pem"), certificate).expect("written");
}

/// Sends a request over TLS. `None` if the handshake fails.
fn get(
    service: &Service,
    trusted: &Authority,
    own: Option<&(String, String)>,
    headers: &[(&str, &str)],
) -> Option<Response> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
            builder
                .with_client_auth_cert(chain, key)
                .expect("a certificate")
        }
    };
    let name = ServerName::try_from("localhost").expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("it listens");
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).ok()?;
    }
    // With TLS 1.3, a refused client certificate is reported with the first read.
    let text = exchange(StreamOwned::new(connection, stream), headers);
    (!text.is_empty()).then(|| Response::parse(&text))
}

fn exchange(mut stream: impl Read + Write, headers: &[(&str, &str)]) -> String {
    let mut request =
        "GET /api/token/teams HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".to_owned();
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(format!("{request}\r\n").as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn settings(folder: &Path) -> [(&'static str, String); 2] {
    let path = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    [
        ("ACSPASS_EXCHANGE_TLS_CERT", path("certificate.pem")),
        ("ACSPASS_EXCHANGE_TLS_KEY", path("key.pem")),
    ]
}

#[test]
fn a_replaced_certificate_is_used_without_a_restart() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (authority(), authority());
    write(folder.path(), &first);
    let settings = settings(folder.path());
    let settings = settings
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let service = Service::start(&emulator, &settings);
    let bearer = format!("Bearer {}", own_token(&emulator));
    let subject = acs_token(&emulator);
    let both = [
        ("Authorization", bearer.as_str()),
        ("teams-user-aad-token", &subject),
    ];
    let response = get(&service, &first, None, &both).expect("a response");
    assert_eq!(response.status, 201, "{}", response.body);
    assert!(
        get(&service, &second, None, &both).is_none(),
        "another authority"
    );
    std::fs::write(folder.path().join("key.pem"), "half of a key").expect("written");
    write(folder.path(), &second);
    until("the new certificate is used", || {
        get(&service, &second, None, &both)
    });
    assert!(get(&service, &first, None, &both).is_none());
    std::fs::remove_file(folder.path().join("certificate.pem")).expect("removed");
    until("the missing file is reported", || {
        let text = "certificate.pem` for TLS cannot be read";
        service
            .lines()
            .iter()
            .find(|line| line.contains(text))
            .cloned()
    });
    let response = get(&service, &second, None, &both).expect("a response");
    assert_eq!(response.status, 201, "the old certificate stays in use");
}

#[test]
fn clients_need_a_certificate_of_the_current_authority() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let folder = tempfile::tempdir().expect("a folder");
    let (server, clients, others) = (authority(), authority(), authority());
    write(folder.path(), &server);
    let client_ca = folder.path().join("clients.pem");
    std::fs::write(&client_ca, clients.pem()).expect("written");
    let files = settings(folder.path());
    let mut settings: Vec<(&str, &str)> = files
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let client_ca_text = client_ca.to_str().expect("UTF-8");
    settings.push(("ACSPASS_EXCHANGE_TLS_CLIENT_CA", client_ca_text));
    let service = Service::start(&emulator, &settings);
    let (good, bad) = (certificate(&clients), certificate(&others));
    assert!(
        get(&service, &server, None, &[]).is_none(),
        "no certificate"
    );
    assert!(
        get(&service, &server, Some(&bad), &[]).is_none(),
        "of another authority"
    );
    let response = get(&service, &server, Some(&good), &[]).expect("a response");
    assert_eq!(response.status, 401, "a certificate replaces no token");
    std::fs::write(&client_ca, others.pem()).expect("written");
    until("the new authority is used", || {
        get(&service, &server, Some(&bad), &[])
    });
    assert!(get(&service, &server, Some(&good), &[]).is_none());
}
