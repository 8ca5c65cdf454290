//! Where a request ends: nothing that is hidden behind one is taken for another.

use super::{AttackedService, count_responses, on_each_service};
use crate::harness::http;

#[test]
fn a_request_that_could_be_read_in_two_ways_hides_no_second_one() {
    on_each_service(hide_requests);
}

fn hide_requests(attacked: AttackedService<'_>) {
    let (ours, right) = (attacked.host(), attacked.bearer());
    // What is smuggled knows the secret: it would be answered with a token, were it taken for a
    // request.
    let hidden = format!("GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n");
    let length = hidden.len();
    let chunk = format!("{length:x}\r\n{hidden}\r\n0\r\n\r\n");
    for (what, headers, body) in [
        (
            "a body that looks like a request",
            format!("Content-Length: {length}"),
            hidden.clone(),
        ),
        (
            "a chunk that looks like a request",
            "Transfer-Encoding: chunked".to_owned(),
            chunk,
        ),
        (
            "chunked, and a length that ends before",
            "Transfer-Encoding: chunked\r\nContent-Length: 5".to_owned(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "a length that ends before, and chunked",
            "Content-Length: 5\r\nTransfer-Encoding: chunked".to_owned(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "chunked twice over",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked".to_owned(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "chunked, and then as it is",
            "Transfer-Encoding: chunked, identity".to_owned(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "chunked by half",
            "Transfer-Encoding: xchunked".to_owned(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "chunked with a tab",
            "Transfer-Encoding:\tchunked\r\nContent-Length: 5".to_owned(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "a blank before the colon",
            "Transfer-Encoding : chunked".to_owned(),
            format!("0\r\n\r\n{hidden}"),
        ),
        (
            "two lengths",
            format!("Content-Length: {length}\r\nContent-Length: 0"),
            hidden.clone(),
        ),
        (
            "two lengths in one",
            format!("Content-Length: {length}, 0"),
            hidden.clone(),
        ),
        (
            "a length with a sign",
            format!("Content-Length: +{length}"),
            hidden.clone(),
        ),
        (
            "a negative length",
            "Content-Length: -1".to_owned(),
            hidden.clone(),
        ),
        (
            "a length in hexadecimal",
            format!("Content-Length: 0x{length:x}"),
            hidden.clone(),
        ),
        (
            "a length beyond all numbers",
            "Content-Length: 18446744073709551616".to_owned(),
            hidden.clone(),
        ),
        (
            "a chunk beyond all numbers",
            "Transfer-Encoding: chunked".to_owned(),
            format!("10000000000000000\r\n{hidden}"),
        ),
        (
            "a chunk with a sign",
            "Transfer-Encoding: chunked".to_owned(),
            format!("-0\r\n\r\n{hidden}"),
        ),
        (
            "a chunk without end",
            "Transfer-Encoding: chunked".to_owned(),
            format!("1\r\nxx\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "a folded line",
            format!("X-Folded: a\r\n {right}"),
            String::new(),
        ),
        (
            "a name with a blank",
            format!("X Name: a\r\nContent-Length: {length}"),
            hidden.clone(),
        ),
        (
            "no name",
            format!(": a\r\nContent-Length: {length}"),
            hidden.clone(),
        ),
        (
            "a lone carriage return",
            format!("X-A: b\rContent-Length: {length}"),
            hidden.clone(),
        ),
        ("a NUL in a value", "X-A: b\0c".to_owned(), String::new()),
        ("a NUL in a name", "X-\0A: b".to_owned(), String::new()),
    ] {
        // No route takes a body there; without the secret nothing would be read at all.
        for secret in ["X-None: x", &right] {
            let text =
                format!("PUT /token HTTP/1.1\r\n{ours}\r\n{secret}\r\n{headers}\r\n\r\n{body}");
            let response = attacked.send_bytes(text.as_bytes());
            attacked.assert_tells_nothing(what, &response);
            assert!(count_responses(&response) <= 1, "{what}: {response}");
        }
        // Where a body is read, it is what was said to be the body.
        let text =
            format!("POST /identities HTTP/1.1\r\n{ours}\r\n{right}\r\n{headers}\r\n\r\n{body}");
        let response = attacked.send_bytes(text.as_bytes());
        attacked.assert_holds_nothing(what, &response);
        assert!(count_responses(&response) <= 1, "{what}: {response}");
        attacked.assert_still_answers();
    }
    attacked.end();
}

#[test]
fn what_is_no_http_is_refused_or_means_just_one_thing() {
    on_each_service(send_other_bytes);
}

fn send_other_bytes(attacked: AttackedService<'_>) {
    let (ours, right) = (attacked.host(), attacked.bearer());
    for (what, text) in [
        ("HTTP/0.9", "GET /token\r\n\r\n".to_owned()),
        (
            "HTTP/3.0",
            format!("GET /token HTTP/3.0\r\n{ours}\r\n{right}\r\n\r\n"),
        ),
        (
            "another protocol",
            format!("GET /token HTPT/1.1\r\n{ours}\r\n{right}\r\n\r\n"),
        ),
        (
            "a blank first",
            format!(" GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n"),
        ),
        (
            "two blanks",
            format!("GET  /token HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n"),
        ),
        (
            "a header first",
            format!("{right}\r\nGET /token HTTP/1.1\r\n{ours}\r\n\r\n"),
        ),
        (
            "a blank in the path",
            format!("GET /token x HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n"),
        ),
        (
            "a folded first line",
            format!("GET /token HTTP/1.1\r\n {ours}\r\n{right}\r\n\r\n"),
        ),
        (
            "a folded secret",
            format!(
                "GET /token HTTP/1.1\r\n{ours}\r\nAuthorization:\r\n Bearer {}\r\n\r\n",
                attacked.service.secret
            ),
        ),
        (
            "lone carriage returns",
            format!("GET /token HTTP/1.1\r{ours}\r{right}\r\r"),
        ),
        (
            "a head that ends early",
            format!("GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n"),
        ),
        (
            "a hundred and more headers",
            format!(
                "GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n{}\r\n",
                "X: y\r\n".repeat(120)
            ),
        ),
        ("noise", "\u{1}\u{2}\u{3}\u{4}\r\n\r\n".repeat(100)),
    ] {
        let response = attacked.send_bytes(text.as_bytes());
        attacked.assert_tells_nothing(what, &response);
        assert!(count_responses(&response) <= 1, "{what}: {response}");
    }
    // Line ends without their carriage return are allowed (RFC 9112, section 2.2), and mean the
    // same: neither host nor secret can be left out by them.
    let evil = format!("GET /token HTTP/1.1\nHost: evil.example\n{right}\nConnection: close\n\n");
    // A caller that hangs up at once may find no answer, so these stay until they have it.
    let say = |text: &str| http::exchange(attacked.connect(), text.as_bytes());
    attacked.assert_refused("bare lines", &say(&evil), 421);
    let bare = format!("GET /token HTTP/1.1\n{ours}\nConnection: close\n\n");
    attacked.assert_refused("bare lines", &say(&bare), 401);
    attacked.end();
}

#[test]
fn of_many_requests_in_one_breath_each_is_judged_by_itself() {
    on_each_service(send_many_at_once);
}

fn send_many_at_once(attacked: AttackedService<'_>) {
    let (ours, right) = (attacked.host(), attacked.bearer());
    let good = format!("GET /token HTTP/1.1\r\n{ours}\r\n{right}\r\n\r\n");
    let rebound = format!("GET /token HTTP/1.1\r\nHost: evil.example\r\n{right}\r\n\r\n");
    let foreign =
        format!("GET /token HTTP/1.1\r\n{ours}\r\nOrigin: http://evil.example\r\n{right}\r\n\r\n");
    let nobody = format!("GET /token HTTP/1.1\r\n{ours}\r\n\r\n");
    for (refused, refusal) in [(&rebound, "421"), (&foreign, "403"), (&nobody, "401")] {
        // What follows a refusal is not answered.
        let breath = good.repeat(50) + refused + &good.repeat(50);
        let text = http::exchange(attacked.connect(), breath.as_bytes());
        let statuses: Vec<&str> = text
            .split("HTTP/1.1 ")
            .skip(1)
            .map(|response| {
                let (status, rest) = response.split_at(3);
                assert_eq!(rest.contains(&attacked.token), status == "200", "{status}");
                status
            })
            .collect();
        let mut wanted = vec!["200"; 50];
        wanted.push(refusal);
        assert_eq!(statuses, wanted);
    }
    attacked.end();
}
