//! A row of the catalogue, and the groups of routes.

use serde_json::{Value, json};

use crate::emulator::faults::effect::Effect;
use crate::emulator::faults::route::Route;

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

impl NamedFault {
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
pub(super) const RESOURCE: &[Route] = &[Route::Exchange, Route::Identities, Route::Assignments];
/// The routes with JSON responses.
pub(super) const JSON: &[Route] = &[
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
pub(super) const ALL: &[Route] = &Route::ALL;
pub(super) const TOKEN: &[Route] = &[Route::Token];

pub(super) const SECONDS: u64 = 24 * 3600;
/// The longest time of a latency or a slow body, in milliseconds.
pub(super) const MILLISECONDS: u64 = 600_000;
