//! Looks up a user in Microsoft Graph, by one name.
//!
//! Input: Graph's address, an Entra token with the permission `User.ReadBasic.All`, and a name.
//! Output: the object id of the one user that it fits, or the candidates. The module stores nothing,
//! and sends the token to that address only.

mod address;
mod directory;

pub use address::GraphAddress;
pub use directory::{Directory, DirectoryUser, UserLookup, check_name};
