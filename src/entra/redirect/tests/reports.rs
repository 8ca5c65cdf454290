//! The reports of refused requests, and requests with many cookies.

use rustls::pki_types::ServerName;

use super::*;

fn reasons(reported: &Reported) -> Vec<String> {
    let reported = reported.lock().expect("no panic");
    reported.iter().map(Refused::to_string).collect()
}

/// Sends the real answer, with these header lines, and expects it to end the wait.
async fn completes(port: u16, wait: Waiting, headers: &str) {
    let request = the_answer(port).replacen("\r\n", &format!("\r\n{headers}"), 1);
    let browser = tokio::spawn(async move { exchange(V4, port, request.as_bytes()).await });
    let answer = wait.await.expect("no panic").expect("the answer");
    assert_eq!(code_of(&answer), CODE);
    answer.page.signed_in("ada").await;
    assert_eq!(status(&browser.await.expect("no panic")), "200");
}

#[tokio::test]
async fn cookies_of_other_localhost_apps_do_not_count_towards_the_head_limit() {
    let large = format!("Cookie: a={}\r\n", "x".repeat(127 * 1024));
    let many = format!("COOKIE: b={}\r\n", "y".repeat(1024)).repeat(100);
    let not_text = "cookie: c=\u{e9}\u{1f600}\t\"\r\n".to_owned();
    for cookies in [large, many, not_text] {
        let (port, wait, reported) = reporting(&RedirectUri::localhost(0), ResponseMode::FormPost);
        completes(port, wait, &cookies).await;
        assert!(reasons(&reported).is_empty());
    }
}

#[tokio::test]
async fn cookies_are_bounded_and_the_user_is_shown_which_cookies_to_delete() {
    let (port, wait, reported) = reporting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let cookies = format!("Cookie: a={}\r\n", "x".repeat(128 * 1024));
    let request = format!("POST / HTTP/1.1\r\nHost: localhost:{port}\r\n{cookies}\r\n");
    let page = exchange(V4, port, request.as_bytes()).await;
    assert_eq!(status(&page), "431");
    let [reason] = &reasons(&reported)[..] else {
        panic!("{:?}", reasons(&reported));
    };
    assert!(reason.contains("delete the browser's cookies for localhost"));
    completes(port, wait, "").await;
}

#[tokio::test]
async fn a_cookie_cannot_hide_a_malformed_head() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let host = format!("Host: localhost:{port}\r\n");
    for head in [
        format!("Cookie: a=b HTTP/1.1\r\n{host}"),
        format!("POST / HTTP/1.1\r\nCookie: a\r\n folded\r\n{host}"),
        format!("POST / HTTP/1.1\r\n{host}Cookie : a=b\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Cookie: a\0b\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Cookie: a\nX: b\r\n"),
        format!("POST / HTTP/1.1\r\n{host}Cookie: a\rX: b\r\n"),
    ] {
        let answer = exchange(V4, port, format!("{head}\r\n").as_bytes()).await;
        assert_eq!(status(&answer), "400", "{head}");
    }
    completes(port, wait, "").await;
}

/// <https://github.com/cli/cli/issues/616>
#[tokio::test]
async fn a_browser_that_is_forced_to_https_is_reported_once() {
    let (port, wait, reported) = reporting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    for _ in 0..2 {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let handshake = tokio_rustls::TlsConnector::from(Arc::new(client))
            .connect(name, open_connection(port).await)
            .await;
        assert!(handshake.is_err(), "the listener is plain http");
    }
    assert_eq!(*reported.lock().expect("no panic"), [Refused::Tls]);
    completes(port, wait, "").await;
}

#[tokio::test]
async fn every_reason_is_reported_once_and_contains_nothing_of_the_request() {
    let (port, wait, reported) = reporting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let host = format!("Host: localhost:{port}\r\n");
    let form = |body: &str| posted(port, "/", body);
    let right = format!("code={CODE}&state={STATE}");
    let cases = [
        ("not valid HTTP/1.1", "get / HTTP/1.1\r\n\r\n".to_owned()),
        (
            "HTTP/2 without TLS",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ),
        (
            "version is not 1.1",
            format!("POST / HTTP/1.0\r\n{host}\r\n"),
        ),
        (
            "head is larger",
            format!("GET /{} HTTP/1.1\r\n", "x".repeat(17_000)),
        ),
        (
            "more than 64 headers",
            format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(65)),
        ),
        (
            "state its length",
            format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"),
        ),
        (
            "body is larger",
            format!("POST / HTTP/1.1\r\n{host}Content-Length: 65537\r\n\r\n"),
        ),
        (
            "Host header",
            format!("GET / HTTP/1.1\r\nHost: marker.test:{port}\r\n\r\n"),
        ),
        (
            "script or resource",
            format!("GET / HTTP/1.1\r\n{host}Sec-Fetch-Mode: cors\r\n\r\n"),
        ),
        ("path is not", format!("GET /marker HTTP/1.1\r\n{host}\r\n")),
        (
            "method is not POST",
            format!("PUT / HTTP/1.1\r\n{host}\r\n"),
        ),
        (
            "not a form",
            format!("POST / HTTP/1.1\r\n{host}Content-Type: a/b\r\n\r\n"),
        ),
        (
            "in its address",
            format!("GET /?{right} HTTP/1.1\r\n{host}\r\n"),
        ),
        ("query beside", posted(port, "/?x=y", &right)),
        ("another sign-in", form("code=marker&state=marker")),
        ("has no state", form("code=marker")),
        ("missing or not valid", form(&format!("state={STATE}"))),
    ];
    for (number, (reason, request)) in cases.iter().enumerate() {
        for _ in 0..2 {
            let page = exchange(V4, port, request.as_bytes()).await;
            assert!(
                status(&page).starts_with(['4', '5']),
                "{reason}: {page:.40}"
            );
        }
        let reasons = reasons(&reported);
        assert_eq!(reasons.len(), number + 1, "{reason}: {reasons:?}");
        assert!(reasons[number].contains(reason), "{}", reasons[number]);
    }
    for text in reasons(&reported) {
        for secret in [STATE, CODE, "marker"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    completes(port, wait, "").await;
}

#[tokio::test]
async fn automatic_browser_requests_are_not_reported() {
    let (port, wait, reported) = reporting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    for path in [
        "/favicon.ico",
        "/apple-touch-icon-precomposed.png",
        "/.well-known/appspecific/com.chrome.devtools.json",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
        assert_eq!(status(&exchange(V4, port, request.as_bytes()).await), "404");
    }
    assert!(reasons(&reported).is_empty());
    completes(port, wait, "").await;
}
