//! The catalogue of faults: one table with the name, the routes and the effect of each.
//!
//! `docs/reference/emulator-faults.md` is generated from it, and a test triggers each row on each of
//! its routes.

mod connection;
mod entra;
mod resource;
mod service;
mod tokens;

use serde_json::{Value, json};

use super::effect::Effect;
use super::route::Route;

/// A fault of the catalogue.
#[derive(Debug)]
#[non_exhaustive]
pub struct NamedFault {
    /// The name, which does not change between versions.
    pub name: &'static str,
    /// The routes that can have it.
    pub routes: &'static [Route],
    /// The condition that it simulates.
    pub summary: &'static str,
    /// The effect on the response.
    pub response: &'static str,
    /// The source of the facts.
    pub source: &'static str,
    /// The parameter, if it has one.
    pub parameter: Option<Parameter>,
    pub(crate) effect: fn(&Given) -> Effect,
}

/// The parameter of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parameter {
    /// A number.
    Number {
        /// The name, with the unit.
        name: &'static str,
        /// The value if none is given.
        default: u64,
        /// The largest value.
        max: u64,
    },
    /// A text.
    Text {
        /// The name.
        name: &'static str,
    },
}

/// The value of a fault's parameter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) number: u64,
    pub(crate) text: Option<String>,
}

impl Parameter {
    /// Returns the name.
    pub fn name(&self) -> &'static str {
        match self {
            Parameter::Number { name, .. } | Parameter::Text { name } => name,
        }
    }

    /// Returns the given value, or the default.
    ///
    /// # Errors
    /// Returns a description of the values that are allowed.
    pub(crate) fn read(&self, value: Option<&Value>) -> Result<Given, String> {
        let (name, mut given) = (self.name(), Given::default());
        match self {
            Parameter::Number { default, max, .. } => {
                let number = value.map_or(Some(*default), Value::as_u64);
                let number = number.filter(|number| number <= max);
                let wrong = || format!("`{name}` must be a whole number from 0 to {max}.");
                given.number = number.ok_or_else(wrong)?;
            }
            Parameter::Text { .. } => match value {
                None => {}
                Some(Value::String(text)) => given.text = Some(text.clone()),
                Some(_) => return Err(format!("`{name}` must be a text.")),
            },
        }
        Ok(given)
    }
}

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

    /// Returns whether this route can have it.
    pub fn is_at(&self, route: Route) -> bool {
        self.routes.contains(&route)
    }

    /// Returns the names of its routes.
    pub(crate) fn route_names(&self) -> String {
        let names: Vec<&str> = self.routes.iter().map(|route| route.as_str()).collect();
        names.join(", ")
    }

    /// Returns the row as JSON.
    pub fn to_json(&self) -> Value {
        let parameter = self.parameter.map(|parameter| match parameter {
            Parameter::Number { name, default, max } => {
                json!({"name": name, "default": default, "maximum": max})
            }
            Parameter::Text { name } => json!({"name": name}),
        });
        json!({
            "name": self.name,
            "routes": self.routes,
            "summary": self.summary,
            "response": self.response,
            "parameter": parameter,
        })
    }
}

/// The routes of the ACS resource.
const RESOURCE: &[Route] = &[Route::Exchange, Route::Identities, Route::Assignments];
/// The routes with JSON responses.
const JSON: &[Route] = &[
    Route::Metadata,
    Route::Keys,
    Route::InstanceDiscovery,
    Route::Device,
    Route::Token,
    Route::Exchange,
    Route::Identities,
    Route::Assignments,
    Route::ManagedIdentity,
];
const ALL: &[Route] = &Route::ALL;
const TOKEN: &[Route] = &[Route::Token];

const SECONDS: u64 = 24 * 3600;
/// The longest time of a latency or a slow body, in milliseconds.
const MILLISECONDS: u64 = 600_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
