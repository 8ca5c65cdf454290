//! Looks at the certificate that a host shows, believes nothing, and sends nothing.
//!
//! In comes an address, out comes who issued the certificate that is shown on the way to it: where
//! a proxy inspects TLS, that is the proxy's own authority, and the name to ask the admin for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::proxies::Via;

const LOOKING: Duration = Duration::from_secs(5);
/// The longest head of a proxy's answer, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;

/// Who issued the certificate that `url`'s host shows, reached through a proxy where there is one.
/// `None` where it could not be seen.
pub(crate) async fn issuer(url: &Url, via: Option<&Via>) -> Option<String> {
    tokio::time::timeout(LOOKING, look(url, via)).await.ok()?
}

async fn look(url: &Url, via: Option<&Via>) -> Option<String> {
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default()?;
    let stream = match via {
        None => TcpStream::connect((host.as_str(), port)).await.ok()?,
        Some(via) => through(via, url.host_str()?, port).await?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let looking = Arc::new(Looking {
        seen: Mutex::new(None),
        provider: provider.clone(),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(looking.clone())
        .with_no_client_auth();
    let name = ServerName::try_from(host).ok()?;
    // It always fails: the certificate is refused once it has been seen.
    let _ = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    looking
        .seen
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take()
}

/// A tunnel through a proxy (RFC 9110, section 9.3.6).
async fn through(via: &Via, host: &str, port: u16) -> Option<TcpStream> {
    let proxy = &via.address;
    if proxy.scheme() != "http" {
        return None;
    }
    let address = (
        proxy.host_str()?.trim_matches(['[', ']']),
        proxy.port_or_known_default()?,
    );
    let mut stream = TcpStream::connect(address).await.ok()?;
    let mut ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = &via.authorization {
        ask.extend_from_slice(b"Proxy-Authorization: ");
        ask.extend_from_slice(authorization.as_bytes());
        ask.extend_from_slice(b"\r\n");
    }
    ask.extend_from_slice(b"\r\n");
    stream.write_all(&ask).await.ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD {
            return None;
        }
        head.push(stream.read_u8().await.ok()?);
    }
    let status = head.split(|byte| *byte == b' ').nth(1)?;
    (status == b"200").then_some(stream)
}

/// Notes the issuer and refuses every certificate.
#[derive(Debug)]
struct Looking {
    seen: Mutex<Option<String>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = issuer_name(end_entity);
        Err(rustls::Error::General("it was only looked at".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("it was only looked at".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("it was only looked at".to_owned()))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Common name and organisation of a certificate's issuer (RFC 5280, section 4.1).
fn issuer_name(certificate: &[u8]) -> Option<String> {
    const SEQUENCE: u8 = 0x30;
    let (_, certificate, _) = element(certificate)?;
    let (_, to_be_signed, _) = element(certificate)?;
    let mut rest = to_be_signed;
    // Version (optional), serial number, signature algorithm; then the issuer.
    let mut sequences = 0;
    let issuer = loop {
        let (tag, content, after) = element(rest)?;
        sequences += usize::from(tag == SEQUENCE);
        if sequences == 2 {
            break content;
        }
        rest = after;
    };
    let (mut name, mut organisation) = (None, None);
    let mut rest = issuer;
    while let Some((_, set, after)) = element(rest) {
        rest = after;
        let (_, pair, _) = element(set)?;
        let (_, kind, value) = element(pair)?;
        let (_, value, _) = element(value)?;
        let value: String = String::from_utf8_lossy(value)
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect();
        match kind {
            [0x55, 0x04, 0x03] => name = Some(value),
            [0x55, 0x04, 0x0a] => organisation = Some(value),
            _ => {}
        }
    }
    match (name, organisation) {
        (Some(name), Some(organisation)) => Some(format!("{name} ({organisation})")),
        (name, organisation) => name.or(organisation),
    }
}

/// The first element of DER (X.690, section 8.1): its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = match first {
        short @ 0..=0x7f => usize::from(short),
        long @ 0x81..=0x83 => {
            let (octets, after) = rest.split_at_checked(usize::from(long & 0x7f))?;
            rest = after;
            octets
                .iter()
                .fold(0, |length, octet| length << 8 | usize::from(*octet))
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_of_a_certificate_is_named() {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let name = &mut params.distinguished_name;
        name.push(rcgen::DnType::OrganizationName, "Contoso");
        name.push(rcgen::DnType::CommonName, "Inspecting proxy");
        let certificate = params.self_signed(&key).expect("a certificate");
        let named = issuer_name(certificate.der());
        assert_eq!(named.as_deref(), Some("Inspecting proxy (Contoso)"));
    }

    #[test]
    fn a_proxy_is_asked_for_a_tunnel_and_believed_only_where_it_gives_one() {
        use std::io::{Read, Write};
        for (answer, opens) in [("200 Here", true), ("407 Who are you", false)] {
            let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
            let port = listener.local_addr().expect("its address").port();
            let proxy = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a caller");
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("a head");
                    head.push(byte[0]);
                }
                write!(stream, "HTTP/1.1 {answer}\r\nVia: x\r\n\r\n").expect("to answer");
                String::from_utf8(head).expect("text")
            });
            let proxy_url = Url::parse(&format!("http://127.0.0.1:{port}")).expect("an address");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let via = Via {
                by: "HTTPS_PROXY",
                address: proxy_url,
                authorization: Some(reqwest::header::HeaderValue::from_static("Basic eDp5")),
            };
            let tunnel = runtime.block_on(through(&via, "login.example", 443));
            assert_eq!(tunnel.is_some(), opens, "{answer}");
            let asked = proxy.join().expect("the proxy");
            assert!(
                asked.starts_with("CONNECT login.example:443 HTTP/1.1\r\n"),
                "{asked}"
            );
            assert!(
                asked.contains("\r\nProxy-Authorization: Basic eDp5\r\n"),
                "{asked}"
            );
        }
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        for wrong in [
            &b""[..],
            b"\x30",
            b"\x30\x82\xff\xff",
            b"\x30\x02\x30\x00",
            b"hello",
        ] {
            assert_eq!(issuer_name(wrong), None);
        }
    }
}
