//! What protects the memory of the program's processes.

use super::Check;
use crate::hardening::Memory;

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
}
