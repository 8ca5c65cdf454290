//! The stored faults of a running emulator.

use serde_json::{Value, json};

use super::effect::{Effect, Fault};
use super::route::Route;
use super::selection::{FaultSelection, WrongSelection};

/// The stored faults, oldest first.
#[derive(Debug, Default)]
pub(crate) struct FaultTable {
    /// The seed of the random numbers.
    pub(crate) seed: u32,
    last_id: u64,
    stored: Vec<StoredFault>,
}

/// A stored fault.
#[derive(Debug)]
struct StoredFault {
    id: u64,
    name: &'static str,
    /// `None` for a fault that is not of the catalogue.
    selection: Option<FaultSelection>,
    routes: Vec<Route>,
    effect: Effect,
    /// The number of requests that are left; `None` is all of them.
    left: Option<u32>,
    /// The number of requests that the selection matched.
    matched: u64,
    /// The number of requests that the fault affected.
    affected: u64,
    /// The number of requests in progress that the fault affects if they succeed.
    undecided: u32,
}

/// The caller of a request, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The names of the user: username and object ids.
    pub(crate) user: Vec<String>,
    pub(crate) client_id: Option<String>,
    /// The names of the resource.
    pub(crate) resource: Vec<String>,
}

/// Returns the names of faults, as text.
pub(crate) fn names(faults: &[Chosen]) -> String {
    let names: Vec<&str> = faults.iter().map(|fault| fault.name).collect();
    names.join(", ")
}

/// A fault that affects a request.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// `None` if it is not stored.
    pub(crate) id: Option<u64>,
    pub(crate) name: &'static str,
    pub(crate) effect: Effect,
}

impl FaultTable {
    /// Makes an empty table with this seed.
    pub(crate) fn new(seed: u32) -> FaultTable {
        FaultTable {
            seed,
            ..FaultTable::default()
        }
    }

    /// Stores a fault of any kind.
    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.times != Some(0) {
            let name = fault.what.name();
            self.store(
                name,
                None,
                vec![fault.route],
                fault.what.into(),
                fault.times,
            );
        }
    }

    /// Stores a fault of the catalogue. Returns its id.
    pub(crate) fn select(&mut self, selection: FaultSelection) -> Result<u64, WrongSelection> {
        let (fault, effect) = selection.check()?;
        let routes = match selection.route {
            Some(route) => vec![route],
            None => fault.routes.to_vec(),
        };
        let left = match selection.probability {
            Some(_) => None,
            None => Some(selection.times.unwrap_or(1)),
        };
        Ok(self.store(fault.name, Some(selection), routes, effect, left))
    }

    fn store(
        &mut self,
        name: &'static str,
        selection: Option<FaultSelection>,
        routes: Vec<Route>,
        effect: Effect,
        left: Option<u32>,
    ) -> u64 {
        self.last_id += 1;
        self.stored.push(StoredFault {
            id: self.last_id,
            name,
            selection,
            routes,
            effect,
            left,
            matched: 0,
            affected: 0,
            undecided: 0,
        });
        self.last_id
    }

    /// Removes the fault with this id. Returns whether there was one.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let is_listed = self.listed().any(|fault| fault.id == id);
        self.stored.retain(|fault| fault.id != id);
        is_listed
    }

    /// Removes all faults. The ids and the random numbers begin again.
    pub(crate) fn clear(&mut self) {
        *self = FaultTable::new(self.seed);
    }

    /// Returns the stored faults as JSON.
    pub(crate) fn to_json(&self) -> Vec<Value> {
        self.listed().map(StoredFault::to_json).collect()
    }

    fn listed(&self) -> impl Iterator<Item = &StoredFault> {
        self.stored.iter().filter(|fault| fault.left != Some(0))
    }

    /// Returns whether a stored fault at this route depends on the caller.
    pub(crate) fn needs_subject(&self, route: Route) -> bool {
        let mut selections = self
            .stored
            .iter()
            .filter(|fault| fault.routes.contains(&route))
            .filter_map(|fault| fault.selection.as_ref());
        selections
            .any(|one| one.user.is_some() || one.client_id.is_some() || one.resource.is_some())
    }

    /// Returns the first fault that affects this request, and counts it.
    pub(crate) fn next(&mut self, route: Route, subject: &Subject) -> Option<Chosen> {
        let seed = self.seed;
        let mut faults = self.stored.iter_mut();
        let fault =
            faults.find_map(|fault| fault.affects(seed, route, subject).then_some(fault))?;
        fault.undecided += u32::from(fault.effect.needs_success());
        let chosen = Chosen {
            id: Some(fault.id),
            name: fault.name,
            effect: fault.effect.clone(),
        };
        self.stored.retain(|fault| !fault.has_ended());
        Some(chosen)
    }

    /// Ends a request with a fault that needs a success. Without one, the fault is not used up.
    pub(crate) fn decide(&mut self, id: u64, is_success: bool) {
        let mut stored = self.stored.iter_mut();
        // Another request may have deleted it.
        let Some(fault) = stored.find(|fault| fault.id == id) else {
            return;
        };
        fault.undecided = fault.undecided.saturating_sub(1);
        if !is_success {
            fault.affected = fault.affected.saturating_sub(1);
            fault.left = fault.left.map(|left| left.saturating_add(1));
        }
        self.stored.retain(|fault| !fault.has_ended());
    }
}

impl StoredFault {
    fn has_ended(&self) -> bool {
        self.left == Some(0) && self.undecided == 0
    }

    /// Returns whether this request has the fault, and counts it.
    fn affects(&mut self, seed: u32, route: Route, subject: &Subject) -> bool {
        let selection = self.selection.as_ref();
        let matches = self.left != Some(0)
            && self.routes.contains(&route)
            && selection.is_none_or(|selection| subject.is_of(selection));
        if !matches {
            return false;
        }
        self.matched += 1;
        let probability = selection.and_then(|selection| selection.probability);
        if probability.is_some_and(|probability| draw(seed, self.id, self.matched) >= probability) {
            return false;
        }
        self.affected += 1;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
        }
        true
    }

    fn to_json(&self) -> Value {
        let mut value = match &self.selection {
            Some(selection) => json!(selection),
            None => json!({"name": self.name, "route": self.routes.first()}),
        };
        value["id"] = self.id.into();
        value["affected"] = self.affected.into();
        if let Some(left) = self.left {
            value["left"] = left.into();
        }
        value
    }
}

impl Subject {
    /// Returns whether a selection includes this caller.
    fn is_of(&self, selection: &FaultSelection) -> bool {
        let has = |names: &[String], wanted: &Option<String>| {
            let is_wanted = |wanted: &String| {
                let mut names = names.iter();
                names.any(|name| name.eq_ignore_ascii_case(wanted))
            };
            wanted.as_ref().is_none_or(is_wanted)
        };
        has(&self.user, &selection.user)
            && has(&self.resource, &selection.resource)
            && has(self.client_id.as_slice(), &selection.client_id)
    }
}

/// Returns a random seed.
pub(crate) fn random_seed() -> u32 {
    // The first four bytes have no fixed bits.
    uuid::Uuid::new_v4().as_fields().0
}

/// Returns a number from 0 to below 1 that depends on the seed, the fault and the request alone, so
/// that other faults and requests do not change it (SplitMix64).
fn draw(seed: u32, id: u64, request: u64) -> f64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    const BITS: u32 = 53;
    let mix = |state: u64| {
        let state = state.wrapping_add(STEP);
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    };
    let mixed = mix(mix(mix(u64::from(seed)) ^ id) ^ request);
    (mixed >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::faults::effect::FaultKind;

    fn affected(seed: u32, probability: f64) -> Vec<bool> {
        let mut table = FaultTable::new(seed);
        let selection = FaultSelection {
            probability: Some(probability),
            ..FaultSelection::named("hang")
        };
        table.select(selection).expect("valid");
        let mut next = || table.next(Route::Token, &Subject::default()).is_some();
        (0..1000).map(|_| next()).collect()
    }

    #[test]
    fn a_fault_ends_after_its_number_of_requests() {
        let mut table = FaultTable::default();
        table.add(Fault {
            route: Route::Token,
            times: Some(2),
            what: FaultKind::Drop,
        });
        let subject = Subject::default();
        assert!(table.next(Route::Exchange, &subject).is_none());
        assert!(table.next(Route::Token, &subject).is_some());
        assert!(table.next(Route::Token, &subject).is_some());
        assert!(table.next(Route::Token, &subject).is_none());
    }

    #[test]
    fn a_selection_affects_one_request_unless_it_names_more() {
        let mut table = FaultTable::default();
        let subject = Subject::default();
        let id = table
            .select(FaultSelection::named("denied"))
            .expect("valid");
        assert!(table.next(Route::Token, &subject).is_none());
        let chosen = table.next(Route::Identities, &subject).expect("chosen");
        assert_eq!(chosen.name, "denied");
        assert!(table.next(Route::Identities, &subject).is_none());
        assert!(!table.remove(id), "it has ended");
        let id = table.select(FaultSelection::named("hang")).expect("valid");
        assert_eq!(table.to_json()[0]["left"], 1);
        assert!(table.remove(id));
        assert!(table.next(Route::Token, &subject).is_none());
    }

    #[test]
    fn a_fault_of_a_success_is_not_used_up_by_a_refusal() {
        let mut table = FaultTable::default();
        let subject = Subject::default();
        let selected = table.select(FaultSelection::named("scope-list"));
        let id = selected.expect("valid");
        let next = |table: &mut FaultTable| table.next(Route::Token, &subject);
        for _ in 0..2 {
            assert!(next(&mut table).is_some());
            assert!(next(&mut table).is_none(), "a request in progress has it");
            assert_eq!(table.to_json().len(), 0);
            table.decide(id, false);
            assert_eq!(table.to_json()[0]["left"], 1);
            assert_eq!(table.to_json()[0]["affected"], 0);
        }
        assert!(next(&mut table).is_some());
        table.decide(id, true);
        assert!(next(&mut table).is_none());
        table.decide(id, false);
        assert!(next(&mut table).is_none(), "it has ended");
    }

    #[test]
    fn a_seed_repeats_its_faults_and_another_seed_has_others() {
        let first = affected(7, 0.3);
        assert_eq!(first, affected(7, 0.3));
        assert_ne!(first, affected(8, 0.3));
        let count = first.iter().filter(|is| **is).count();
        assert!((250..350).contains(&count), "{count}");
        assert!(affected(7, 1.0).iter().all(|is| *is));
    }

    #[test]
    fn other_requests_and_faults_do_not_change_the_random_numbers() {
        let mut table = FaultTable::new(7);
        let subject = Subject::default();
        let at = |route, name| FaultSelection {
            probability: Some(0.3),
            route: Some(route),
            ..FaultSelection::named(name)
        };
        table.select(at(Route::Token, "hang")).expect("valid");
        table.select(at(Route::Keys, "hang")).expect("valid");
        let mut seen = Vec::new();
        for _ in 0..1000 {
            table.next(Route::Keys, &subject);
            seen.push(table.next(Route::Token, &subject).is_some());
        }
        assert_eq!(seen, affected(7, 0.3));
        table.clear();
        assert_eq!((table.seed, table.to_json().len()), (7, 0));
    }

    #[test]
    fn a_selection_of_a_caller_affects_no_other() {
        let mut table = FaultTable::default();
        let selection = FaultSelection {
            user: Some("ADA@contoso.example".to_owned()),
            client_id: Some("c".to_owned()),
            resource: Some("r".to_owned()),
            ..FaultSelection::named("hang")
        };
        table.select(selection).expect("valid");
        assert!(table.needs_subject(Route::Token));
        let ada = Subject {
            user: vec!["ada@contoso.example".to_owned(), "oid".to_owned()],
            client_id: Some("c".to_owned()),
            resource: vec!["main".to_owned(), "r".to_owned()],
        };
        for other in [
            Subject::default(),
            Subject {
                user: Vec::new(),
                ..ada.clone()
            },
            Subject {
                client_id: None,
                ..ada.clone()
            },
            Subject {
                resource: vec!["main".to_owned()],
                ..ada.clone()
            },
        ] {
            assert!(table.next(Route::Token, &other).is_none(), "{other:?}");
        }
        assert!(table.next(Route::Token, &ada).is_some());
    }
}
