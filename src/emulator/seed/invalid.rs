//! A fault of a seed.

use crate::error::{Error, Kind};

/// A fault of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// The path of the key, such as `users[2].tenant`.
    pub(crate) path: String,
    pub(crate) message: String,
}

impl Invalid {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Invalid {
        let (path, message) = (path.into(), message.into());
        Invalid { path, message }
    }

    /// Returns the error for a reader without the text of the seed.
    pub(crate) fn into_error(self, line: Option<usize>) -> Error {
        let Invalid { path, message } = self;
        let place = match (line, path.as_str()) {
            (Some(line), "" | ".") => format!(" at line {line}"),
            (Some(line), path) => format!(" at line {line}, `{path}`"),
            (None, "" | ".") => String::new(),
            (None, path) => format!(" at `{path}`"),
        };
        Error::new(
            Kind::Usage,
            format!("invalid seed{place}: {message}"),
            "Correct the seed. `acspass emulator init` writes one with comments.",
        )
    }
}
