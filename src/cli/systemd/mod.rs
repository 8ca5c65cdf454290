//! The token service as a systemd user service: install, start, stop, remove, show.
//!
//! One service for each user: `acspass.service`, and `acspass.socket`, which holds its port. Input is
//! the command's arguments and environment; output is the two unit files, calls of `systemctl` and the
//! result of the command. The service itself does not know that systemd runs it, except for
//! [`manager::report_ready`].

pub(super) mod install;
pub(super) mod manager;
pub(super) mod status;
mod units;
