//! Behind a proxy: with and without credentials, refused, shut and gone. The authority and the
//! resource have names that only the proxy can reach.

use std::sync::Arc;

use acspass::emulator::{Emulator, Options, UserAgent};

use crate::harness::proxy::{Manner, Proxy};
use crate::harness::{Home, Run, TestBrowser, http};

const ENTRA: &str = "login.example.test";
const ACS: &str = "acs.example.test";

/// A home whose authority and resource are an emulator under names that no DNS knows.
struct Outside {
    home: Home,
    port: u16,
    browser: Arc<TestBrowser>,
    _emulator: Arc<Emulator>,
}

fn outside() -> Outside {
    let options = Options {
        https_port: Some(0),
        host_names: vec![ENTRA.to_owned(), ACS.to_owned()],
        ..Options::default()
    };
    let emulator = Arc::new(Emulator::start(options).expect("an emulator"));
    let url = emulator.https_url().expect("https");
    let port = url::Url::parse(&url).expect("an address").port();
    let port = port.expect("a port");
    let mut home = Home::new();
    home.point_at(&emulator);
    home.set("ACSPASS_STORE", "memory");
    home.set("AZURE_AUTHORITY_HOST", &format!("https://{ENTRA}:{port}"));
    home.set(
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        &emulator.connection_string().replace("localhost", ACS),
    );
    home.configure(&format!(
        "[profile.default]\nallow-endpoint = [\"{ACS}\", \"{ACS}:{port}\"]\n"
    ));
    let pem = emulator.ca_pem().expect("an authority");
    let file = home.path().join("ca.pem");
    std::fs::write(&file, &pem).expect("a file");
    home.set("ACSPASS_CA_FILE", &file.display().to_string());
    // The browser needs no proxy to get there.
    let browser = TestBrowser::instead(move |url| {
        let agent = UserAgent::new(None).trusting(&pem);
        let walk = agent.start(url.replace(ENTRA, "localhost"));
        walk.expect("it goes");
    });
    Outside {
        home,
        port,
        browser,
        _emulator: emulator,
    }
}

impl Outside {
    fn get(&self) -> Run {
        let call = self.home.call(&["get", "--interactive"]);
        call.by(&self.browser).run()
    }
}

#[test]
fn sign_in_and_exchange_go_through_the_proxy_that_a_variable_names() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let mut outside = outside();
        let proxy = Proxy::start(Manner::Open);
        outside.home.set(name, &proxy.url(""));
        outside.get().token();
        let asked = proxy.asked();
        for host in [ENTRA, ACS] {
            let target = format!("{host}:{}", outside.port);
            assert!(asked.contains(&target), "{name}: {target} in {asked:?}");
        }
    }
}

#[test]
fn credentials_in_the_address_are_sent_to_the_proxy_and_never_shown() {
    let mut outside = outside();
    // ada : p@ss:w0rd/
    let wanted = "Basic YWRhOnBAc3M6dzByZC8=";
    let proxy = Proxy::start(Manner::Wants(wanted));
    for secret in ["p@ss:w0rd", "p%40ss", "YWRhOnBAc3M6dzByZC8", "wr0ng-word"] {
        outside.home.sweep.add(secret);
    }
    let right = proxy.url("ada:p%40ss%3Aw0rd%2F@");
    outside.home.set("HTTPS_PROXY", &right);
    outside.get().token();
    let doctor = outside.home.run(&["doctor"]);
    doctor.assert_code(0);
    let words = format!(
        "127.0.0.1:{}, set by HTTPS_PROXY, with credentials",
        proxy.port()
    );
    assert!(doctor.stdout.contains(&words), "{}", doctor.stdout);
    assert!(!doctor.stdout.contains("ada"), "{}", doctor.stdout);
    assert!(
        doctor.stdout.contains("was issued by acspass emulator"),
        "the certificate is seen through the proxy: {}",
        doctor.stdout
    );

    let before = proxy.asked().len();
    outside
        .home
        .set("HTTPS_PROXY", &proxy.url("ada:wr0ng-word@"));
    let words = [
        &format!(
            "the proxy 127.0.0.1:{} rejected the credentials",
            proxy.port()
        )[..],
        "HTTPS_PROXY",
        "%40",
    ];
    outside.home.run(&["login"]).assert_error(6, &words);
    assert_eq!(
        proxy.asked().len() - before,
        1,
        "a wrong password is not sent again and again"
    );
    outside.home.set("HTTPS_PROXY", &proxy.url(""));
    let words = [
        &format!("the proxy 127.0.0.1:{} requires credentials", proxy.port())[..],
        "http://USER:PASSWORD@127.0.0.1",
    ];
    outside.home.run(&["login"]).assert_error(6, &words);
    let doctor = outside.home.run(&["doctor"]);
    assert_eq!(doctor.code, Some(6));
    assert!(
        doctor.stdout.contains("requires credentials"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn proxy_that_refuses_or_is_gone_is_named_itself() {
    let mut outside = outside();
    let proxy = Proxy::start(Manner::Says("403 Forbidden"));
    outside.home.set("HTTPS_PROXY", &proxy.url(""));
    let target = format!("{ENTRA}:{}", outside.port);
    let words = format!(
        "the proxy 127.0.0.1:{} refused to connect to {target}",
        proxy.port()
    );
    let login = outside.home.run(&["login"]);
    login.assert_error(6, &[&words, "NO_PROXY"]);

    let port = http::unused_port();
    let gone = format!("http://127.0.0.1:{port}");
    outside.home.set("HTTPS_PROXY", &gone);
    let words = format!("could not connect to the proxy 127.0.0.1:{port}");
    let login = outside.home.run(&["login"]);
    login.assert_error(6, &[&words, "Check HTTPS_PROXY"]);
}

#[test]
fn without_a_proxy_the_host_that_is_not_found_is_named() {
    let mut outside = outside();
    // An IP literal needs no lookup; a name below `invalid` is never found (RFC 6761).
    outside
        .home
        .set("AZURE_AUTHORITY_HOST", "https://login.invalid");
    let login = outside.home.run(&["login"]);
    login.assert_error(6, &["login.invalid", "check the network"]);
    let words = ["no proxy variable is set"];
    let doctor = outside.home.run(&["doctor", "--offline"]);
    assert!(doctor.stdout.contains(words[0]), "{}", doctor.stdout);
}

#[test]
fn loopback_never_goes_through_a_proxy_and_no_proxy_leaves_hosts_out() {
    let mut outside = outside();
    let proxy = Proxy::start(Manner::Says("500 Not for you"));
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
        outside.home.set(name, &proxy.url(""));
    }
    let url = format!("https://localhost:{}", outside.port);
    outside.home.set("AZURE_AUTHORITY_HOST", &url);
    let resource = &outside.home.variables["COMMUNICATION_SERVICES_CONNECTION_STRING"];
    let resource = resource.replace(ACS, "localhost");
    outside
        .home
        .set("COMMUNICATION_SERVICES_CONNECTION_STRING", &resource);
    outside.get().token();
    let home = &mut outside.home;
    home.set("AZURE_AUTHORITY_HOST", "https://login.invalid");
    home.set("NO_PROXY", "example.test,.invalid");
    let login = home.run(&["login"]);
    login.assert_error(6, &["login.invalid"]);
    assert_eq!(proxy.asked(), [] as [String; 0]);
}

#[test]
fn what_is_no_proxy_is_said_before_anything_is_sent() {
    let mut outside = outside();
    outside.home.sweep.add("hunter2");
    for (value, words) in [
        (
            "http://ada:hun/hunter2@proxy.test:1",
            "HTTPS_PROXY is not the address of a proxy",
        ),
        ("socks5://ada:hunter2@proxy.test:1", "a SOCKS proxy"),
    ] {
        outside.home.set("HTTPS_PROXY", value);
        outside
            .home
            .run(&["login"])
            .assert_error(2, &[words, "HTTPS_PROXY"]);
        let doctor = outside.home.run(&["doctor", "--offline"]);
        assert_eq!(doctor.code, Some(2));
        assert!(doctor.stdout.contains(words), "{}", doctor.stdout);
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_named_with_who_issued_it() {
    let mut outside = outside();
    let proxy = Proxy::start(Manner::Open);
    outside.home.set("HTTPS_PROXY", &proxy.url(""));
    outside.home.unset("ACSPASS_CA_FILE");
    let login = outside.home.run(&["login"]);
    login.assert_error(
        6,
        &[
            &format!("the certificate of {ENTRA}:{} is not trusted", outside.port),
            "it was issued by acspass emulator, worthless outside this machine",
            "Run `eval \"$(acspass emulator env)\"`",
        ],
    );
}
