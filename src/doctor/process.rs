//! What protects the program's processes: their memory, and the confinement of the service.

use super::check::Check;
use crate::hardening::{Confined, Memory};

/// Shows whether other processes and core dumps can disclose the secrets in memory.
pub fn memory(memory: Memory) -> Check {
    const NAME: &str = "memory";
    match memory {
        Memory {
            is_closed: true, ..
        } => Check::ok(
            NAME,
            "no core dump is written, and only root can read the memory of this program",
        ),
        Memory {
            leaves_no_core: true,
            ..
        } => Check::ok(
            NAME,
            "no core dump is written; this system lets the user's debuggers read the memory",
        ),
        _ if cfg!(windows) => Check::skipped(
            NAME,
            "nothing is set here; the user's other programs can read the memory",
        ),
        _ => Check::warn(
            NAME,
            "a core dump of this program would contain tokens",
            "run `ulimit -c 0` before `acspass`",
        ),
    }
}

/// Shows whether the system keeps the secrets in memory out of the swap device.
pub fn swap(is_memory_locked: bool) -> Check {
    const NAME: &str = "swap";
    match is_memory_locked {
        true => Check::ok(
            NAME,
            "tokens and keys are in locked memory, which is not written to the swap device",
        ),
        false => Check::warn(
            NAME,
            "this process may not lock memory, so that tokens can be written to the swap device",
            match cfg!(unix) {
                true => "raise the limit (`ulimit -l`) to 1024 or more, or encrypt the swap device",
                false => "encrypt the disk",
            },
        ),
    }
}

/// Shows how far the running service is confined, or how far the kernel could confine one.
pub fn confinement(running: Option<(u32, Option<Confined>)>, offered: Confined) -> Check {
    const NAME: &str = "confinement";
    let both = Confined {
        files: true,
        programs: true,
    };
    if !cfg!(target_os = "linux") {
        return Check::skipped(NAME, "only on Linux does `acspass serve` confine itself");
    }
    match running {
        Some((id, Some(confined))) if confined == both => Check::ok(
            NAME,
            format!(
                "the running service (process {id}) opens only its own files and the system's, \
                 and starts no program"
            ),
        ),
        Some((id, confined)) => Check::warn(
            NAME,
            format!(
                "the running service (process {id}) {}",
                limits(confined.unwrap_or(Confined {
                    files: false,
                    programs: false,
                }))
            ),
            "stop it and run `acspass serve -v`, which says why",
        ),
        None if offered == both => Check::ok(
            NAME,
            "this kernel can confine `acspass serve` to its own files and to no program",
        ),
        None => Check::warn(
            NAME,
            format!("on this kernel `acspass serve` {}", limits(offered)),
            "use a kernel with Landlock (Linux 5.13 or later) and seccomp for a confined service",
        ),
    }
}

fn limits(confined: Confined) -> &'static str {
    match (confined.files, confined.programs) {
        (true, true) => "is confined",
        (true, false) => "is limited in the files that it opens, and can start programs",
        (false, true) => "starts no program, and can open all files of its user",
        (false, false) => "is not confined",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Outcome;

    #[test]
    fn core_dumps_that_would_hold_tokens_are_a_warning() {
        let open = Memory {
            leaves_no_core: false,
            is_closed: false,
        };
        let expected = match cfg!(windows) {
            true => Outcome::Skipped,
            false => Outcome::Warn,
        };
        assert_eq!(memory(open).outcome, expected);
        let closed = Memory {
            leaves_no_core: true,
            is_closed: true,
        };
        assert_eq!(memory(closed).outcome, Outcome::Ok);
    }

    #[test]
    fn memory_that_may_be_swapped_is_a_warning() {
        assert_eq!(swap(true).outcome, Outcome::Ok);
        assert_eq!(swap(false).outcome, Outcome::Warn);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn service_that_is_not_wholly_confined_is_a_warning() {
        let confined = |files, programs| Confined { files, programs };
        let none = confined(false, false);
        for (running, offered, outcome) in [
            (Some((7, Some(confined(true, true)))), none, Outcome::Ok),
            (Some((7, Some(confined(false, true)))), none, Outcome::Warn),
            (Some((7, Some(confined(true, false)))), none, Outcome::Warn),
            (Some((7, None)), confined(true, true), Outcome::Warn),
            (None, confined(true, true), Outcome::Ok),
            (None, confined(false, true), Outcome::Warn),
        ] {
            let check = confinement(running, offered);
            assert_eq!(check.outcome, outcome, "{check:?}");
        }
    }
}
