//! An authority that does not respond to requests for one tenant's keys affects no other tenant.

use std::thread;
use std::time::{Duration, Instant};

use acspass::emulator::{Emulator, Fault, FaultKind, Options, Route};
use serde_json::json;

use crate::harness::{Service, acs_token, own_token, own_token_of};

const OTHER: &str = "ac5ba55e-0c11-4000-8000-0000000000ff";
/// More than the permits of unauthenticated callers.
const CALLERS: usize = 300;

#[test]
fn a_tenant_whose_key_requests_hang_does_not_delay_another_tenant() {
    let emulator = Emulator::start(Options::default()).expect("an emulator");
    let tenants = format!("{OTHER},{}", emulator.tenant_id());
    let service = Service::start(&emulator, &[("ACSPASS_EXCHANGE_TENANTS", &tenants)]);
    // The other tenant has its keys from now on.
    emulator.add_fault(Fault {
        route: Route::Metadata,
        times: None,
        what: FaultKind::Hang,
    });
    // The pause after the first failure.
    thread::sleep(Duration::from_millis(2500));
    let (bearer, subject) = (own_token(&emulator), acs_token(&emulator));
    let without_keys = own_token_of(&emulator, None, json!({"tid": OTHER}));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| scope.spawn(|| service.exchange(&without_keys, &subject)))
            .collect();
        thread::sleep(Duration::from_millis(500));
        let start = Instant::now();
        let served = service.exchange(&bearer, &subject);
        let took = start.elapsed();
        assert_eq!(served.status, 200, "{}", served.body);
        assert!(took < Duration::from_secs(6), "{took:?}");
        for caller in callers {
            let refused = caller.join().expect("a response");
            assert_eq!(refused.status, 503, "{}", refused.body);
            assert_eq!(service.audit(&refused)["reason"], "keys_unavailable");
        }
        assert!(start.elapsed() < Duration::from_secs(12), "no caller waits");
    });
}
