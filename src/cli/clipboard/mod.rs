//! `get --copy`: puts a token on the clipboard of the desktop, or of the terminal at the other end of an
//! SSH session.
//!
//! A secret goes in, and a message for the user comes out. On X11 and Wayland the content of the
//! clipboard belongs to a process, so a child of this program holds it and clears it later.

mod owner;
mod terminal;

use std::sync::Arc;

use crate::error::Result;

pub(super) use owner::{hold, is_called};

use super::env_vars as var;
use super::environment::Environment;
use super::runtime::block_on;

/// Copies a secret. Returns the sentence that says how long the clipboard has it.
pub(super) fn copy(secret: &str, env: &Arc<Environment>) -> Result<String> {
    let is_remote = var::SSH.iter().any(|name| env.variable(name).is_some());
    match is_remote {
        true => block_on(terminal::copy(secret, env)),
        false => block_on(owner::copy(secret, env)),
    }
}
