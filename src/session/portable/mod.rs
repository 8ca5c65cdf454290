//! Exports a session for another machine, and imports it there.
//!
//! An export is one sealed file with the account, its application and its refresh token. Access tokens
//! stay behind: they expire within hours, and the importing machine gets its own. The caller reads and
//! writes the file, and chooses its key.

mod export;
mod import;
mod session;

pub use import::Imported;
pub use session::PortableSession;
