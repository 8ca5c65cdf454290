//! Resolves flags, the environment and a profile to one valid [`Config`].
//!
//! The module is pure, except for reading and writing `config.toml`. Besides `doctor`,
//! other modules do not use `Config`: the command passes them plain values.

mod addresses;
mod authorities;
mod check;
mod choice;
mod cloud;
mod exchange;
mod form;
mod host;
mod missing;
mod profile;
mod profile_choice;
mod proxies;
mod resolve;
mod resource;
mod scopes;
mod setting;
mod sources;
#[cfg(test)]
mod tests;

pub use authorities::{authority_files, leaves_out_system_authorities};
pub use check::{Change, check_change};
pub use choice::{SignInChoice, StoreChoice, parse_store};
pub use cloud::Cloud;
pub use exchange::parse_exchange;
pub use form::STORED;
pub use host::{HostKind, Opener};
pub use missing::Missing;
pub(crate) use missing::not_configured;
pub use profile::{ConfigFile, DEFAULT_PROFILE, Profile};
pub use profile_choice::{choose_profile, unknown_profile};
pub use proxies::proxies;
pub use resolve::{Config, chosen_store};
pub use resource::{GivenResource, KeySource, Resource};
pub use scopes::{default_scopes, parse_scopes};
pub use setting::{ACCESS_KEY_VARIABLE, Setting};
pub use sources::{Found, Origin, Sources};
