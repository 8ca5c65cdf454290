//! The arguments of `emulator fault`.

use clap::Args;
use serde_json::Value;

use super::options::count;
use crate::emulator::{NamedFault, Route};

/// The arguments about a new fault.
const OF_A_FAULT: [&str; 8] = [
    "name",
    "route",
    "times",
    "probability",
    "user",
    "client_id",
    "resource",
    "set",
];

/// Let requests to the emulator fail, or have unusual responses
#[derive(Debug, Args)]
#[command(override_usage = "acspass emulator fault NAME [OPTIONS]
       acspass emulator fault --list | --clear [ID]")]
pub(crate) struct EmulatorFault {
    /// Add the fault of this name; `--list` shows all names
    #[arg(required_unless_present_any = ["list", "clear"], value_name = "NAME", value_parser = fault_name)]
    pub(crate) name: Option<String>,
    /// Affect requests of this route only
    #[arg(long, value_name = "ROUTE", value_parser = Route::ALL.map(Route::as_str))]
    pub(crate) route: Option<String>,
    /// Affect the next N requests; 1 by default
    #[arg(long, conflicts_with = "probability", value_name = "N", value_parser = count)]
    pub(crate) times: Option<u32>,
    /// Affect each request with this probability, above 0 and at most 1
    #[arg(long, value_name = "P", value_parser = probability)]
    pub(crate) probability: Option<f64>,
    /// Affect requests for this user only: a username or an object id
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Affect requests of this application only
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Option<String>,
    /// Affect requests to this ACS resource only: its name or id
    #[arg(long, value_name = "RESOURCE")]
    pub(crate) resource: Option<String>,
    /// Set the fault's parameter, such as seconds=5
    #[arg(long, value_name = "PARAMETER=VALUE", value_parser = parameter)]
    pub(crate) set: Option<(String, Value)>,
    /// Show the names, and the faults that are left
    #[arg(long, conflicts_with_all = OF_A_FAULT, conflicts_with = "clear")]
    pub(crate) list: bool,
    /// Delete the fault with this id, or all
    #[arg(long, conflicts_with_all = OF_A_FAULT, value_name = "ID", value_parser = id)]
    pub(crate) clear: Option<Option<u64>>,
}

fn fault_name(text: &str) -> Result<String, String> {
    let named = NamedFault::named(text).map(|fault| fault.name.to_owned());
    named.ok_or_else(|| "Use a name that `acspass emulator fault --list` shows.".to_owned())
}

fn probability(text: &str) -> Result<f64, String> {
    let probability = text.parse().ok();
    let probability = probability.filter(|number: &f64| *number > 0.0 && *number <= 1.0);
    probability.ok_or_else(|| "Use a number above 0 and at most 1, such as 0.1.".to_owned())
}

/// Parses a parameter. The emulator checks name and value.
fn parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| "Write a name and a value, such as seconds=5.".to_owned())?;
    let number = value.parse::<u64>().map(Value::from);
    Ok((name.to_owned(), number.unwrap_or_else(|_| value.into())))
}

fn id(text: &str) -> Result<u64, String> {
    let hint = "Use an id that `acspass emulator fault --list` shows.";
    text.parse().map_err(|_| hint.to_owned())
}
