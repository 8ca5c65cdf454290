//! The wait for the response, without hostile requests.

use super::*;

#[tokio::test]
async fn the_answer_ends_the_wait_once_and_closes_the_port() {
    for ip in [V4, V6] {
        let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
        let browser =
            tokio::spawn(async move { exchange(ip, port, the_answer(port).as_bytes()).await });
        let answer = wait.await.expect("no panic").expect("the answer");
        assert_eq!(code_of(&answer), CODE);
        assert!(matches!(
            &answer.response.outcome,
            Callback::Code { client_info: Some(info), .. } if info == "eyJ9"
        ));
        assert!(is_closed(port).await, "before the page is there");
        answer.page.signed_in("ada@contoso.test").await;
        let page = browser.await.expect("no panic");
        assert_eq!(status(&page), "200", "{page}");
        assert!(page.contains("ada@contoso.test"), "{page}");
        assert!(page.contains("You are signed in"), "{page}");
        assert!(page.contains("close this tab"), "{page}");
    }
}

#[tokio::test]
async fn the_page_is_whole_and_carries_no_secret() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let browser =
        tokio::spawn(async move { exchange(V4, port, the_answer(port).as_bytes()).await });
    let answer = wait.await.expect("no panic").expect("the answer");
    let message = "entra <script>alert(1)</script> \u{1b}[31msaid no";
    let error = Error::new(Kind::SignInRefused, message, "try again");
    let code = "AADSTS65004\u{1b}<b>";
    answer.page.failed(&error.with_code(code)).await;
    let page = browser.await.expect("no panic");
    let (head, body) = page.split_once("\r\n\r\n").expect("a whole answer");
    for header in [
        "Content-Type: text/html; charset=utf-8",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Cache-Control: no-store",
        "Connection: close",
    ] {
        assert_eq!(head.matches(header).count(), 1, "{header} in {head}");
    }
    assert!(
        head.contains("default-src 'none'; style-src 'sha256-"),
        "{head}"
    );
    assert!(
        !head.to_ascii_lowercase().contains("access-control"),
        "{head}"
    );
    assert!(
        head.contains(&format!("Content-Length: {}", body.len())),
        "{head}"
    );
    assert!(
        body.ends_with("</html>") && !body.contains("<script"),
        "{body}"
    );
    assert!(body.contains("script&#62;alert(1)"), "{body}");
    assert!(
        body.contains("<code>AADSTS65004&#60;b&#62;</code>"),
        "{body}"
    );
    assert!(
        !body.contains('\u{1b}') && body.contains("Try again."),
        "{body}"
    );
    for secret in [STATE, CODE, "eyJ9"] {
        assert!(!page.contains(secret), "{page}");
    }
}

#[tokio::test]
async fn a_sentence_has_its_capital_and_a_name_has_none() {
    for (message, shown) in [
        ("the sign-in was cancelled", "The sign-in was cancelled."),
        (
            "ada@contoso.test signed in, but ben@contoso.test was asked for",
            "ada@contoso.test signed in, but ben@contoso.test was asked for.",
        ),
    ] {
        let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
        let browser =
            tokio::spawn(async move { exchange(V4, port, the_answer(port).as_bytes()).await });
        let answer = wait.await.expect("no panic").expect("the answer");
        let error = Error::new(Kind::SignInRefused, message, "try again");
        answer.page.failed(&error).await;
        let page = browser.await.expect("no panic");
        assert!(!page.contains("Error code"), "there is none: {page}");
        assert!(page.contains(&format!("<p>{shown}</p>")), "{page}");
    }
}

#[tokio::test]
async fn error_response_is_returned_with_its_description() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let body = format!(
        "error=access_denied&error_subcode=cancel&state={STATE}&error_description=\
         AADSTS65004%3A+User+declined.%0D%0ATrace+ID%3A+1%1B%5B31m%E2%80%AE&claims=%7B%7D\
         &correlation_id=c-1&trace_id=t-1&timestamp=2026-01-01+00%3A00%3A00Z"
    );
    let request = posted(port, "/", &body);
    let browser = tokio::spawn(async move { exchange(V4, port, request.as_bytes()).await });
    let answer = wait.await.expect("no panic").expect("the answer");
    let Callback::Denied(denial) = &answer.response.outcome else {
        panic!("not denied: {:?}", answer.response.outcome);
    };
    assert_eq!(
        *denial,
        Denial {
            error: "access_denied".into(),
            description: Some("AADSTS65004: User declined. Trace ID: 1 [31m".into()),
            subcode: Some("cancel".into()),
            suberror: None,
            correlation_id: Some("c-1".into()),
            trace_id: Some("t-1".into()),
            timestamp: Some("2026-01-01 00:00:00Z".into()),
            claims: Some("{}".into()),
        }
    );
    drop(answer);
    let page = browser.await.expect("no panic");
    assert!(page.contains("Sign-in did not finish"), "{page}");
    assert!(!page.contains("AADSTS"), "{page}");
}

#[tokio::test]
async fn response_in_the_query_is_accepted_in_query_mode() {
    let uri = RedirectUri::localhost(0);
    let (port, wait) = waiting(&uri, ResponseMode::Query);
    let post = exchange(V4, port, the_answer(port).as_bytes()).await;
    assert_eq!(status(&post), "405");
    assert!(post.contains("Allow: GET\r\n"), "{post}");
    let bare = format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    assert_eq!(status(&exchange(V4, port, bare.as_bytes()).await), "400");
    let request =
        format!("GET /?code={CODE}&state={STATE} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    let browser = tokio::spawn(async move { exchange(V4, port, request.as_bytes()).await });
    let answer = wait.await.expect("no panic").expect("the answer");
    assert_eq!(code_of(&answer), CODE);
    answer.page.signed_in("ada").await;
    assert_eq!(status(&browser.await.expect("no panic")), "200");
}

#[tokio::test]
async fn only_the_registered_path_is_answered() {
    let uri = RedirectUri::parse("http://localhost/redirect").expect("a redirect address");
    let (port, wait) = waiting(&uri, ResponseMode::FormPost);
    let body = format!("code={CODE}&state={STATE}");
    for path in [
        "/",
        "/redirect/",
        "/Redirect",
        "/redirect/../redirect",
        "//redirect",
    ] {
        let other = exchange(V4, port, posted(port, path, &body).as_bytes()).await;
        assert_eq!(status(&other), "404", "{path}");
    }
    let request = posted(port, "/redirect", &body);
    let browser = tokio::spawn(async move { exchange(V4, port, request.as_bytes()).await });
    let answer = wait.await.expect("no panic").expect("the answer");
    answer.page.signed_in("ada").await;
    assert_eq!(status(&browser.await.expect("no panic")), "200");
}

#[tokio::test]
async fn early_browser_waits_in_the_backlog() {
    let redirect = Redirect::bind(&RedirectUri::localhost(0)).expect("a free port");
    let port = redirect.port();
    assert_eq!(redirect.uri(), format!("http://localhost:{port}"));
    let mut early = open_connection(port).await;
    early
        .write_all(the_answer(port).as_bytes())
        .await
        .expect("sent");
    let answer = redirect
        .wait(expecting(ResponseMode::FormPost))
        .await
        .expect("the answer");
    assert_eq!(code_of(&answer), CODE);
}

#[tokio::test]
async fn dropped_wait_closes_all_connections() {
    let redirect = Redirect::bind(&RedirectUri::localhost(0)).expect("a free port");
    let port = redirect.port();
    let mut connection = open_connection(port).await;
    let mut other = open_connection(port).await;
    other
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("sent");
    let mut wait = Box::pin(redirect.wait(expecting(ResponseMode::FormPost)));
    let mut first = [0; 1];
    tokio::select! {
        biased;
        _ = &mut wait => panic!("the wait ended before the page was served"),
        read = other.read(&mut first) => assert_eq!(read.expect("a page"), 1),
    }
    drop(wait);
    assert!(is_closed(port).await);
    assert!(!matches!(connection.read(&mut first).await, Ok(1)));
}

#[tokio::test]
async fn closed_browser_does_not_delay_the_sign_in() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let mut browser = open_connection(port).await;
    browser
        .write_all(the_answer(port).as_bytes())
        .await
        .expect("sent");
    let answer = wait.await.expect("no panic").expect("the answer");
    drop(browser);
    answer.page.signed_in("ada").await;
}

#[tokio::test]
async fn a_taken_port_is_refused() {
    let first = Redirect::bind(&RedirectUri::localhost(0)).expect("a free port");
    let error = Redirect::bind(&RedirectUri::localhost(first.port())).expect_err("taken");
    assert_eq!(error.kind(), Kind::Usage);
}

#[tokio::test]
async fn a_wait_that_fails_after_the_answer_still_gives_the_browser_its_page() {
    let listener = TcpListener::bind((V4, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let mut browser = open_connection(port).await;
    let (stream, _) = listener.accept().await.expect("connected");
    drop(Page::new(stream.into_std().expect("a socket")));
    let mut page = String::new();
    browser.read_to_string(&mut page).await.expect("a page");
    assert!(page.contains("Sign-in did not finish"), "{page}");
    assert!(page.contains("\r\nConnection: close\r\n"), "{page}");
}
