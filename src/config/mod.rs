//! Resolves flags, the environment and a profile to one valid [`Config`].
//!
//! Input: texts of settings, environment variables, `config.toml`. Output: checked values. The module
//! is pure, except for reading and writing `config.toml` and for warnings. Besides `doctor`, other modules do not use
//! `Config`: the command passes them plain values.

mod change;
mod cloud;
mod environment;
mod exchange_service;
mod file;
mod graph;
mod hint;
mod profile;
#[cfg(test)]
mod properties;
mod resolve;
mod selection;
mod service_settings;
mod setting;
mod sources;
#[cfg(test)]
mod tests;

pub use change::{Change, check_change};
pub use cloud::{Cloud, default_scopes, parse_scopes};
pub use environment::{HostKind, Opener, ca_files, platform_loader_omits_system_cas, proxies};
pub use file::ConfigFile;
pub use hint::{at_source, unset_command, unset_variables};
pub use profile::{DEFAULT_PROFILE, Profile, STORED};
pub(crate) use resolve::not_configured;
pub use resolve::{
    Config, GivenResource, KeySource, MissingSetting, Purpose, Resource, chosen_store,
};
pub use selection::{choose_profile, existing_profiles, selected_profile, unknown_profile};
pub use service_settings::ExchangeService;
pub(crate) use service_settings::parse_service_scope;
pub use setting::{ACCESS_KEY_VARIABLE, Setting, SignInChoice, StoreChoice};
pub use setting::{parse_exchange, parse_store};
pub(crate) use sources::with_source;
pub use sources::{Origin, SettingValue, Sources};
