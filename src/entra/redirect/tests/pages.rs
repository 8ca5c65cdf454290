//! The delivery of the page: over one connection, read to its end, within a time limit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::*;

/// The longest delivery: 3 s for the page, 1 s for its end, and slack for a busy machine.
const LONGEST: Duration = Duration::from_secs(8);

/// Completes the wait with a browser that has not read its page yet.
async fn answered() -> (TcpStream, Received) {
    let (port, wait) = waiting(&RedirectUri::localhost(0), ResponseMode::FormPost);
    let mut browser = open_connection(port).await;
    let request = the_answer(port);
    browser.write_all(request.as_bytes()).await.expect("sent");
    let answer = wait.await.expect("no panic").expect("the answer");
    (browser, answer)
}

#[tokio::test]
async fn a_page_in_a_log_has_no_addresses() {
    let (_, answer) = answered().await;
    assert_eq!(format!("{:?}", answer.page), "Page");
}

#[tokio::test]
async fn a_slow_reader_gets_its_whole_page_before_the_delivery_ends() {
    let (mut browser, answer) = answered().await;
    let has_read = Arc::new(AtomicBool::new(false));
    let is_read = has_read.clone();
    let reader = tokio::spawn(async move {
        let mut page = Vec::new();
        let mut pause = tokio::time::interval(Duration::from_millis(5));
        let mut chunk = [0; 100];
        loop {
            match browser.read(&mut chunk).await.expect("no reset") {
                0 => break,
                read => page.extend_from_slice(&chunk[..read]),
            }
            pause.tick().await;
        }
        is_read.store(true, Ordering::SeqCst);
        String::from_utf8(page).expect("text")
    });
    timeout(LONGEST, answer.page.signed_in("ada"))
        .await
        .expect("in time");
    assert!(
        has_read.load(Ordering::SeqCst),
        "the page was read to its end"
    );
    let page = reader.await.expect("no panic");
    assert!(page.ends_with("</html>"), "{page}");
}

#[tokio::test]
async fn a_reader_slower_than_the_limit_still_gets_its_whole_page() {
    let (mut browser, answer) = answered().await;
    let delivery = answer.page.signed_in("ada");
    timeout(LONGEST, delivery).await.expect("in time");
    let mut page = String::new();
    browser.read_to_string(&mut page).await.expect("no reset");
    assert!(page.ends_with("</html>"), "{page}");
}

#[tokio::test]
async fn a_browser_that_resets_its_connection_does_not_fail_or_delay_the_sign_in() {
    let (browser, answer) = answered().await;
    browser.set_zero_linger().expect("a socket");
    drop(browser);
    assert_eq!(code_of(&answer), CODE);
    let started = Instant::now();
    answer.page.signed_in("ada").await;
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_browser_that_never_stops_sending_is_left_after_the_limit() {
    let (mut browser, answer) = answered().await;
    let sender = tokio::spawn(async move {
        while browser.write_all(&[b'x'; 4096]).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let delivery = answer.page.signed_in("ada");
    timeout(LONGEST, delivery).await.expect("in time");
    timeout(LONGEST, sender)
        .await
        .expect("its connection is closed")
        .expect("no panic");
}
