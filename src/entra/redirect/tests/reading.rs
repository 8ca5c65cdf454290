//! The response among other requests, as tables.

use super::*;

fn request(method: &str, target: &str, body: &[u8]) -> Request {
    let content_type = "application/x-www-form-urlencoded".to_owned();
    Request {
        method: method.to_owned(),
        target: Zeroizing::new(target.to_owned()),
        headers: vec![
            ("host", "localhost:8080".to_owned()),
            ("content-type", content_type),
        ],
        body: Zeroizing::new(body.to_vec()),
    }
}

/// Replaces a header.
fn set(request: &mut Request, name: &'static str, value: &str) {
    request.headers.retain(|(known, _)| *known != name);
    request.headers.push((name, value.to_owned()));
}

fn read_as(mode: ResponseMode, request: &Request) -> Result<AuthorizationResponse, u16> {
    let judged = judge("s", mode, None).judge(request, Admission::Trusted);
    let answer = judged.map_err(|refusal| refusal.status().0)?;
    Ok(answer.expect("there is no start page"))
}

fn read(request: &Request) -> Result<AuthorizationResponse, u16> {
    read_as(ResponseMode::FormPost, request)
}

#[test]
fn only_one_state_and_one_result_make_an_answer() {
    for body in [
        "state=s&code=c",
        "code=c&state=s&session_state=1&session_state=2&unknown",
        "&&state=s&&code=c&",
        "%73tate=%73&code=%63",
        "state=s&error=access_denied",
        "state=s&error=access_denied&error_description=",
    ] {
        assert!(
            read(&request("POST", "/", body.as_bytes())).is_ok(),
            "{body}"
        );
    }
    let long = format!("state=s&code={}", "c".repeat(33 * 1024));
    for body in [
        "",
        "state=s",
        "code=c",
        "state=&code=c",
        "state=S&code=c",
        "state=s%00&code=c",
        "state=s+&code=c",
        "state=ss&code=c",
        "state=s&state=s&code=c",
        "state=s&code=c&code=c",
        "state=s&code=c&%63ode=d",
        "state=s&code=",
        "state=s&code=&error=access_denied",
        "state=s&code=c&error=access_denied",
        "state=s&error=",
        "state=s&error=%00%0d%0a",
        "state=s&code=a%00b",
        "state=s&code=a%0d%0ab",
        "state=s&code=%ff%fe",
        "state=s&code=c&iss=a&iss=b",
        "state=s&code=c&iss=",
        "state=s&code=c&iss=a%00",
        "State=s&Code=c",
        "{\"state\":\"s\",\"code\":\"c\"}",
        &long,
    ] {
        assert_eq!(
            read(&request("POST", "/", body.as_bytes())),
            Err(400),
            "{body:.60}"
        );
    }
    assert_eq!(read(&request("POST", "/", b"state=\xff&code=c")), Err(400));
}

#[test]
fn an_empty_state_of_ours_matches_nothing() {
    let empty = request("POST", "/", b"state=&code=c");
    let refused = judge("", ResponseMode::FormPost, None).judge(&empty, Admission::Trusted);
    assert_eq!(refused.map_err(|refusal| refusal.status().0), Err(400));
}

#[test]
fn each_unexpected_request_gets_its_status() {
    let good = || request("POST", "/", b"state=s&code=c");
    type Change = fn(&mut Request);
    let table: [(u16, Change); 19] = [
        (421, |r| set(r, "host", "evil.test:8080")),
        (421, |r| set(r, "host", "localhost")),
        (421, |r| set(r, "host", "")),
        (421, |r| set(r, "host", "localhost:8081")),
        (403, |r| set(r, "sec-fetch-mode", "cors")),
        (403, |r| set(r, "sec-fetch-mode", "no-cors")),
        (403, |r| set(r, "sec-fetch-mode", "navigate, cors")),
        (404, |r| *r.target = "/favicon.ico".into()),
        (404, |r| *r.target = "/%2f".into()),
        (404, |r| *r.target = "//".into()),
        (400, |r| *r.target = "/?state=s&code=c".into()),
        (400, |r| *r.target = "/?".into()),
        (405, |r| r.method = "GET".into()),
        (405, |r| r.method = "HEAD".into()),
        (405, |r| r.method = "OPTIONS".into()),
        (405, |r| r.method = "post".into()),
        (415, |r| r.headers.truncate(1)),
        (415, |r| set(r, "content-type", "text/plain")),
        (415, |r| {
            set(r, "content-type", "multipart/form-data; boundary=x")
        }),
    ];
    assert!(read(&good()).is_ok());
    for (at, (status, change)) in table.into_iter().enumerate() {
        let mut other = good();
        change(&mut other);
        assert_eq!(read(&other), Err(status), "row {at}");
    }
    for content_type in [
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Application/X-WWW-Form-Urlencoded ;x",
    ] {
        let mut accepted = good();
        set(&mut accepted, "content-type", content_type);
        assert!(read(&accepted).is_ok(), "{content_type}");
    }
}

#[test]
fn response_in_the_query_is_refused_in_form_post_mode() {
    let stray = request("GET", "/?code=c&state=s", b"");
    assert_eq!(read(&stray), Err(400));
    assert_eq!(read(&request("GET", "/?code=c&state=x", b"")), Err(405));
    assert!(read_as(ResponseMode::Query, &stray).is_ok());
    let head = request("HEAD", "/?code=c&state=s", b"");
    assert_eq!(read_as(ResponseMode::Query, &head), Err(405));
}

#[test]
fn texts_of_a_response_are_bounded() {
    let body = format!(
        "state=s&error={}&error_description={}&claims={}",
        "e".repeat(999),
        "d".repeat(9_999),
        "c".repeat(20_000)
    );
    let response = read(&request("POST", "/", body.as_bytes())).expect("the answer");
    let Callback::Denied(denial) = response.outcome else {
        panic!("not denied");
    };
    assert_eq!(denial.error.len(), 128);
    assert_eq!(denial.description.map(|text| text.len()), Some(2048));
    assert_eq!(denial.claims, None);
}

#[test]
fn the_issuer_comes_along() {
    let body = b"state=s&code=c&iss=https%3A%2F%2Flogin.test%2Ft%2Fv2.0";
    let response = read(&request("POST", "/", body)).expect("the answer");
    assert_eq!(
        response.issuer.as_deref(),
        Some("https://login.test/t/v2.0")
    );
    assert!(!format!("{response:?}").contains("\"c\""));
}
