//! The settings of the service, from the environment or from one TOML file, as checked values.

mod names;
mod parse;
mod source;
#[cfg(test)]
mod tests;
mod values;

pub use values::Settings;
pub(super) use values::{
    Budget, Drain, ListenOn, Proof, ProofKind, ResourceSettings, TlsFiles, TokenRules, UserRate,
};
