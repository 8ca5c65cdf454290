//! Each fault of the catalogue on each of its routes, and the selection of faults.

mod answers;
mod checks;
mod requests;
mod selections;

use checks::{Case, check};
use requests::Caller;

use crate::emulator::{FaultSelection, NamedFault, Options};

use super::harness::Fixture;

/// The time of a slow fault, in milliseconds.
const SHORT: u64 = 40;

/// Returns the selection of a fault for the next request, with a short time or size.
fn selection(fault: &NamedFault) -> FaultSelection {
    let mut selection = FaultSelection::named(fault.name);
    let value = match fault.parameter.map(|parameter| parameter.name()) {
        Some("milliseconds") => Some(SHORT),
        Some("bytes") => Some(2_000_000),
        _ => None,
    };
    let named = fault.parameter.map(|parameter| parameter.name().to_owned());
    selection.parameters = named.zip(value.map(Into::into)).into_iter().collect();
    selection
}

#[test]
fn each_fault_has_its_effect_on_each_of_its_routes() {
    for fault in NamedFault::all() {
        for route in fault.routes {
            let case = format!("{} at {}", fault.name, route.as_str());
            let fixture = Fixture::with(Options::default());
            let caller = Caller::new(&fixture, *route);
            let plain = caller.send();
            let executed = caller.count();
            let mut selection = selection(fault);
            selection.route = Some(*route);
            let id = fixture.emulator.select_fault(selection);
            assert_eq!(id.expect("valid"), 1, "{case}");
            let seen = match fault.name {
                "hang" => caller.send_briefly(),
                _ => caller.send(),
            };
            let next = caller.send();
            check(&Case {
                fault,
                route: *route,
                fixture: &fixture,
                plain,
                seen,
                executed: caller.count() - executed,
                next,
            });
            assert!(fixture.emulator.faults().is_empty(), "{case}: it has ended");
        }
    }
}
