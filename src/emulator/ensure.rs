//! Checks that end in an error.

/// Returns `error` unless `holds`.
pub(crate) fn ensure<E>(holds: bool, error: E) -> Result<(), E> {
    if holds { Ok(()) } else { Err(error) }
}
