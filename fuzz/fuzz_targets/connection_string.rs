//! Connection strings and endpoints, and the hosts that may receive an Entra token.
#![no_main]

use acspass::acs::{ConnectionString, Endpoint};
use acspass::config::GivenResource;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let endpoint = match ConnectionString::parse(text) {
        Ok(read) => Some(read.endpoint),
        Err(_) => Endpoint::parse(text).ok(),
    };
    let Some(endpoint) = endpoint else {
        let _ = GivenResource::parse(text, &[]);
        return;
    };
    let again = Endpoint::parse(endpoint.as_str()).expect("an endpoint is an endpoint");
    assert_eq!(again, endpoint);
    if endpoint.check_may_receive(&[]).is_ok() {
        let address = url::Url::parse(endpoint.as_str()).expect("an address");
        let host = address.host_str().expect("a host").to_owned();
        let is_of_acs = [".communication.azure.com", ".communication.azure.us"]
            .iter()
            .any(|domain| host.ends_with(domain));
        let is_loopback = match address.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        };
        assert!(
            is_of_acs || is_loopback,
            "{host} may receive an Entra token"
        );
        assert!(address.scheme() == "https" || is_loopback);
    }
});
