//! A socket of the kernel's table.

/// One socket as the kernel describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) state: u8,
    pub(super) uid: u32,
    pub(super) inode: u32,
}

/// `TCP_ESTABLISHED` of Linux's `tcp_states.h`.
pub(super) const ESTABLISHED: u8 = 1;
/// `TCP_SYN_SENT` of the same file.
pub(super) const SYN_SENT: u8 = 2;
