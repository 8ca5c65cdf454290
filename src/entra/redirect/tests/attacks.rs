//! Hostile requests during a sign-in, which continues.

use super::*;

/// Sends the real answer, and checks that it still ends the wait.
async fn completes(port: u16, wait: Waiting) {
    let browser =
        tokio::spawn(async move { exchange(V4, port, the_answer(port).as_bytes()).await });
    let answer = wait.await.expect("no panic").expect("the answer");
    assert_eq!(code_of(&answer), CODE);
    answer.page.signed_in("ada").await;
    assert_eq!(status(&browser.await.expect("no panic")), "200");
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_wait_continues() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let host = format!("Host: localhost:{port}\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("code={CODE}&state={STATE}");
    let length = format!("Content-Length: {}\r\n", body.len());
    let many = "X: y\r\n".repeat(65);
    let big = format!("X: {}\r\n", "y".repeat(20_000));
    for (expected, head) in [
        ("400", format!("POST / HTTP/1.1\r\n{form}{length}")),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{host}{form}{length}"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}{length}"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}Content-Length: 5, 5\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}Content-Length: +5\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}Content-Length: -1\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}Content-Length:\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}Content-Length: 0x5\r\n"),
        ),
        (
            "413",
            format!("POST / HTTP/1.1\r\n{host}{form}Content-Length: 65537\r\n"),
        ),
        (
            "413",
            format!(
                "POST / HTTP/1.1\r\n{host}{form}Content-Length: {}\r\n",
                "9".repeat(40)
            ),
        ),
        (
            "411",
            format!("POST / HTTP/1.1\r\n{host}{form}Transfer-Encoding: chunked\r\n"),
        ),
        (
            "411",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}Transfer-Encoding: xchunked\r\n"),
        ),
        (
            "411",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}transfer-encoding: identity\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}Transfer-Encoding : chunked\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}X: a\r\n folded\r\n"),
        ),
        ("400", format!("POST / HTTP/1.1\n{host}{form}{length}")),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}X: a\nY: b\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}X: a\rY: b\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}X: a\0b\r\n"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\n{host}{form}{form}{length}"),
        ),
        (
            "400",
            format!("POST / HTTP/1.1\r\nHost: localhost:{port}\u{e9}\r\n{form}{length}"),
        ),
        (
            "400",
            format!("POST http://localhost:{port}/ HTTP/1.1\r\n{host}{form}{length}"),
        ),
        ("400", format!("POST  / HTTP/1.1\r\n{host}{form}{length}")),
        (
            "400",
            format!("POST /\u{e9} HTTP/1.1\r\n{host}{form}{length}"),
        ),
        (
            "400",
            format!("CONNECT localhost:{port} HTTP/1.1\r\n{host}"),
        ),
        ("400", format!("OPTIONS * HTTP/1.1\r\n{host}")),
        ("400", "PRI * HTTP/2.0\r\n".to_owned()),
        ("400", "\u{16}\u{3}\u{1}".to_owned()),
        ("505", format!("POST / HTTP/1.0\r\n{host}{form}{length}")),
        (
            "421",
            format!("POST / HTTP/1.1\r\nHost: evil.test\r\n{form}{length}"),
        ),
        (
            "431",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}{many}"),
        ),
        (
            "431",
            format!("POST / HTTP/1.1\r\n{host}{form}{length}{big}"),
        ),
    ] {
        let answer = exchange(V4, port, format!("{head}\r\n{body}").as_bytes()).await;
        assert_eq!(status(&answer), expected, "{head:.200} -> {answer:.80}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert!(
            !answer.contains(CODE) && !answer.contains(STATE),
            "{answer}"
        );
        assert!(
            answer.contains("Still waiting for the sign-in."),
            "{answer}"
        );
    }
    completes(port, wait).await;
}

#[tokio::test]
async fn bytes_that_are_not_text_are_refused() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let latin = format!("GET / HTTP/1.1\r\nHost: localhost:{port}\r\nX: \u{0}");
    let mut raw = format!("GET /\u{7f} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n").into_bytes();
    raw[5] = 0xff;
    for bytes in [latin.as_bytes(), &raw, b"\xff\xfe\0\0", b"\r\n\r\n", b"\n"] {
        let answer = exchange(V4, port, bytes).await;
        assert_eq!(status(&answer), "400", "{bytes:?}");
    }
    completes(port, wait).await;
}

#[tokio::test]
async fn pipelined_second_request_is_ignored() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let other = format!("GET /favicon.ico HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    let both = format!("{other}{}", the_answer(port));
    let answer = exchange(V4, port, both.as_bytes()).await;
    assert_eq!(status(&answer), "404");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    let smuggled = format!("code={CODE}&state=wrong{}", the_answer(port));
    let body_is_shorter =
        posted(port, "/", "code=c&state=wrong").replace("code=c&state=wrong", &smuggled);
    let answer = exchange(V4, port, body_is_shorter.as_bytes()).await;
    assert_eq!(status(&answer), "400");
    completes(port, wait).await;
}

#[tokio::test]
async fn a_head_request_gets_no_body() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let request = format!("HEAD / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    let answer = exchange(V4, port, request.as_bytes()).await;
    assert_eq!(status(&answer), "405");
    assert!(
        answer.contains("\r\nAllow: POST\r\n") && answer.ends_with("\r\n\r\n"),
        "{answer}"
    );
    completes(port, wait).await;
}

#[tokio::test]
async fn slow_sender_does_not_delay_other_connections() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let mut slow = open_connection(port).await;
    slow.set_nodelay(true).expect("a socket");
    for byte in the_answer(port).bytes().take(100) {
        slow.write_all(&[byte]).await.expect("still welcome");
        tokio::task::yield_now().await;
    }
    completes(port, wait).await;
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest).await;
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn response_that_arrives_byte_by_byte_is_read() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let mut slow = open_connection(port).await;
    slow.set_nodelay(true).expect("a socket");
    for byte in the_answer(port).bytes() {
        slow.write_all(&[byte]).await.expect("still welcome");
        tokio::task::yield_now().await;
    }
    let answer = wait.await.expect("no panic").expect("the answer");
    assert_eq!(code_of(&answer), CODE);
}

#[tokio::test]
async fn partial_request_times_out_with_408_and_silent_connection_is_closed() {
    let listener = TcpListener::bind((V4, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    for (sent, expected) in [("", None), ("POST / HTTP/1.1\r\n", Some(408))] {
        let mut client = open_connection(port).await;
        client.write_all(sent.as_bytes()).await.expect("sent");
        let (mut stream, _) = listener.accept().await.expect("connected");
        let patience = Duration::from_millis(20);
        let status = match request::read(&mut stream, patience).await {
            Err(refusal) => refusal.map(|refusal| refusal.status().0),
            Ok(_) => panic!("there was no whole request"),
        };
        assert_eq!(status, expected);
    }
}

#[tokio::test]
async fn idle_connections_do_not_block_the_response() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let mut first = open_connection(port).await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(open_connection(port).await);
    }
    // The oldest is closed long before its time limit.
    let mut byte = [0; 1];
    let read = timeout(request::TIME_LIMIT / 2, first.read(&mut byte)).await;
    assert!(!matches!(read.expect("it is closed"), Ok(1)));
    completes(port, wait).await;
}

#[tokio::test]
async fn clients_that_send_on_and_never_read_are_closed_and_the_response_is_read() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let request = format!("GET /other HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    let requests = request.repeat(100);
    let mut held = Vec::new();
    for _ in 0..300 {
        let mut stream = open_connection(port).await;
        // It may be closed in the middle of this.
        let _ = stream.write_all(requests.as_bytes()).await;
        held.push(stream);
    }
    // During the wait, all connections but the latest are closed.
    for stream in &mut held[..200] {
        let mut page = Vec::new();
        let _ = stream.read_to_end(&mut page).await;
        let page = String::from_utf8_lossy(&page);
        assert!(page.matches("HTTP/1.1 ").count() <= 1, "{page}");
    }
    completes(port, wait).await;
}

#[tokio::test]
async fn half_a_request_and_a_caller_that_stays_after_its_page_have_ten_seconds() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let mut half = open_connection(port).await;
    half.write_all(b"GET / HTTP/1.1\r\nHost: ")
        .await
        .expect("sent");
    let mut staying = open_connection(port).await;
    let request = format!("GET /other HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    staying.write_all(request.as_bytes()).await.expect("sent");
    let hangs = 3 * request::TIME_LIMIT;
    let mut page = String::new();
    let read = timeout(hangs, half.read_to_string(&mut page)).await;
    read.expect("it is closed").expect("a page");
    assert_eq!(status(&page), "408", "{page}");
    // It never reads its page, and sends on.
    let mut pause = tokio::time::interval(Duration::from_millis(100));
    let sends_on = async {
        while staying.write_all(b"x").await.is_ok() {
            pause.tick().await;
        }
    };
    timeout(hangs, sends_on).await.expect("it is closed");
    completes(port, wait).await;
}

#[tokio::test]
async fn answered_connections_that_stay_open_do_not_block_the_response() {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let mut slow = open_connection(port).await;
    slow.write_all(b"P").await.expect("sent");
    let mut staying = Vec::new();
    for _ in 0..100 {
        let mut other = open_connection(port).await;
        other.write_all(b"x").await.expect("sent");
        let mut byte = [0; 1];
        other.read_exact(&mut byte).await.expect("a page");
        staying.push(other);
    }
    // A connection that still sends outlasts those that got their page.
    let rest = the_answer(port);
    slow.write_all(&rest.as_bytes()[1..]).await.expect("sent");
    let answer = wait.await.expect("no panic").expect("the answer");
    assert_eq!(code_of(&answer), CODE);
}

/// The memory of a flood is measured in another process, because the other tests use memory too.
#[cfg(target_os = "linux")]
#[test]
fn floods_cost_no_more_memory_than_the_limits() {
    let this = std::env::current_exe().expect("the tests' binary");
    let measured = "entra::redirect::tests::attacks::a_flood_measured_alone";
    let run = std::process::Command::new(this)
        .args(["--exact", measured, "--ignored", "--nocapture"])
        .output()
        .expect("started");
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && output.contains("grew by"),
        "{output}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "started by the test above"]
async fn a_flood_measured_alone() {
    fn kib(name: &str) -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
        let line = status.lines().find(|line| line.starts_with(name));
        let digits = line.and_then(|line| line.split_whitespace().nth(1));
        digits.and_then(|digits| digits.parse().ok()).expect(name)
    }
    /// Sends 50 MB after the opening, from one small buffer, and returns the response.
    async fn pour(port: u16, opening: String) -> String {
        let mut stream = open_connection(port).await;
        stream.write_all(opening.as_bytes()).await.expect("sent");
        let drop = vec![b'a'; 64 * 1024];
        for _ in 0..800 {
            stream.write_all(&drop).await.expect("drained");
        }
        let mut page = String::new();
        stream
            .read_to_string(&mut page)
            .await
            .expect("a page, not a reset");
        page
    }
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let before = kib("VmRSS:");
    let opening = format!("POST / HTTP/1.1\r\nHost: localhost:{port}\r\n");
    let header = tokio::spawn(pour(port, format!("{opening}X: ")));
    let body = tokio::spawn(pour(
        port,
        format!("{opening}Content-Length: 52428800\r\n\r\n"),
    ));
    assert_eq!(status(&header.await.expect("no panic")), "431");
    assert_eq!(status(&body.await.expect("no panic")), "413");
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(open_connection(port).await);
    }
    completes(port, wait).await;
    let grown = kib("VmHWM:").saturating_sub(before);
    println!("grew by {grown} KiB");
    assert!(grown < 32 * 1024, "grew by {grown} KiB");
}
