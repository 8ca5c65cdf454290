//! Callers that are refused while they still send.

use std::io::Write;

use super::{AttackedService, on_each_service};
use crate::harness::http;

fn request_lines(method: &str, target: &str, headers: &[&str]) -> String {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text
}

#[test]
fn refused_caller_reads_why_and_its_connection_ends() {
    on_each_service(send_a_large_body);
}

fn send_a_large_body(attacked: AttackedService<'_>) {
    let (host, bearer) = (attacked.host(), attacked.bearer());
    let length = "Content-Length: 900000";
    let cases: [(u16, Vec<&str>); 3] = [
        (401, vec![&host, length]),
        (
            403,
            vec![&host, &bearer, "Origin: http://other.test", length],
        ),
        (421, vec!["Host: other.test", &bearer, length]),
    ];
    for (status, headers) in cases {
        let mut stream = attacked.connect();
        stream
            .set_write_timeout(Some(http::TIMEOUT))
            .expect("a limit");
        let head = request_lines("POST", "/identities", &headers);
        stream.write_all(head.as_bytes()).expect("it is open");
        // The answer is there long before all of this is sent.
        stream.write_all(&vec![b' '; 900_000]).expect("it is taken");
        let text = http::read_to_end(&mut stream);
        let response = attacked.assert_refused("a large body", &text, status);
        let close = response.header("connection");
        assert_eq!(close, Some("close"), "{text}");
    }
    attacked.end();
}
