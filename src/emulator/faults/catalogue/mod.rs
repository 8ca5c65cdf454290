//! The catalogue of faults: one table with the name, the routes and the effect of each.
//!
//! `docs/reference/emulator-faults.md` is generated from it, and a test triggers each row on each of
//! its routes.

mod connection;
mod entra;
mod resource;
pub(crate) mod row;
mod service;
mod tokens;

pub use row::{NamedFault, Parameter};

const TABLES: [&[NamedFault]; 5] = [
    &entra::TABLE,
    &resource::TABLE,
    &service::TABLE,
    &connection::TABLE,
    &tokens::TABLE,
];

impl NamedFault {
    /// Returns the catalogue.
    pub fn all() -> impl Iterator<Item = &'static NamedFault> {
        TABLES.into_iter().flatten()
    }

    /// Returns the fault of this name.
    pub fn named(name: &str) -> Option<&'static NamedFault> {
        NamedFault::all().find(|fault| fault.name == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn names_are_distinct_and_rows_are_complete() {
        let names: BTreeSet<&str> = NamedFault::all().map(|fault| fault.name).collect();
        assert_eq!(names.len(), NamedFault::all().count());
        assert!(names.len() > 50, "{}", names.len());
        for fault in NamedFault::all() {
            let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(fault.name.chars().all(is_kebab), "{}", fault.name);
            let routes: BTreeSet<&str> = fault.routes.iter().map(|at| at.as_str()).collect();
            assert!(!routes.is_empty(), "{}", fault.name);
            assert_eq!(routes.len(), fault.routes.len(), "{}", fault.name);
            for text in [fault.summary, fault.response, fault.source] {
                assert!(
                    text.len() > 3 && !text.contains('|'),
                    "{}: {text}",
                    fault.name
                );
            }
        }
    }

    #[test]
    fn a_number_that_is_not_allowed_is_refused() {
        let latency = NamedFault::named("latency").expect("a row");
        let parameter = latency.parameter.expect("a parameter");
        for wrong in [
            json!(-1),
            json!(1.5),
            json!("1"),
            json!(600_001),
            Value::Null,
        ] {
            let error = parameter.read(Some(&wrong)).expect_err("not allowed");
            assert_eq!(
                error,
                "`milliseconds` must be a whole number from 0 to 600000."
            );
        }
        let given = parameter.read(None).expect("the default");
        assert_eq!(given.number, 1000);
    }
}
