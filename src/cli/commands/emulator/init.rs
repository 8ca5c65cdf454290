//! `emulator init`: writes the published seed with its comments. The seed is the same with `-o json`:
//! it is the file's text.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde_json::json;

use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::emulator::Seed;
use crate::error::{Error, Result};
use crate::text::shown;

pub(crate) fn run(file: &Path, env: &Environment, output: &mut Output) -> Result<u8> {
    let seed = Seed::template();
    if file == Path::new("-") {
        return output.write_bytes(seed.as_bytes());
    }
    let name = shown(&file.display().to_string());
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(seed.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::usage(
            format!("`{name}` exists already"),
            "Name another file: `acspass emulator init FILE`.",
        ),
        _ => {
            let hint = "Name a file in a folder that you can write to.";
            Error::usage(format!("could not write `{name}`"), hint).caused_by(error)
        }
    })?;
    env.messages.print(&format!(
        "Wrote {name}. Change it, then run `acspass emulator --seed {}`.",
        crate::files::shell_quoted(file)
    ));
    output.print_result("", &json!({}))
}
