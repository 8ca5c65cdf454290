//! Reads the file of `--seed`.

use std::io::Read as _;
use std::path::Path;

use crate::emulator::{MAX_SEED_BYTES, Seed};
use crate::error::{Error, Result};
use crate::files::open_named;
use crate::input;
use crate::text::shown;

/// Reads a seed; without a file it is the published one.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) with the file's name if it cannot be read or is invalid.
pub(super) fn read(file: Option<&Path>) -> Result<Seed> {
    let Some(path) = file else {
        return Ok(Seed::default());
    };
    let name = shown(&path.display().to_string());
    let bytes = open_named(path).and_then(|(file, _)| {
        let mut bytes = Vec::new();
        file.take(MAX_SEED_BYTES as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    });
    let bytes = bytes.map_err(|error| {
        let hint = "Name a readable file. `acspass emulator init FILE` writes one.";
        Error::usage(format!("could not read the seed `{name}`"), hint).caused_by(error)
    })?;
    let text = input::text(&bytes).ok_or_else(|| {
        let message = format!("the seed `{name}` is not text in UTF-8");
        Error::usage(message, "Save the file as UTF-8.")
    })?;
    Seed::parse(&text).map_err(|error| {
        let message = format!("`{name}`: {}", error.message());
        error.with_message(message)
    })
}
