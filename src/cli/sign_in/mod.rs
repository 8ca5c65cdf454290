//! How a user signs in at this machine: the browser to open, the messages to print, the text to read.

pub(super) mod browser;
mod notices;
pub(super) mod ui;
