//! Normalizes the text of users and their tools: files, standard input, prompts, variables.
//!
//! Input is bytes or text as Windows, shells, dotenv files and JSON tools write it. Output is the
//! bare value. Ambiguous input is returned unchanged, for the caller's error. This module checks no
//! value.

mod ids;
mod secret;
mod value;

pub use ids::ids;
pub use secret::{CONNECTION_STRING_VARIABLES, connection_string, token};
pub use value::{bare, text, utf8, value};
