//! Opens a page in the user's browser without a secret on any command line.
//!
//! Other users of a machine can read the arguments of every process. A sign-in address contains
//! `state`, `nonce` and the PKCE challenge, a dashboard's link a one-time ticket. So a browser gets
//! a [`Link`]: the address of a start page on the redirect listener, which contains no secret and
//! redirects this user's browser to the target; or, if the listener cannot tell users apart, the
//! address of a file that only this user can read.
//!
//! This module does not check that the page appears. No address passes through a shell, and no
//! error repeats it.

mod launch;
mod link;
mod redirect_file;

pub use launch::{BrowserCommand, SystemBrowser};
pub use link::{Browser, Lent, Link, Opened};
pub use redirect_file::RedirectFile;
