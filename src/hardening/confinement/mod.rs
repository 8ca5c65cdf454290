//! Confines the token service: which files it opens, and that it starts no program.
//!
//! Landlock (<https://docs.kernel.org/userspace-api/landlock.html>) limits the files, and a seccomp
//! filter the system calls. Both need `no_new_privs`, both are for ever, and both are inherited.
//! Landlock covers the calling thread and the threads that it starts later; only from its ABI 8 on
//! can it cover the threads that run already. So [`confine`] is called before a runtime starts
//! threads, and after everything that needs a program. Connections to sockets are not limited.

// The processors for which `seccompiler` makes filters, without their 32-bit variants.
#[cfg(all(
    target_os = "linux",
    target_endian = "little",
    target_pointer_width = "64",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
))]
mod calls;
#[cfg(not(all(
    target_os = "linux",
    target_endian = "little",
    target_pointer_width = "64",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )
)))]
mod calls {
    //! Other systems and processors have no filter of system calls.

    pub(super) fn confine() -> Result<(), String> {
        Err(match cfg!(target_os = "linux") {
            true => "no filter of system calls exists for this processor".to_owned(),
            false => "confinement is available on Linux only".to_owned(),
        })
    }

    pub(super) fn are_offered() -> bool {
        false
    }
}
#[cfg(target_os = "linux")]
mod files;
#[cfg(not(target_os = "linux"))]
mod files {
    //! Other systems have no Landlock.

    use crate::hardening::confinement::plan::Plan;

    pub(super) fn confine(_plan: &Plan) -> Result<usize, String> {
        Err("confinement is available on Linux only".to_owned())
    }

    pub(super) fn are_offered() -> bool {
        false
    }
}
#[cfg(target_os = "linux")]
mod named;
mod plan;

pub use plan::Plan;

use serde::{Deserialize, Serialize};

/// The confinement of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confined {
    /// Whether it opens no file but those of its [`Plan`].
    pub files: bool,
    /// Whether it can start no program.
    pub programs: bool,
}

/// The outcome of [`confine`]; an error is one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How many threads ran before and are not limited in their files.
    pub files: Result<usize, String>,
    /// The filter of system calls covers all threads.
    pub programs: Result<(), String>,
}

impl Outcome {
    /// The same without reasons. Files count as limited only if no thread is left out.
    pub fn confined(&self) -> Confined {
        Confined {
            files: self.files == Ok(0),
            programs: self.programs.is_ok(),
        }
    }
}

/// Confines this process as far as the kernel can. A failure of one part does not affect the other.
/// Other systems than Linux have none of this.
pub fn confine(plan: &Plan) -> Outcome {
    Outcome {
        files: files::confine(plan),
        programs: calls::confine(),
    }
}

/// Reports what the kernel can confine; nothing is confined by this.
pub fn offered() -> Confined {
    Confined {
        files: files::are_offered(),
        programs: calls::are_offered(),
    }
}
