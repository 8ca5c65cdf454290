//! The name of this program in the keyring.

/// The attribute `service` of each item.
pub(super) const SERVICE: &str = "acspass";
