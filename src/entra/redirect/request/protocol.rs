//! Recognises connections that do not begin with an HTTP/1.1 request.

/// The protocol of a connection, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// The start of an HTTP/1.1 request, as far as the bytes can tell.
    Http1,
    /// A TLS ClientHello: the address has `https`, or an HSTS entry for localhost forces it.
    Tls,
    /// HTTP/2's preface without TLS (RFC 9113, section 3.4).
    Http2,
    /// None of these.
    Other,
    /// More bytes decide.
    Unclear,
}

const PREFACE: &[u8] = b"PRI * HTTP/2";

/// A handshake record of SSL 3.0 or TLS 1.x (RFC 8446, section 5.1): its first three bytes.
const RECORD: [u8; 3] = [22, 3, 4];
/// More than any ClientHello that fits one record.
const LONGEST_RECORD: usize = 1 << 14;

/// Detects the protocol by the first bytes of a connection.
pub(super) fn detect(bytes: &[u8]) -> Protocol {
    match bytes {
        [] => Protocol::Unclear,
        [first, ..] if *first == RECORD[0] => record(bytes),
        [first, ..] if first & 0x80 != 0 => sslv2_hello(bytes),
        [first, ..] if !first.is_ascii_uppercase() => Protocol::Other,
        _ if bytes.starts_with(PREFACE) => Protocol::Http2,
        _ if PREFACE.starts_with(bytes) => Protocol::Unclear,
        _ => Protocol::Http1,
    }
}

/// Type, version, length, and then the handshake's type: 1 is a ClientHello.
fn record(bytes: &[u8]) -> Protocol {
    let is_hello = [
        true,
        bytes.get(1).is_none_or(|major| *major == RECORD[1]),
        bytes.get(2).is_none_or(|minor| *minor <= RECORD[2]),
        bytes.get(3..5).is_none_or(|length| {
            let length = usize::from(length[0]) << 8 | usize::from(length[1]);
            (4..=LONGEST_RECORD).contains(&length)
        }),
        bytes.get(5).is_none_or(|kind| *kind == 1),
    ];
    match (is_hello.iter().all(|fits| *fits), bytes.len()) {
        (false, _) => Protocol::Other,
        (true, 0..6) => Protocol::Unclear,
        (true, _) => Protocol::Tls,
    }
}

/// A ClientHello in SSL 2.0's form (RFC 5246, appendix E.2): a length with the high bit set, 1,
/// and a version.
fn sslv2_hello(bytes: &[u8]) -> Protocol {
    let is_hello = bytes.get(2).is_none_or(|kind| *kind == 1)
        && bytes.get(3).is_none_or(|major| matches!(major, 0 | 3))
        && bytes.get(4).is_none_or(|minor| *minor <= RECORD[2]);
    match (is_hello, bytes.len()) {
        (false, _) => Protocol::Other,
        (true, 0..5) => Protocol::Unclear,
        (true, _) => Protocol::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hello_is_recognised_in_every_version() {
        let hellos: [&[u8]; 4] = [
            &[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3],
            &[22, 3, 0, 0, 100, 1],
            &[22, 3, 3, 7, 216, 1, 0],
            &[0x80, 46, 1, 3, 1],
        ];
        for hello in hellos {
            assert_eq!(detect(hello), Protocol::Tls, "{hello:?}");
            assert_eq!(detect(&hello[..4]), Protocol::Unclear, "{hello:?}");
            assert_eq!(detect(&hello[..1]), Protocol::Unclear, "{hello:?}");
        }
        assert_eq!(detect(&[0x80, 25, 1, 0, 2]), Protocol::Tls, "SSL 2.0");
    }

    #[test]
    fn other_bytes_are_no_client_hello() {
        let others: [&[u8]; 9] = [
            &[22, 2, 1, 2, 0, 1],
            &[22, 3, 5, 2, 0, 1],
            &[22, 3, 1, 255, 0, 1],
            &[22, 3, 1, 2, 0, 2],
            &[21, 3, 1, 0, 2],
            &[0xff, 0xfe, 0, 0],
            &[0x80, 46, 4, 3, 1],
            b"\r\n",
            b"get / HTTP/1.1",
        ];
        for bytes in others {
            assert_eq!(detect(bytes), Protocol::Other, "{bytes:?}");
        }
    }

    #[test]
    fn request_differs_from_the_http2_preface_by_its_first_different_byte() {
        assert_eq!(detect(b"PRI * HTTP/2.0\r\n"), Protocol::Http2);
        for start in ["P", "PRI", "PRI * HTTP/"] {
            assert_eq!(detect(start.as_bytes()), Protocol::Unclear, "{start}");
        }
        for request in ["PO", "GET", "PRI / HTTP/1.1", "PRI * HTTP/1"] {
            assert_eq!(detect(request.as_bytes()), Protocol::Http1, "{request}");
        }
    }
}
