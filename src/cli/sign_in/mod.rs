//! How a user signs in at this machine: the browser to open, the messages to print, the text to read.
//!
//! Input is the context of a command; output are the options of a sign-in. The sign-in itself is the
//! library's.

pub(super) mod account_picker;
pub(super) mod browser;
pub(super) mod login_options;
pub(super) mod ui;
