//! The store, the index and the locks as one.
//!
//! Sessions are read and written as a whole, and the index follows the store. A save writes the
//! item first: after a power failure the store has the old session or the new one, and the index may
//! lag behind. The caller decides when to lock, and how long to wait.

mod copy;
mod forget;
mod reconcile;
mod store;

pub(crate) use forget::without_other_store;
pub use forget::{ForgottenSessions, Removal};
pub use reconcile::Reconciled;
pub use store::SessionStore;
