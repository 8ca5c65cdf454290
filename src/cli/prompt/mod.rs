//! Standard input and the terminal: lines, pasted text, hidden input.
//!
//! Questions go in, [`Pasted`](crate::secret::Pasted) text comes out. All hidden input goes through
//! [`input::Input::ask_hidden`], [`input::Input::ask_passphrase`] and [`input::Input::ask_pasted`].

#[cfg_attr(not(unix), path = "console.rs")]
pub(super) mod echo;
pub(super) mod input;
pub(super) mod passphrase;
