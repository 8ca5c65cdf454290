//! Cookies of other programs on localhost: a browser sends them to each of this program's listeners.

use crate::harness::{Home, http};

const KB: usize = 1000;

/// Cookies of this many bytes, as a browser sends them: in one header.
fn cookies(bytes: usize) -> String {
    let each = 4000;
    let jar: Vec<String> = (0..bytes / each)
        .map(|number| format!("app{number:03}={}", "x".repeat(each - 9)))
        .collect();
    format!("Cookie: {}\r\n", jar.join("; "))
}

#[track_caller]
fn assert_bounded(port: u16, target: &str, status: u16) {
    let ask = |headers: &str| {
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{headers}\r\n"
        );
        http::send(port, &request)
    };
    for bytes in [16 * KB, 64 * KB, 100 * KB] {
        let answer = ask(&cookies(bytes));
        assert_eq!(http::status(&answer), status, "{bytes}: {answer}");
    }
    let answer = ask(&cookies(140 * KB));
    assert_eq!(http::status(&answer), 431, "{answer}");
    assert!(
        answer.contains("bytes of cookies") && answer.contains("Delete the cookies of localhost")
    );
    assert!(!answer.contains("app001"), "{answer}");
    // Nothing else of a head became larger, and there is an end to the cookies.
    let answer = ask(&format!("X-Long: {}\r\n", "x".repeat(100 * KB)));
    assert_eq!(http::status(&answer), 431, "{answer}");
    let answer = ask(&cookies(1000 * KB));
    assert!(matches!(http::status(&answer), 0 | 431), "{answer}");
}

#[test]
fn cookies_of_other_apps_shut_no_browser_out() {
    let (mut home, emulator) = Home::with_emulator();
    let state = home.path().join("state").display().to_string();
    home.set("ACSPASS_STATE_DIR", &state);
    let port = |url: &str| {
        let url = url::Url::parse(url).expect("an address");
        url.port().expect("a port")
    };
    assert_bounded(port(&emulator.http_url()), "/", 200);

    let mut process = home
        .call(&["serve", "--port", "0", "--open", "-o", "json"])
        .spawn();
    let link = process.printed_address();
    let ready: serde_json::Value = serde_json::from_str(&process.next_line()).expect("JSON");
    assert_bounded(port(ready["url"].as_str().expect("a URL")), "/healthz", 200);
    // The page that says how to open the dashboard.
    assert_bounded(port(&link), "/", 401);
    process.signal("INT");
    process.end().assert_code(0);
}
