//! The token service as a program that the login starts, on systems without a systemd user manager.
//!
//! The entry is an XDG autostart file on Linux, a launchd agent on macOS, and a task of the Task
//! Scheduler on Windows. Input is the plan of the service; output is the text of the entry, and the
//! calls of the system's own tool. An entry contains no secret.
//!
//! Tests on Linux check the text of each entry. `launchctl` and `schtasks` were never run by a test.

mod desktop;
pub(super) mod entry;
pub(super) mod install;
mod launchd;
mod task;
mod xml;
