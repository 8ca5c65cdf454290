//! Tokens: their claims, challenges, and texts around a token.
#![no_main]

use acspass::claims::Claims;
use acspass::text::{may_hold_secret, quoted, without_secrets};
use acspass::{input, jwt};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let found = input::token(text);
    if jwt::decode(&found).is_some() {
        assert!(may_hold_secret(&found), "a token is a secret");
        assert!(!quoted(&found).contains(&*found), "a token is not quoted");
    }
    let _ = without_secrets(text);
    let _ = jwt::claims::<std::collections::BTreeMap<String, u64>>(text);
    if let Some(claims) = Claims::parse(text) {
        let again = Claims::parse(claims.as_str()).expect("claims are claims");
        assert_eq!(
            again.merged(&claims).as_str(),
            again.merged(&again).as_str()
        );
    }
});
