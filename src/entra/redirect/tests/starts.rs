//! The start page: requests that are redirected to the authority, and requests that are not.

use super::*;

fn get(port: u16, headers: &str) -> String {
    format!("GET /sign-in HTTP/1.1\r\nHost: localhost:{port}\r\n{headers}\r\n")
}

#[tokio::test]
async fn the_start_page_leads_to_the_authority_as_often_as_it_is_opened() {
    let (port, wait, reported) = reporting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let typed = "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let confirmed = typed.replace("none", "same-origin");
    for headers in ["", typed, &confirmed] {
        let page = exchange(V4, port, get(port, headers).as_bytes()).await;
        assert_eq!(status(&page), "303", "{page}");
        for header in [
            format!("Location: {TARGET}").as_str(),
            "Cache-Control: no-store",
            "Referrer-Policy: no-referrer",
            "Clear-Site-Data: \"cache\", \"storage\"",
            "Connection: close",
        ] {
            assert_eq!(
                page.matches(&format!("\r\n{header}\r\n")).count(),
                1,
                "{page}"
            );
        }
    }
    assert!(reported.lock().expect("no panic").is_empty());
    let browser =
        tokio::spawn(async move { exchange(V4, port, the_answer(port).as_bytes()).await });
    let answer = wait.await.expect("no panic").expect("the answer");
    answer.page.signed_in("ada").await;
    assert_eq!(status(&browser.await.expect("no panic")), "200");
    assert!(is_closed(port).await);
}

#[tokio::test]
async fn start_page_at_a_port_of_the_users_choice_clears_no_data_of_the_users_apps() {
    // Another test can take the port between the two binds.
    let bind_chosen = || {
        let port = crate::loopback::bind_free().ok()?.port;
        Redirect::bind(&RedirectUri::localhost(port)).ok()
    };
    let redirect = (0..100).find_map(|_| bind_chosen()).expect("a port");
    let port = redirect.port();
    let _wait = tokio::spawn(redirect.wait(expecting(ResponseMode::FormPost)));
    let page = exchange(V4, port, get(port, "").as_bytes()).await;
    assert_eq!(status(&page), "303", "{page}");
    assert!(!page.contains("Clear-Site-Data"), "{page}");
}

#[tokio::test]
async fn the_start_page_has_no_secret_in_its_address_and_a_path_of_its_own() {
    for (uri, start) in [
        ("http://localhost", "http://localhost:PORT/sign-in"),
        ("http://127.0.0.1/redirect", "http://127.0.0.1:PORT/sign-in"),
        ("http://localhost/sign-in", "http://localhost:PORT/start"),
    ] {
        let uri = RedirectUri::parse(uri).expect("a redirect address");
        let redirect = Redirect::bind(&uri).expect("a free port");
        let start = start.replace("PORT", &redirect.port().to_string());
        assert_eq!(redirect.start_uri(), start);
    }
}

#[tokio::test]
async fn other_pages_frames_scripts_and_hosts_do_not_reach_the_authority() {
    let (port, wait, reported) = reporting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let page = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let cases = [
        (
            "403",
            get(port, &format!("{page}Sec-Fetch-Site: cross-site\r\n")),
        ),
        (
            "403",
            get(port, &format!("{page}Sec-Fetch-Site: same-site\r\n")),
        ),
        (
            "403",
            get(
                port,
                "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
            ),
        ),
        (
            "403",
            get(
                port,
                "Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\n",
            ),
        ),
        (
            "403",
            get(port, "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"),
        ),
        ("421", get(port, "").replace("localhost", "rebound.test")),
        ("405", get(port, "").replace("GET", "POST")),
        ("405", get(port, "").replace("GET", "HEAD")),
        ("404", get(port, "").replace("/sign-in", "/sign-in?x=y")),
        ("404", get(port, "").replace("/sign-in", "/sign-in/")),
        ("404", get(port, "").replace("/sign-in", "/start")),
    ];
    for (expected, request) in &cases {
        let page = exchange(V4, port, request.as_bytes()).await;
        assert_eq!(status(&page), *expected, "{request}{page}");
        assert!(
            !page.contains("login.test") && !page.contains(STATE),
            "{page}"
        );
    }
    let confirms = exchange(V4, port, cases[0].1.as_bytes()).await;
    assert!(confirms.contains("<a href=\"\">"), "{confirms}");
    assert!(confirms.contains("frame-ancestors 'none'"), "{confirms}");
    assert!(!reported.lock().expect("no panic").is_empty());
    wait.abort();
}

#[test]
fn a_browser_whose_user_is_not_reported_does_not_reach_the_authority() {
    let opened = [("host", "localhost:8080"), ("sec-fetch-site", "none")];
    let page = [
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let headers = opened.into_iter().chain(page);
    let mut request = Request {
        method: "GET".to_owned(),
        target: Zeroizing::new("/sign-in".to_owned()),
        headers: headers
            .map(|(name, value)| (name, value.to_owned()))
            .collect(),
        body: Zeroizing::default(),
    };
    let judge = judge(STATE, ResponseMode::FormPost, Some("/sign-in"));
    assert_eq!(judge.judge(&request, Admission::Trusted), Ok(None));
    let refusal = judge.judge(&request, Admission::Unreported);
    assert_eq!(refusal, Err(Refusal::UnknownOwner));
    assert_eq!(Refusal::UnknownOwner.why(), Some(Refused::UnknownOwner));
    // Any web page can have a browser send this one.
    let ahead = "prefetch;prerender".to_owned();
    request.headers.push(("sec-purpose", ahead));
    let refusal = judge.judge(&request, Admission::Trusted);
    assert_eq!(refusal, Err(Refusal::NoNavigation));
}
