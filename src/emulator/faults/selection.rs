//! The selection of a fault: its name, and the requests that it affects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::catalogue::row::{Given, NamedFault};
use super::effect::Effect;
use super::route::Route;
use crate::emulator::world::World;
use crate::text::quoted;

/// The most names that a refusal lists.
const MAX_NAMES: usize = 5;

/// A fault of the catalogue, and the requests that it affects: the next one, unless `times` or
/// `probability` is set.
///
/// ```
/// use acspass::emulator::{Emulator, FaultSelection, Options, Route};
///
/// let emulator = Emulator::start(Options::default())?;
/// emulator.select_fault(FaultSelection {
///     route: Some(Route::Token),
///     times: Some(2),
///     ..FaultSelection::named("throttled")
/// })?;
/// # Ok::<(), acspass::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultSelection {
    /// The name in the catalogue.
    pub name: String,
    /// The route; `None` is each route that can have the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// The number of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// The probability for each request, above 0 and at most 1. Excludes `times`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// The username or object id of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The application id of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The name or id of the ACS resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The fault's parameters by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
}

/// The reason for which a selection is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrongSelection {
    /// The member of the selection.
    pub(crate) field: String,
    pub(crate) message: String,
}

impl FaultSelection {
    /// Returns the selection of a fault for the next request.
    pub fn named(name: &str) -> FaultSelection {
        FaultSelection {
            name: name.to_owned(),
            ..FaultSelection::default()
        }
    }

    /// Checks that the emulator has the user and the resource: a fault of another one affects no request.
    /// A request can name any client, so each client id is accepted.
    pub(crate) fn check_names(&self, world: &World) -> Result<(), WrongSelection> {
        let is = |wanted: &str, names: &[&str]| {
            let mut names = names.iter();
            names.any(|name| name.eq_ignore_ascii_case(wanted))
        };
        if let Some(wanted) = &self.user {
            let mut users = world.users.iter();
            let has_user = users.any(|user| {
                let ids = user.accounts().map(|account| account.oid.as_str());
                let names: Vec<&str> = ids.chain([user.username.as_str()]).collect();
                is(wanted, &names)
            });
            let users = world.ordinary_users().map(|user| user.username.as_str());
            if !has_user {
                return Err(unknown("user", "user", wanted, users));
            }
        }
        if let Some(wanted) = &self.resource {
            let mut resources = world.resources.iter();
            let has_resource = resources.any(|one| is(wanted, &[&one.name, &one.id]));
            let resources = world.resources.iter().map(|one| one.name.as_str());
            if !has_resource {
                return Err(unknown("resource", "ACS resource", wanted, resources));
            }
        }
        Ok(())
    }

    /// Checks the selection. Returns the fault and its effect.
    pub(crate) fn check(&self) -> Result<(&'static NamedFault, Effect), WrongSelection> {
        let wrong = |field: &str, message: String| WrongSelection {
            field: field.to_owned(),
            message,
        };
        let fault = NamedFault::named(&self.name).ok_or_else(|| {
            let names: Vec<&str> = NamedFault::all().map(|fault| fault.name).collect();
            let message = format!("Unknown fault. The faults are {}.", names.join(", "));
            wrong("name", message)
        })?;
        if self.route.is_some_and(|route| !fault.is_at(route)) {
            let routes = fault.route_names();
            let message = format!("The fault `{}` has the routes {routes}.", fault.name);
            return Err(wrong("route", message));
        }
        if self.times == Some(0) {
            return Err(wrong("times", "`times` must be at least 1.".to_owned()));
        }
        if let Some(probability) = self.probability {
            if !(probability > 0.0 && probability <= 1.0) {
                let message = "`probability` must be above 0 and at most 1.".to_owned();
                return Err(wrong("probability", message));
            }
            if self.times.is_some() {
                let message = "`times` and `probability` exclude each other.".to_owned();
                return Err(wrong("probability", message));
            }
        }
        let known = fault.parameter.map(|parameter| parameter.name());
        if let Some(name) = self.parameters.keys().find(|name| Some(&***name) != known) {
            let message = match known {
                Some(known) => format!("The fault `{}` has the parameter `{known}`.", fault.name),
                None => format!("The fault `{}` has no parameter.", fault.name),
            };
            return Err(wrong(&format!("parameters.{name}"), message));
        }
        let given = match fault.parameter {
            None => Given::default(),
            Some(parameter) => {
                let name = parameter.name();
                let read = parameter.read(self.parameters.get(name));
                read.map_err(|message| wrong(&format!("parameters.{name}"), message))?
            }
        };
        Ok((fault, (fault.effect)(&given)))
    }
}

/// Returns the reason for a name that the emulator does not know, with the first names that it knows.
fn unknown<'n>(
    field: &str,
    kind: &str,
    wanted: &str,
    names: impl Iterator<Item = &'n str>,
) -> WrongSelection {
    let names: Vec<&str> = names.take(MAX_NAMES).collect();
    WrongSelection {
        field: field.to_owned(),
        message: format!(
            "No {kind} has the name or id {}. There is, for example, {}.",
            quoted(wanted),
            names.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(selection: Value) -> (String, String) {
        let selection: FaultSelection = serde_json::from_value(selection).expect("a selection");
        let wrong = selection.check().expect_err("it is wrong");
        (wrong.field, wrong.message)
    }

    #[test]
    fn wrong_selections_name_the_member() {
        for (selection, field, words) in [
            (json!({"name": "nothing"}), "name", "hang"),
            (
                json!({"name": "denied", "route": "token"}),
                "route",
                "exchange",
            ),
            (json!({"name": "hang", "times": 0}), "times", "at least 1"),
            (
                json!({"name": "hang", "probability": 0.0}),
                "probability",
                "above 0",
            ),
            (
                json!({"name": "hang", "probability": 1.1}),
                "probability",
                "at most 1",
            ),
            (
                json!({"name": "hang", "times": 1, "probability": 0.5}),
                "probability",
                "exclude",
            ),
            (
                json!({"name": "hang", "parameters": {"x": 1}}),
                "parameters.x",
                "no parameter",
            ),
            (
                json!({"name": "latency", "parameters": {"seconds": 1}}),
                "parameters.seconds",
                "`milliseconds`",
            ),
            (
                json!({"name": "latency", "parameters": {"milliseconds": "1"}}),
                "parameters.milliseconds",
                "whole number",
            ),
        ] {
            let (at, message) = refused(selection);
            assert_eq!(at, field);
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn a_selection_is_the_same_after_json() {
        let text = json!({
            "name": "latency", "route": "instance-discovery", "times": 3, "clientId": "c",
            "parameters": {"milliseconds": 5},
        });
        let selection: FaultSelection = serde_json::from_value(text.clone()).expect("valid");
        assert!(selection.check().is_ok());
        assert_eq!(serde_json::json!(selection), text);
        let unknown = json!({"name": "hang", "time": 1});
        assert!(serde_json::from_value::<FaultSelection>(unknown).is_err());
    }
}
