//! The published vectors: signatures of the official SDKs and the challenge of RFC 7636.

use super::*;

const KEY: &[u8] = b"acs-identity-test-key-0123456789abcdef-0123456789abcdef-0123456!";
const DATE: &str = "Mon, 02 Jun 2025 13:45:09 GMT";
const ID: &str =
    "8%3Aacs%3A1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101";
const HOST: &str = "contoso-acs.communication.azure.com";
const EMPTY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

struct Vector {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    host: &'static str,
    body: &'static str,
    hash: &'static str,
    signature: &'static str,
}

#[rustfmt::skip]
const VECTORS: [Vector; 14] = [
    Vector { name: "V1", method: "POST", target: "/identities?api-version=2023-10-01", host: HOST, body: "", hash: EMPTY, signature: "pub6W9eWQJQZdnntkJxRY60lhinqjQpZ34cn0yesPXk=" },
    Vector { name: "V2", method: "POST", target: "/identities?api-version=2023-10-01", host: HOST, body: r#"{"createTokenWithScopes": ["chat", "voip"], "expiresInMinutes": 60}"#, hash: "wvygNN5WpIfLXWP9MkgLzBwgE8R//ITGxsX6PuaRBUU=", signature: "UYQeoC9jwmgxgZszydZbT78tfAc7gS2LCULb1MQJWvM=" },
    Vector { name: "V2b", method: "POST", target: "/identities?api-version=2023-10-01", host: HOST, body: r#"{"createTokenWithScopes": ["chat", "voip"]}"#, hash: "V8+u8Ex0JoTgTgmpir8t4JxsTqBhz791KhW/8639K2A=", signature: "6vTrM+5aSR/klZI0MVe5hIqT9iT8h3Og4dOehLxv7Co=" },
    Vector { name: "V2c", method: "POST", target: "/identities?api-version=2023-10-01", host: HOST, body: r#"{"createTokenWithScopes":["chat","voip"]}"#, hash: "fYTayOkxDFdoXd25BoJTvoTLLr5+QVfLFXvdJep6oNs=", signature: "3VvOCe13K6fbCn61pET9P/AYCJqLMM9sU0MzCpbbIgk=" },
    Vector { name: "V3", method: "DELETE", target: "/identities/{ID}?api-version=2023-10-01", host: HOST, body: "", hash: EMPTY, signature: "X0HJuo5S+Y0mh47Yl8JvH3R/6NL8vqi8c91euCqpNEQ=" },
    Vector { name: "V3b", method: "DELETE", target: "/identities/8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101?api-version=2023-10-01", host: HOST, body: "", hash: EMPTY, signature: "ayXtQfMlBRpBuFJ5gCyqWo/OOPboIrxWizGRhr/Bpqk=" },
    Vector { name: "V4", method: "POST", target: "/identities/{ID}/:revokeAccessTokens?api-version=2023-10-01", host: HOST, body: "", hash: EMPTY, signature: "EYNXByN10X3fZClilii2OIMlxu/D3Now7QPB4RhXN8A=" },
    Vector { name: "V5", method: "POST", target: "/identities/{ID}/:issueAccessToken?api-version=2023-10-01", host: HOST, body: r#"{"scopes": ["voip.join"], "expiresInMinutes": 60}"#, hash: "g10WpkcmwZkvrk2oXHmHTdbN0iyqfddIEGfysNqrLTI=", signature: "j7bco3lueuqNY5e0vNri1Kmzw3Wee1ohOUWRutDP08Y=" },
    Vector { name: "V5b", method: "POST", target: "/identities/{ID}/:issueAccessToken?api-version=2023-10-01", host: HOST, body: r#"{"scopes":["voip.join"],"expiresInMinutes":60}"#, hash: "sp+jT+1sSXEeBiXODrsHMZCdJpgzhYvmdqIa5nRdnVM=", signature: "idH6c7PDPdPpfFIRivsHySF8Vc7nurpYWadUsMZJWn4=" },
    Vector { name: "V6", method: "POST", target: "/teamsUser/:exchangeAccessToken?api-version=2023-10-01", host: "127.0.0.1:8443", body: r#"{"token": "aad.tok.en", "appId": "11111111-2222-3333-4444-555555555555", "userId": "66666666-7777-8888-9999-000000000000"}"#, hash: "nHrQ0mEJDLdqUi/LBeh18MXsU7g1wtDIJ3LR4zW+lqI=", signature: "lKmC1+IyESRhIf1vpRIToEmEQvvKkMa/c/XxbLkrDQc=" },
    Vector { name: "V6b", method: "POST", target: "/teamsUser/:exchangeAccessToken?api-version=2023-10-01", host: "127.0.0.1:8443", body: r#"{"token":"aad.tok.en","appId":"11111111-2222-3333-4444-555555555555","userId":"66666666-7777-8888-9999-000000000000"}"#, hash: "FJ5VR4jKLmiKEv2J23SirY6Edl6xbntRt+vL7m0pNR0=", signature: "D1Ty+G/yoMwLlczxg4F8xE5jpen64bl/fKdV7SF2uf4=" },
    Vector { name: "V7", method: "POST", target: "/identities/{ID}/:issueAccessToken?api-version=2022-10-01", host: "localhost:7071", body: r#"{"scopes": ["chat"]}"#, hash: "sZHRO4JkAmw3HcI1PyxrC5twHvkHIWjyMLVIkauXKRA=", signature: "7XUQk5p+36msk5sEvP1Sigii3j1l1NvCcjyo3uhoJUA=" },
    Vector { name: "V8", method: "GET", target: "/access/entra/assignments?api-version=2025-03-02-preview&maxpagesize=5", host: HOST, body: "", hash: EMPTY, signature: "RMzdgty81uAiDGAvq+2WDoxNY2E8AYB0pxpQSqip/ZU=" },
    Vector { name: "V9", method: "POST", target: "/identities?api-version=2025-03-02-preview", host: HOST, body: r#"{"customId":"žluťoučký-kůň"}"#, hash: "n7l79b2z/Mokk+kOowfWWCENVgdgoNxIXOl4KAzTtrk=", signature: "lXwTtNHqkwhh3Op9b9bfvsslyP9NPQyz7LF2OOC7tlw=" },
];

const FORM: &str = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=";

/// Checks a request with these headers.
fn check_with(vector: &Vector, headers: &[(&str, &str)], now: Timestamp) -> Result<(), String> {
    let header = |name: &str| {
        let mut found = headers.iter().filter(|(known, _)| *known == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(*value)
    };
    let request = SignedRequest {
        method: vector.method,
        target: &vector.target.replace("{ID}", ID),
        header: &header,
        body: vector.body.as_bytes(),
    };
    request.check(&[KEY], now).map(|_| ())
}

/// Checks a vector at `now`, with `signature` in place of its signature.
fn check(vector: &Vector, signature: Option<&str>, now: Timestamp) -> Result<(), String> {
    let authorization = format!("{FORM}{}", signature.unwrap_or(vector.signature));
    let headers = [
        ("host", vector.host),
        ("x-ms-date", DATE),
        ("x-ms-content-sha256", vector.hash),
        ("authorization", &authorization),
    ];
    check_with(vector, &headers, now)
}

/// Signs these values for the first vector's request.
fn sign(values: &[&str]) -> String {
    let text = format!(
        "{}\n{}\n{}",
        VECTORS[0].method,
        VECTORS[0].target,
        values.join(";")
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}

fn then() -> Timestamp {
    Timestamp::parse_http_date(DATE).expect("a date")
}

#[test]
fn every_signature_of_the_sdks_is_accepted() {
    for vector in &VECTORS {
        assert_eq!(check(vector, None, then()), Ok(()), "{}", vector.name);
    }
}

#[test]
fn a_signature_is_not_valid_for_another_request() {
    for vector in &VECTORS {
        for other in VECTORS.iter().filter(|other| other.name != vector.name) {
            let result = check(vector, Some(other.signature), then());
            assert_eq!(result, Err("the signature does not match".to_owned()));
        }
    }
}

#[test]
fn a_signature_of_a_misconfigured_sdk_is_refused() {
    let delete = VECTORS.iter().find(|v| v.name == "V3").expect("listed");
    for (endpoint, signature) in [
        ("with :443", "zQwcQfLmHnPmB86t5MUxoHC1lzJWbQWYzzVbsnkHCr0="),
        (
            "with a slash",
            "jBZ9lImrnWZAwzCYXXVzYd/d/Ou7k0lWXHx9vl3K+sY=",
        ),
    ] {
        let result = check(delete, Some(signature), then());
        assert_eq!(
            result,
            Err("the signature does not match".to_owned()),
            "{endpoint}"
        );
    }
}

#[test]
fn a_date_may_differ_by_fifteen_minutes() {
    for (seconds, good) in [(900, true), (-900, true), (901, false), (-901, false)] {
        let result = check(&VECTORS[0], None, then().shifted(seconds));
        assert_eq!(result.is_ok(), good, "{seconds}");
    }
}

#[test]
fn a_malformed_authorization_header_is_refused() {
    let good = VECTORS[0].signature;
    for bad in [
        format!("hmac-sha256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={good}"),
        format!("HMAC-SHA256 SignedHeaders=host;x-ms-date;x-ms-content-sha256&Signature={good}"),
        format!("HMAC-SHA256  SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={good}"),
        format!("{FORM}{}", good.trim_end_matches('=')),
        format!("{FORM}{good}, {FORM}{good}"),
        FORM.to_owned(),
        String::new(),
    ] {
        let headers = [
            ("host", HOST),
            ("x-ms-date", DATE),
            ("x-ms-content-sha256", EMPTY),
            ("authorization", bad.as_str()),
        ];
        assert!(check_with(&VECTORS[0], &headers, then()).is_err(), "{bad}");
    }
}

#[test]
fn signed_headers_in_any_order_and_case_are_accepted_with_either_date() {
    // azure-communication-identity 1.0.1 for Python and the Postman tutorial send the first.
    for names in [
        "date;host;x-ms-content-sha256",
        "Date;Host;X-Ms-Content-Sha256",
        "x-ms-date;host;x-ms-content-sha256",
        "X-MS-Date;HOST;X-MS-Content-SHA256",
        "host;x-ms-content-sha256;date",
        "x-ms-content-sha256;x-ms-date;host",
        "date;x-ms-date;host;x-ms-content-sha256",
        "x-ms-date;host;x-ms-content-sha256;content-type",
    ] {
        let values: Vec<&str> = names
            .split(';')
            .map(|name| match name.to_ascii_lowercase().as_str() {
                "host" => HOST,
                "x-ms-content-sha256" => EMPTY,
                "content-type" => "application/json",
                _ => DATE,
            })
            .collect();
        let signature = sign(&values);
        let authorization = format!("HMAC-SHA256 SignedHeaders={names}&Signature={signature}");
        let headers = [
            ("host", HOST),
            ("x-ms-date", DATE),
            ("date", DATE),
            ("content-type", "application/json"),
            ("x-ms-content-sha256", EMPTY),
            ("authorization", authorization.as_str()),
        ];
        assert_eq!(check_with(&VECTORS[0], &headers, then()), Ok(()), "{names}");
    }
}

#[test]
fn signed_headers_without_a_required_header_are_refused() {
    const LACKING: &str = "SignedHeaders lacks the date, the host or x-ms-content-sha256";
    for (names, values, reason) in [
        (
            "host;x-ms-content-sha256",
            [HOST, EMPTY].as_slice(),
            LACKING,
        ),
        ("date;x-ms-content-sha256", &[DATE, EMPTY], LACKING),
        ("date;host", &[DATE, HOST], LACKING),
        ("", &[], LACKING),
        (
            "date;host;host;x-ms-content-sha256",
            &[DATE, HOST, HOST, EMPTY],
            "SignedHeaders names a header twice",
        ),
        (
            "x-ms-date;host;x-ms-content-sha256",
            &[DATE, HOST, EMPTY],
            "x-ms-date is missing or sent twice",
        ),
        (
            "date;host;x-ms-content-sha256;x-other",
            &[DATE, HOST, EMPTY, ""],
            "a signed header is missing or sent twice",
        ),
        // In another order than the list.
        (
            "date;host;x-ms-content-sha256",
            &[HOST, DATE, EMPTY],
            "the signature does not match",
        ),
        (
            " date; host; x-ms-content-sha256",
            &[DATE, HOST, EMPTY],
            LACKING,
        ),
    ] {
        let authorization = format!(
            "HMAC-SHA256 SignedHeaders={names}&Signature={}",
            sign(values)
        );
        let headers = [
            ("host", HOST),
            ("date", DATE),
            ("x-ms-content-sha256", EMPTY),
            ("authorization", authorization.as_str()),
        ];
        let result = check_with(&VECTORS[0], &headers, then());
        assert_eq!(result, Err(reason.to_owned()), "{names}");
    }
}

#[test]
fn a_date_in_another_format_is_refused() {
    for date in [
        "Mon, 2 Jun 2025 13:45:09 GMT",
        "Mon, 02 Jun 2025 13:45:09 +0000",
        "Tue, 02 Jun 2025 13:45:09 GMT",
        "2025-06-02T13:45:09Z",
    ] {
        for name in ["x-ms-date", "date"] {
            let signature = sign(&[date, HOST, EMPTY]);
            let authorization = format!(
                "HMAC-SHA256 SignedHeaders={name};host;x-ms-content-sha256&Signature={signature}"
            );
            let headers = [
                ("host", HOST),
                (name, date),
                ("x-ms-content-sha256", EMPTY),
                ("authorization", authorization.as_str()),
            ];
            let result = check_with(&VECTORS[0], &headers, then());
            assert_eq!(
                result,
                Err(format!("{name} is not an RFC 1123 date")),
                "{date}"
            );
        }
    }
}

#[test]
fn the_pkce_example_of_the_rfc_is_accepted() {
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let s256 = Challenge::parse(challenge, Some("S256")).expect("well formed");
    assert!(s256.matches(verifier));
    assert!(
        !s256.matches(challenge),
        "the challenge is not the verifier"
    );
    let plain = Challenge::parse(verifier, None).expect("well formed");
    assert!(plain.matches(verifier) && !plain.matches(challenge));
}

#[test]
fn malformed_challenges_and_verifiers_are_refused() {
    for (challenge, method) in [
        ("", Some("S256")),
        ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c", Some("S256")),
        ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", Some("S256")),
        ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", Some("S256")),
        ("too-short", Some("plain")),
        ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", Some("s256")),
    ] {
        assert_eq!(Challenge::parse(challenge, method), None, "{challenge}");
    }
    assert!(!is_verifier(&"a".repeat(42)) && !is_verifier(&"a".repeat(129)));
    assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"~".repeat(128)));
    assert!(!is_verifier(&"+".repeat(43)));
}

#[test]
fn only_the_hyphenated_form_is_a_guid() {
    assert!(is_guid("1FD5118E-2576-4263-8130-9503064c837a"));
    for no in [
        "1fd5118e257642638130 9503064c837a",
        "1fd5118e2576426381309503064c837a",
        "{1fd5118e-2576-4263-8130-9503064c837a}",
        "urn:uuid:1fd5118e-2576-4263-8130-9503064c837a",
        "1fd5118e-2576-4263-8130-9503064c837g",
        "",
    ] {
        assert!(!is_guid(no), "{no}");
    }
}
