//! Entra's answers in shapes that no document promises.

use super::*;
use crate::wire::read;

/// `whole` with one member in another shape, or without it.
fn changed(whole: &str, member: &str, shape: Option<&str>) -> String {
    let mut object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(whole).expect("an object");
    object.remove(member);
    let mut text = serde_json::Value::Object(object).to_string();
    if let Some(shape) = shape {
        text.truncate(text.len() - 1);
        text.push_str(&format!(",\"{member}\":{shape}}}"));
    }
    text
}

/// Shapes in which no member is documented.
const ODD: [Option<&str>; 9] = [
    None,
    Some("null"),
    Some("true"),
    Some("7"),
    Some("7.5"),
    Some("\"7\""),
    Some("[]"),
    Some("{}"),
    Some("1e400"),
];

#[test]
fn access_token_that_is_no_b64token_is_none() {
    for token in ["a b", "a\\r\\nx: y", "a,b", "ä", "=="] {
        let text = format!(r#"{{"token_type":"Bearer","access_token":"{token}"}}"#);
        let answer: TokenResponse = read(text.as_bytes()).expect("an answer");
        assert_eq!(answer.access_token.secret(), "", "{text}");
    }
}

// https://github.com/ramosbugs/oauth2-rs/issues/85,
// https://github.com/ramosbugs/oauth2-rs/issues/151,
// https://github.com/Azure/azure-sdk-for-rust/issues/419
#[test]
fn no_member_of_a_token_answer_makes_the_others_unreadable() {
    const WHOLE: &str = r#"{"token_type":"Bearer","scope":"a b","expires_in":4799,
        "ext_expires_in":4799,"access_token":"at","refresh_token":"rt","id_token":"it",
        "client_info":"ci","foci":"1"}"#;
    for odd in [
        "token_type",
        "scope",
        "expires_in",
        "ext_expires_in",
        "foci",
        "client_info",
        "new",
    ] {
        for shape in ODD {
            let text = changed(WHOLE, odd, shape);
            let answer: TokenResponse = read(text.as_bytes()).expect("an answer");
            assert_eq!(answer.access_token.secret(), "at", "{text}");
            let refresh_token = answer.refresh_token.as_ref();
            assert_eq!(refresh_token.map(RefreshToken::expose), Some("rt"));
            assert!(answer.id_token.is_some(), "{text}");
        }
    }
}

#[test]
fn a_token_answer_is_read_in_the_shapes_that_are_sent() {
    let read = |text: &str| read::<TokenResponse>(text.as_bytes()).expect("an answer");
    for text in [r#""4799""#, "4799", "4799.0"] {
        let answer = read(&format!(r#"{{"expires_in":{text}}}"#));
        assert_eq!(answer.expires_in, Some(4799), "{text}");
    }
    for text in [r#""bearer""#, r#""BEARER""#, "null", "1"] {
        let answer = read(&format!(r#"{{"token_type":{text}}}"#));
        assert_eq!(answer.token_type, BasicTokenType::Bearer, "{text}");
    }
    assert_ne!(
        read(r#"{"token_type":"pop"}"#).token_type,
        BasicTokenType::Bearer
    );
    let scopes = read(r#"{"scope":["a","b"]}"#).scopes.expect("two");
    assert_eq!(scopes, ["a", "b"]);
    assert!(read("{}").scopes.is_none());
}

#[test]
fn error_code_is_read_if_other_members_are_invalid() {
    const WHOLE: &str = r#"{"error":"invalid_grant","error_description":"AADSTS50173: x",
        "error_codes":[50173],"timestamp":"t","trace_id":"t","correlation_id":"c",
        "suberror":"bad_token","claims":"{}"}"#;
    for odd in [
        "error_description",
        "error_codes",
        "timestamp",
        "trace_id",
        "correlation_id",
        "suberror",
        "claims",
        "error_uri",
    ] {
        for shape in ODD {
            let text = changed(WHOLE, odd, shape);
            let error: TokenError = read(text.as_bytes()).expect("an error");
            assert_eq!(error.error, "invalid_grant", "{text}");
        }
    }
    let codes = |text: &str| {
        let text = format!(r#"{{"error":"e","error_codes":{text}}}"#);
        read::<TokenError>(text.as_bytes())
            .expect("an error")
            .error_codes
    };
    assert_eq!(codes("\"50173\""), [50173]);
    assert_eq!(codes("[\"50173\",null,7]"), [50173, 7]);
    assert_eq!(codes("null"), [0_i64; 0]);
    assert!(read::<TokenError>(br#"{"message":"no"}"#).is_none());
}

#[test]
fn a_device_code_is_read_in_the_shapes_that_are_sent() {
    const WHOLE: &str = r#"{"device_code":"d","user_code":"u","verification_uri":"v",
        "expires_in":600,"interval":7,"message":"m"}"#;
    for (member, shape, life, interval) in [
        ("interval", Some("null"), 600, 5),
        ("interval", Some("\"7\""), 600, 7),
        ("interval", Some("-1"), 600, 5),
        ("interval", None, 600, 5),
        ("expires_in", Some("\"600\""), 600, 7),
        ("expires_in", Some("600.5"), 600, 7),
        ("expires_in", Some("null"), 900, 7),
        ("message", Some("null"), 600, 7),
    ] {
        let text = changed(WHOLE, member, shape);
        let code: DeviceAuthorization = read(text.as_bytes()).expect("a code");
        assert_eq!((code.expires_in, code.interval), (life, interval), "{text}");
    }
    let old = changed(WHOLE, "verification_uri", None).replace("message", "verification_url");
    let code: DeviceAuthorization = read(old.as_bytes()).expect("a code");
    assert_eq!(code.verification_uri, "m");
    for needed in ["device_code", "user_code", "verification_uri"] {
        let text = changed(WHOLE, needed, Some("null"));
        assert!(read::<DeviceAuthorization>(text.as_bytes()).is_none());
    }
}

#[test]
fn metadata_needs_its_endpoints_and_nothing_else() {
    const WHOLE: &str = r#"{"issuer":"i","authorization_endpoint":"a","token_endpoint":"t",
        "device_authorization_endpoint":"d","scopes_supported":["openid"]}"#;
    for shape in ODD {
        for odd in ["scopes_supported", "new"] {
            let text = changed(WHOLE, odd, shape);
            assert!(read::<Metadata>(text.as_bytes()).is_some(), "{text}");
        }
        let text = changed(
            WHOLE,
            "token_endpoint",
            shape.filter(|shape| *shape != "\"7\""),
        );
        assert!(read::<Metadata>(text.as_bytes()).is_none(), "{text}");
    }
    let without = changed(WHOLE, "device_authorization_endpoint", Some("7"));
    let metadata: Metadata = read(without.as_bytes()).expect("metadata");
    assert_eq!(metadata.device_authorization_endpoint, None);
}

#[test]
fn bytes_after_an_error_do_not_hide_it() {
    let response = TokenError::read(br#"{"error":"invalid_grant"}x"#).expect("an error");
    assert_eq!(response.error, "invalid_grant");
    assert!(TokenError::read(br#"x{"error":"invalid_grant"}"#).is_none());
}
