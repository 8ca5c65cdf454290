//! Keeps the secrets in this process's memory from core dumps and from the user's other processes.
//!
//! `main` calls [`harden_process`] first, for every command: three system calls. On Linux the process is
//! then not dumpable (prctl(2), `PR_SET_DUMPABLE`): the kernel writes no core, and only root can
//! attach a debugger or read `/proc/PID/mem` and `/proc/PID/environ`. `execve` ends that state, so
//! programs that are started are not affected. The limit of the size of cores would be inherited,
//! so [`as_started`] and [`restore`] give a started program the limit that this process was given.
//! macOS has the limit only, and Windows has neither.
//!
//! `no_new_privs` is not set at the start, because `exec` and the browser may need `sudo` or a
//! setuid sandbox. It comes with [`confine`], for `serve` alone.

mod confinement;

#[cfg(unix)]
use std::sync::OnceLock;

#[cfg(unix)]
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub use confinement::{Confined, Outcome, Plan, confine, offered};

/// The limit of the size of cores that this process was started with.
#[cfg(unix)]
static INHERITED_CORE_LIMIT: OnceLock<Rlimit> = OnceLock::new();

/// What protects the memory of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Whether the process leaves no core file.
    pub leaves_no_core: bool,
    /// Whether the user's other processes cannot read the memory.
    pub is_closed: bool,
}

/// Turns off core dumps, and closes the memory to the user's other processes if the system can.
///
/// A failure changes no result of a command. [`memory`] reports the state, and `doctor` shows it.
pub fn harden_process() {
    #[cfg(unix)]
    {
        let inherited_limit = getrlimit(Resource::Core);
        disable_core_dumps(INHERITED_CORE_LIMIT.get_or_init(|| inherited_limit));
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Restores the limit that this process was started with, for the program that it becomes.
pub fn restore() {
    #[cfg(unix)]
    if let Some(inherited_limit) = INHERITED_CORE_LIMIT.get() {
        let _ = setrlimit(Resource::Core, *inherited_limit);
    }
}

/// Starts another program with the limit that this process was started with.
pub fn as_started<T>(start: impl FnOnce() -> T) -> T {
    restore();
    let started = start();
    #[cfg(unix)]
    if let Some(inherited_limit) = INHERITED_CORE_LIMIT.get() {
        disable_core_dumps(inherited_limit);
    }
    started
}

/// Returns the state of this process.
pub fn memory() -> Memory {
    #[cfg(target_os = "linux")]
    let is_closed = {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        dumpable_behavior().is_ok_and(|behavior| behavior != DumpableBehavior::Dumpable)
    };
    #[cfg(not(target_os = "linux"))]
    let is_closed = false;
    #[cfg(unix)]
    let has_no_core = getrlimit(Resource::Core).current == Some(0);
    #[cfg(not(unix))]
    let has_no_core = false;
    Memory {
        leaves_no_core: is_closed || has_no_core,
        is_closed,
    }
}

/// Lowers the soft limit only: the hard limit could not be raised again.
#[cfg(unix)]
fn disable_core_dumps(inherited_limit: &Rlimit) {
    let none = Rlimit {
        current: Some(0),
        maximum: inherited_limit.maximum,
    };
    let _ = setrlimit(Resource::Core, none);
}
