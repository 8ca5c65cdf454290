//! The emulator at the hosts of Entra ID and of ACS resources themselves.
//!
//! On Linux a process can enter a network and mount namespace of its own, in which these hosts resolve
//! to loopback and the emulator has ports 80 and 443. Programs with hard-coded hosts then need no
//! change. No other process is affected, and the kernel removes the namespaces with their last
//! process.

#[cfg(target_os = "linux")]
mod dns;
#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod loopback_device;
pub(crate) mod names;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
mod refusal;

#[cfg(target_os = "linux")]
pub use namespace::Namespace;
