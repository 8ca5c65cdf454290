//! The web origins that may use the service: those of the configuration, and those that the user
//! approves on the dashboard.
//!
//! Input: the origins of the configuration, requests of pages, decisions of the user. Output: whether
//! an origin is approved, and whether a page has a key that the user approved with it.
//!
//! A page without the service's secret makes a random key, and asks with the key's SHA-256 (its
//! *verifier*). The user compares a code of the verifier on the dashboard and on the page, and approves
//! both the origin and the key. The origin alone is not enough: any program can send an `Origin`
//! header, and another user's program can take the port of an origin on loopback.
//!
//! The service proves to the page that it knows the verifier. So a page that is approved never sends
//! it: its requests have the verifier's SHA-256 (the *page id*), which proves nothing.

mod file;
mod list;
mod page_id;
#[cfg(test)]
mod tests;

pub(crate) use file::forget_profile;
pub(super) use list::Origins;
pub(super) use page_id::{PageId, Verifier, has_page, is_page};
