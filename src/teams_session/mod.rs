//! A Teams user's session for programs: every default of the command, in one builder.
//!
//! [`TeamsSession::builder`] takes the application, the tenant and the resource.
//! [`TeamsSession::token`] returns a Communication token that is valid for ten minutes or more: the
//! cached one, or one from a refresh, or one from a sign-in in the system's browser. Sessions are
//! cached in the operating system's keyring, where the command finds them too. This module only
//! combines [`session`](crate::session), [`entra`](crate::entra), [`acs`](crate::acs) and
//! [`store`](crate::store); a program that needs other parts combines those.

mod builder;
mod user_session;

pub use builder::TeamsSessionBuilder;
pub use user_session::TeamsSession;
