//! Prepares text from outside for messages.
//!
//! Input is text of services, files, variables, arguments and prompts. Output is text without control
//! and reordering characters, and without secrets. [`quoted`] is the way to repeat a user's value.
//! The templates escape for HTML.

mod clean;
mod commands;
mod hex;
#[cfg(test)]
mod properties;
mod quote;
mod randomness;
mod secret_forms;
#[cfg(test)]
mod tests;

pub use clean::{as_sentence, collapsed, is_unprintable, one_line, printable, printable_json};
pub use commands::with_commands;
pub use hex::hex;
pub use quote::{after_noun, described, quoted, shell_word, shown, without_secrets};
pub use secret_forms::{SecretForm, may_hold_secret, secret_form};
