//! A manager of one's own.
