//! The proxy of an address, by HTTPS_PROXY and NO_PROXY. Loopback never has one.
#![no_main]

use std::collections::BTreeMap;

use acspass::http::Route;
use acspass::{config, fuzzing};
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|texts: (&str, &str, &str)| {
    let (proxy, except, address) = texts;
    let variables = [("HTTPS_PROXY", proxy), ("NO_PROXY", except)];
    let variables: BTreeMap<String, String> = variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let proxies = config::proxies(&variables);
    for text in [
        address,
        "https://contoso.communication.azure.com/",
        "http://127.0.0.1:1/",
    ] {
        let Ok(url) = Url::parse(text) else { continue };
        if let Some(Route::Through(_)) = fuzzing::route(&proxies, &url) {
            assert!(
                !text.starts_with("http://127.0.0.1"),
                "loopback through a proxy"
            );
            assert_ne!(except.trim(), "*", "NO_PROXY=* excepts every host");
        }
    }
});
