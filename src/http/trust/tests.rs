use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::error::{Error, Result};
use crate::http::{CaFile, Http, Options, Proxies, Request, is_certificate_error};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "a host");
    params
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// A certificate in PEM and DER, and its key.
struct Host {
    pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

fn issued(params: CertificateParams, by: &Authority) -> Host {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, by).expect("a certificate");
    Host {
        pem: certificate.pem(),
        der: certificate.der().clone(),
        key,
    }
}

fn self_signed(params: CertificateParams) -> Host {
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    Host {
        pem: certificate.pem(),
        der: certificate.der().clone(),
        key,
    }
}

/// Sends one request to a server with this certificate; `pem` is the user's ACSPASS_CA_FILE.
fn ask(host: &Host, pem: Option<&str>) -> (Result<u16>, Option<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    if let Some(pem) = pem {
        std::fs::write(&file, pem).expect("a file");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(ask_over_tls(host, pem.map(|_| file.as_path())))
}

async fn ask_over_tls(host: &Host, file: Option<&Path>) -> (Result<u16>, Option<String>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(host.key.serialize_der()));
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![host.der.clone()], key)
        .expect("a certificate and its key");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let server = tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let reply = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(reply).await;
            let _ = stream.shutdown().await;
        }
    });
    let http = Http::new(Options {
        ca_files: file
            .map(|path| CaFile {
                path: path.to_owned(),
                named_by: "ACSPASS_CA_FILE",
                required: true,
            })
            .into_iter()
            .collect(),
        proxies: Proxies::None { why: String::new() },
        first_wait: Duration::from_millis(1),
        ..Options::default()
    });
    let url = Url::parse(&format!("https://localhost:{port}/")).expect("an address");
    let response = http.send(|| Ok(Request::get(url.clone()))).await;
    let issuer = http.issuer(&url);
    server.abort();
    (response.map(|response| response.status.as_u16()), issuer)
}

#[track_caller]
fn refusal(host: &Host, pem: Option<&str>) -> Error {
    ask(host, pem).0.expect_err("it is not accepted")
}

#[track_caller]
fn assert_words(error: &Error, message: &[&str], hint: &[&str]) {
    for word in message {
        assert!(error.message().contains(word), "no `{word}` in {error}");
    }
    for word in hint {
        assert!(
            error.hint().contains(word),
            "no `{word}` in {}",
            error.hint()
        );
    }
    assert!(is_certificate_error(error), "{error}");
}

#[cfg(feature = "session")]
#[test]
fn certificate_of_a_named_authority_is_accepted_and_its_issuer_is_known() {
    let authority = authority("Contoso Root");
    let host = issued(params(&["localhost"]), &authority);
    let (status, issuer) = ask(&host, Some(&authority.pem()));
    assert_eq!(status.expect("it is trusted"), 204);
    assert_eq!(issuer.as_deref(), Some("Contoso Root"));
}

#[cfg(feature = "session")]
#[test]
fn expired_certificate_names_the_clock_and_both_times() {
    let authority = authority("Contoso Root");
    let mut expired = params(&["localhost"]);
    expired.not_before = date_time_ymd(2019, 2, 3);
    expired.not_after = date_time_ymd(2020, 4, 5);
    let error = refusal(&issued(expired, &authority), Some(&authority.pem()));
    let times = ["2019-02-03T00:00:00Z", "2020-04-05T00:00:00Z"];
    assert_words(
        &error,
        &["has expired", "this machine's clock shows 20"],
        &["clock"],
    );
    assert_words(&error, &times, &[]);
    assert!(
        !error.hint().contains("ACSPASS_CA_FILE"),
        "{}",
        error.hint()
    );
}

#[cfg(feature = "session")]
#[test]
fn certificate_of_the_future_names_the_clock_and_both_times() {
    let authority = authority("Contoso Root");
    let mut early = params(&["localhost"]);
    early.not_before = date_time_ymd(2093, 2, 3);
    early.not_after = date_time_ymd(2094, 4, 5);
    let error = refusal(&issued(early, &authority), Some(&authority.pem()));
    assert_words(
        &error,
        &[
            "not valid yet",
            "2093-02-03T00:00:00Z",
            "this machine's clock shows 20",
        ],
        &["Set this machine's clock"],
    );
}

#[test]
fn certificate_for_another_host_names_the_hosts() {
    let authority = authority("Contoso Root");
    let names = [
        "a.example",
        "b.example",
        "c.example",
        "d.example",
        "e.example",
        "f.example",
    ];
    let error = refusal(&issued(params(&names), &authority), Some(&authority.pem()));
    assert_words(
        &error,
        &["is for another host: a.example, b.example", "1 more"],
        &["Check the spelling"],
    );
    let nameless = refusal(&issued(params(&[]), &authority), Some(&authority.pem()));
    assert_words(
        &nameless,
        &["contains no host name"],
        &["Check the spelling"],
    );
}

#[cfg(feature = "session")]
#[test]
fn unknown_issuer_is_named_and_the_hint_matches_the_settings() {
    let (right, wrong) = (authority("Contoso Root"), authority("Inspecting proxy"));
    let host = issued(params(&["localhost"]), &wrong);
    let (error, issuer) = ask(&host, None);
    let error = error.expect_err("it is not trusted");
    assert_words(
        &error,
        &["is not trusted: it was issued by Inspecting proxy"],
        &["set ACSPASS_CA_FILE to the PEM file of its CA certificate"],
    );
    assert_eq!(issuer.as_deref(), Some("Inspecting proxy"));
    let error = refusal(&host, Some(&right.pem()));
    assert_words(
        &error,
        &["Inspecting proxy"],
        &["to ACSPASS_CA_FILE, which does not contain it"],
    );
}

#[cfg(all(feature = "session", not(windows)))]
#[test]
fn authority_of_the_emulator_is_trusted_by_the_variables_of_the_emulator() {
    let name = "acspass emulator, worthless outside this machine";
    let (emulator, older) = (authority(name), authority(name));
    let host = issued(params(&["localhost"]), &emulator);
    for trusted in [None, Some(older.pem())] {
        assert_words(
            &refusal(&host, trusted.as_deref()),
            &["is not trusted"],
            &["Run `eval \"$(acspass emulator env)\"`"],
        );
    }
}

#[cfg(feature = "session")]
#[test]
fn self_signed_certificate_works_once_the_user_names_it_as_with_curl() {
    for is_marked_as_authority in [false, true] {
        let mut own = params(&["localhost"]);
        if is_marked_as_authority {
            own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let host = self_signed(own);
        let (status, _) = ask(&host, Some(&host.pem));
        assert_eq!(
            status.expect("it is named"),
            204,
            "{is_marked_as_authority}"
        );
        let error = refusal(&host, None);
        assert_words(
            &error,
            &["the certificate of localhost:"],
            &["set ACSPASS_CA_FILE to its PEM file"],
        );
    }
}

#[test]
fn self_signed_authority_is_refused_for_another_name_or_time_even_if_named() {
    let mut other = params(&["contoso.example"]);
    other.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let host = self_signed(other);
    let error = refusal(&host, Some(&host.pem));
    assert_words(
        &error,
        &["is for another host: contoso.example"],
        &["Check the spelling"],
    );
    let mut expired = params(&["localhost"]);
    expired.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    expired.not_before = date_time_ymd(2019, 2, 3);
    expired.not_after = date_time_ymd(2020, 4, 5);
    let host = self_signed(expired);
    let error = refusal(&host, Some(&host.pem));
    assert_words(&error, &["has expired"], &["clock"]);
}

#[test]
fn certificate_for_clients_is_not_accepted_for_a_server() {
    let authority = authority("Contoso Root");
    let mut client = params(&["localhost"]);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let error = refusal(&issued(client, &authority), Some(&authority.pem()));
    assert_words(&error, &["is not meant for a server"], &["must replace it"]);
}
