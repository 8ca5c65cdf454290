//! The token service as a systemd user service: install, start, stop, remove, show.
//!
//! One service for each user: `acspass.service`, and `acspass.socket`, which holds its port. The
//! service itself does not know that systemd runs it, except for [`ready`].

mod environment;
pub(super) mod install;
pub(super) mod ready;
pub(super) mod status;
mod systemctl;
mod unit;
mod unit_files;
