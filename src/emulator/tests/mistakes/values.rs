//! Mistakes in the values of the signed text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{BODY, Change, ISSUE, authorize, refused, replace, sign, text, with_change};
use crate::emulator::tests::harness::published::ACCESS_KEY_BYTES;
use crate::emulator::tests::harness::{Fixture, NOW};
use crate::time::Timestamp;

#[test]
fn a_mistake_in_method_or_host_is_named() {
    let fixture = Fixture::new();
    let cases: &[(Change, &str)] = &[
        (
            |s| s.method.make_ascii_lowercase(),
            "the method was signed in lower case",
        ),
        (
            |s| s.method = "PUT".to_owned(),
            "the method PUT was signed, but POST was sent",
        ),
        (
            |s| s.host.truncate("localhost".len()),
            "the host was signed without its port",
        ),
        (
            |s| s.host = "localhost:443".to_owned(),
            "the host was signed with port 443",
        ),
        (
            |s| s.host = "localhost:80".to_owned(),
            "the host was signed with port 80",
        ),
        (
            |s| s.host.push('/'),
            "the host was signed with a slash at its end",
        ),
        (
            |s| s.host.insert_str(0, "https://"),
            "the host was signed with its scheme",
        ),
        (
            |s| s.host = format!("http://{}/", s.host),
            "the whole endpoint was signed as the host",
        ),
        (
            |s| s.host.make_ascii_uppercase(),
            "the host was signed in capitals",
        ),
        (|s| s.host.clear(), "the host was signed as an empty text"),
        (
            |s| s.host = format!("{}:{}", s.host, &s.host["localhost:".len()..]),
            "the host was signed with its port twice",
        ),
        (
            |s| replace(&mut s.host, "localhost", "127.0.0.1"),
            "another name of this host was signed than the Host header has",
        ),
        (
            |s| replace(&mut s.host, "localhost", "[::1]"),
            "another name of this host was signed than the Host header has",
        ),
    ];
    for (change, mistake) in cases {
        assert_eq!(with_change(&fixture, *change).as_deref(), Some(*mistake));
    }
}

#[test]
fn a_mistake_in_path_or_query_is_named() {
    let fixture = Fixture::new();
    let cases: &[(Change, &str)] = &[
        (
            |s| s.target.truncate(s.target.find('?').expect("a query")),
            "the query, with the api-version, is missing in the signed path",
        ),
        (
            |s| replace(&mut s.target, "api-version=2023-10-01&", ""),
            "the api-version is missing in the signed path",
        ),
        (
            |s| s.target = s.target[1..].to_owned(),
            "the signed path has no slash at its start",
        ),
        (
            |s| s.target.insert(0, '/'),
            "the signed path has two slashes at its start",
        ),
        (
            |s| replace(&mut s.target, "?", "/?"),
            "the signed path has a slash at its end",
        ),
        (
            |s| replace(&mut s.target, "?", ""),
            "the signed path and query have no `?` between them",
        ),
        (
            |s| replace(&mut s.target, "?", "\n"),
            "the signed path and query are on two lines",
        ),
        (
            |s| s.target = s.target.split_once('?').expect("a query").1.to_owned(),
            "the query was signed without the path",
        ),
        (
            |s| s.target = format!("http://{}{}", s.host, s.target),
            "the whole URL was signed, not path and query",
        ),
        (
            |s| replace(&mut s.target, "%3A", ":"),
            "the signed path is percent-decoded, the sent path is not",
        ),
        (
            |s| replace(&mut s.target, "%3A", "%3a"),
            "the signed path has its escapes in lower case",
        ),
        (
            |s| replace(&mut s.target, "%3A", "%253A"),
            "the signed path is percent-encoded twice",
        ),
        (
            |s| replace(&mut s.target, ":issue", "%3Aissue"),
            "the signed path has `%3A`, the sent path has `:`",
        ),
        (
            |s| replace(&mut s.target, "x%20y", "x+y"),
            "the query was signed in another encoding or order than it was sent",
        ),
        (
            |s| {
                replace(
                    &mut s.target,
                    "api-version=2023-10-01&a=x%20y",
                    "a=x%20y&api-version=2023-10-01",
                );
            },
            "the query was signed in another encoding or order than it was sent",
        ),
        (
            |s| s.target.make_ascii_lowercase(),
            "path and query were signed in lower case",
        ),
    ];
    for (change, mistake) in cases {
        assert_eq!(with_change(&fixture, *change).as_deref(), Some(*mistake));
    }
    // The sent path differs from the usual one.
    let signs = |sent: &str, signed: &str| {
        let response = fixture.tampered("POST", sent, BODY, |parts| {
            parts.target = signed.to_owned();
            let signature = STANDARD.encode(sign(ACCESS_KEY_BYTES, &text(parts)));
            authorize(parts, &signature);
            parts.target = sent.to_owned();
        });
        assert_eq!(response.status, 401);
        fixture
            .emulator
            .requests()
            .pop()
            .expect("one was seen")
            .mistake
    };
    let mistake = signs(&format!("/{ISSUE}"), ISSUE);
    assert_eq!(
        mistake.as_deref(),
        Some("the sent path has two slashes at its start, the signed path has one")
    );
    let mistake = signs(&ISSUE.replace("%3A", "%3a"), ISSUE);
    assert_eq!(
        mistake.as_deref(),
        Some("the signed path has its escapes in capitals")
    );
}

#[test]
fn a_mistake_in_the_date_is_named() {
    let fixture = Fixture::new();
    let form = "the date was signed in another form than it was sent";
    let cases: &[(Change, &str)] = &[
        (
            |s| s.date = Timestamp::from_unix_seconds(NOW).to_string(),
            form,
        ),
        (|s| s.date = NOW.to_string(), form),
        (|s| replace(&mut s.date, "GMT", "+0000"), form),
        (|s| s.date.clear(), "the date was signed as an empty text"),
        (
            |s| s.date = Timestamp::from_unix_seconds(NOW - 1).to_http_date(),
            "the signed date is 1 s earlier than the sent one: the client read the clock twice",
        ),
        (
            |s| s.date = Timestamp::from_unix_seconds(NOW + 2).to_http_date(),
            "the signed date is 2 s later than the sent one: the client read the clock twice",
        ),
    ];
    for (change, mistake) in cases {
        assert_eq!(with_change(&fixture, *change).as_deref(), Some(*mistake));
    }
    let entry = refused(&fixture, |signed| {
        let sent = signed.date.clone();
        let other = Timestamp::from_unix_seconds(NOW - 60).to_http_date();
        signed.date.clone_from(&other);
        let signature = STANDARD.encode(sign(ACCESS_KEY_BYTES, &text(signed)));
        authorize(signed, &signature);
        signed.date = format!("{sent}\r\nDate: {other}");
    });
    let mistake = "the value of date was signed, but SignedHeaders names x-ms-date";
    assert_eq!(entry.mistake.as_deref(), Some(mistake));
}
