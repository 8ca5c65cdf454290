//! Normalizes the text of users and their tools: files, standard input, prompts, variables.
//!
//! Input is bytes or text as Windows, shells, dotenv files and JSON tools write it. Output is the
//! bare value. Ambiguous input is returned unchanged, for the caller's error. This module checks no
//! value.

mod guid;
mod ids;
mod secret;
mod value;

pub use guid::{guid, is_guid};
pub use ids::{ids, principals};
pub use secret::{CONNECTION_STRING_VARIABLES, connection_string, token};
pub use value::{bare, text, utf8, value};
