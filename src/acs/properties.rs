//! The signature of a request against a computation with another implementation of HMAC-SHA256, and
//! another calendar.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use ring::{digest, hmac};

use super::*;
use crate::secret::AccessKey;
use crate::time::Timestamp;

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn target() -> impl Strategy<Value = String> {
    let word = "[a-zA-Z0-9:._~%-]{0,20}";
    let query =
        proptest::option::of("[a-z-]{1,12}=[a-zA-Z0-9.-]{0,20}(&[a-z]{1,8}=[0-9]{1,4}){0,2}");
    (vec(word, 1..4), query).prop_map(|(words, query)| {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("/{}{query}", words.join("/"))
    })
}

fn host() -> impl Strategy<Value = String> {
    (
        "[a-z0-9-]{1,20}(\\.[a-z0-9-]{1,12}){0,3}",
        proptest::option::of(any::<u16>()),
    )
        .prop_map(|(host, port)| match port {
            Some(port) => format!("{host}:{port}"),
            None => host,
        })
}

proptest! {
    #![proptest_config(config())]

    /// The string to sign has three lines: the method, the target, and date, host and hash of the body.
    #[test]
    fn signature_is_the_hmac_of_the_three_lines(
        method in proptest::sample::select(&["GET", "POST", "PUT", "PATCH", "DELETE"][..]),
        target in target(),
        host in host(),
        body in vec(any::<u8>(), 0..2000),
        key in vec(any::<u8>(), 0..100),
        seconds in 0..4_000_000_000_i64,
    ) {
        let request = RequestToSign {
            method,
            target: &target,
            host: &host,
            body: &body,
            date: Timestamp::from_unix_seconds(seconds),
        };
        let headers = sign(&request, &AccessKey::new(STANDARD.encode(&key))).expect("signed");
        let date = headers["x-ms-date"].to_str().expect("text");
        prop_assert_eq!(Timestamp::parse_http_date(date), Some(request.date));
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, &body));
        prop_assert_eq!(headers["x-ms-content-sha256"].to_str().expect("text"), &hash);
        let mut lines = Vec::new();
        for part in [method, "\n", &target, "\n", date, ";", &host, ";", &hash] {
            lines.extend_from_slice(part.as_bytes());
        }
        let authorization = headers["authorization"].to_str().expect("text");
        let (scheme, signature) = authorization.split_once("&Signature=").expect("a signature");
        prop_assert_eq!(scheme, "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256");
        let signature = STANDARD.decode(signature).expect("Base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        prop_assert!(hmac::verify(&key, &lines, &signature).is_ok());
        prop_assert!(headers["authorization"].is_sensitive());
    }

    /// A key that is not Base64 is refused, and not repeated.
    #[test]
    fn malformed_key_is_refused_and_not_repeated(key in "[!-~]{12,90}") {
        prop_assume!(STANDARD.decode(&key).is_err());
        let request = RequestToSign {
            method: "GET",
            target: "/",
            host: "a.test",
            body: b"",
            date: Timestamp::from_unix_seconds(0),
        };
        let error = sign(&request, &AccessKey::new(key.clone())).expect_err("not Base64");
        let shown = format!("{error:?} {error}");
        prop_assert!(!shown.contains(&key), "{}", shown);
    }

    /// A connection string is read in any order and case of its names, and no error repeats its key.
    #[test]
    fn connection_string_is_read_in_any_form_and_its_key_is_not_repeated(
        label in "[a-z0-9]{1,20}",
        key in vec(any::<u8>(), 32..65),
        endpoint_first in any::<bool>(),
        upper in any::<bool>(),
        end in proptest::sample::select(&["", ";", "/;"][..]),
        fault in proptest::option::of(proptest::sample::select(&["https://", "=", ";", "endpoint=x;", " "][..])),
        at in any::<proptest::sample::Index>(),
    ) {
        let key = STANDARD.encode(&key);
        let names = if upper { ["ENDPOINT", "AccessKey"] } else { ["endpoint", "accesskey"] };
        let endpoint = format!("https://{label}.communication.azure.com");
        let slash = if end == "/;" { "/" } else { "" };
        let parts = [format!("{}={endpoint}{slash}", names[0]), format!("{}={key}", names[1])];
        let text = match endpoint_first {
            true => format!("{};{}", parts[0], parts[1]),
            false => format!("{};{}", parts[1], parts[0]),
        } + end.trim_start_matches('/');
        let read = ConnectionString::parse(&text).expect("a connection string");
        prop_assert_eq!(read.endpoint.as_str(), &endpoint);
        prop_assert_eq!(read.access_key.expose(), &key);
        if let Some(fault) = fault {
            let mut broken = text.clone();
            broken.insert_str(at.index(text.len()), fault);
            if let Err(error) = ConnectionString::parse(&broken) {
                let shown = format!("{error:?} {error} {}", error.hint());
                // Twelve characters of a key are not in a message by chance.
                let repeated = key.as_bytes().windows(12).any(|part| {
                    shown.as_bytes().windows(12).any(|shown| shown == part)
                });
                prop_assert!(!repeated, "{shown}");
            }
        }
    }
}
