//! Seeds: the data that an emulator starts with, as TOML or JSON.
//!
//! `assets/emulator/seed.toml` is the published seed, which `acspass emulator init` writes. An error
//! names the line and the key of the fault, and never the value of a key or secret.

pub(crate) mod invalid;
mod location;
pub(crate) mod model;
pub(crate) mod read;
mod toml;

use crate::emulator::world;
use crate::error::Result;
use invalid::Invalid;
use model::SeedFile;
use read::{PUBLISHED, published, read_json, read_toml};

/// The size in bytes of the largest seed.
pub const MAX_SEED_BYTES: usize = 4 * 1024 * 1024;

/// The data that an emulator starts with: tenants, applications, users, groups and resources.
///
/// ```
/// use acspass::emulator::{Emulator, Options, Seed};
///
/// let seed = Seed::parse("[[users]]\nusername = \"grace@contoso.example\"\n")?;
/// let emulator = Emulator::start(Options { seed, ..Options::default() })?;
/// assert_eq!(emulator.username(), "grace@contoso.example");
/// # Ok::<(), acspass::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Seed {
    pub(crate) file: SeedFile,
}

impl Default for Seed {
    /// Returns the published seed.
    fn default() -> Seed {
        Seed {
            file: published().clone(),
        }
    }
}

impl Seed {
    /// Reads a seed. A text that begins with `{` is JSON, any other TOML. A section that is absent
    /// has the published data, as far as it fits the tenants.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the text is too long, has a wrong form, an unknown key, or values that
    /// contradict each other. The message has the line and the key.
    pub fn parse(text: &str) -> Result<Seed> {
        if text.len() > MAX_SEED_BYTES {
            let message = format!("it is larger than {MAX_SEED_BYTES} bytes");
            return Err(Invalid::new("", message).into_error(None));
        }
        let is_json = text.trim_start().starts_with('{');
        let file = if is_json {
            read_json(text)
        } else {
            read_toml(text)
        };
        let file = file.map_err(|(invalid, line)| invalid.into_error(line))?;
        let seed = Seed { file };
        match world::build(seed.file.clone()) {
            Ok(_) => Ok(seed),
            Err(invalid) => {
                let line = location::line_of(text, is_json, &invalid.path);
                Err(invalid.into_error(line))
            }
        }
    }

    /// Returns the published seed with comments, TOML.
    pub fn template() -> &'static str {
        PUBLISHED
    }
}

#[cfg(test)]
mod tests;
