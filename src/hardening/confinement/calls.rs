//! The system calls that a confined process cannot make, by seccomp (seccomp(2)).
//!
//! A list of what is refused, and not of what is allowed: the second would have to follow each
//! version of the C library. Landlock refuses the start of a file too; this also covers `fexecve`
//! of a file in memory, and the threads that ran before.

use std::collections::BTreeMap;

#[cfg(target_arch = "x86_64")]
use seccompiler::sock_filter;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};

/// Calls that start programs, read other processes, or change or avoid the confinement.
/// (`io_uring` makes calls that no filter sees.)
const REFUSED: [libc::c_long; 30] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_swapon,
    libc::SYS_acct,
    libc::SYS_reboot,
];

/// Changes of a file's mode, owner, times or attributes by its path. Landlock has no right for them.
/// (The calls by an open file remain: only the service's own files can be opened.)
const METADATA: [libc::c_long; 7] = [
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
];
/// Newer ones, which have the same number on all architectures: `fchmodat2`, `setxattrat`,
/// `removexattrat`, `open_tree_attr` and `file_setattr`.
const NEW_METADATA: [libc::c_long; 5] = [452, 463, 466, 467, 469];
#[cfg(target_arch = "x86_64")]
const OLD_METADATA: &[libc::c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_METADATA: &[libc::c_long] = &[];

/// The old names of a new process, which newer architectures lack.
#[cfg(target_arch = "x86_64")]
const FORKS: &[libc::c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[libc::c_long] = &[];

/// The bit in the number of an x32 call. Such a call has the architecture of a 64-bit call, and a
/// number of its own (`arch/x86/entry/syscalls`), which the list above does not contain.
#[cfg(target_arch = "x86_64")]
const X32_BIT: u32 = 0x4000_0000;

/// Refuses these calls to all threads of this process.
pub(super) fn confine() -> Result<(), String> {
    let wrong = |cause: seccompiler::Error| format!("seccomp refuses: {cause}");
    #[cfg(target_arch = "x86_64")]
    apply_filter_all_threads(&no_x32()).map_err(wrong)?;
    for filter in filters().map_err(|cause| format!("no filter of system calls: {cause}"))? {
        apply_filter_all_threads(&filter).map_err(wrong)?;
    }
    Ok(())
}

/// Requests by which a process puts input into its terminal (`asm-generic/ioctls.h`).
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541C;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Rules that refuse these calls with any arguments.
fn refuse<'a>(calls: impl Iterator<Item = &'a libc::c_long>) -> Rules {
    calls.map(|call| (*call, Vec::new())).collect()
}

/// A rule that refuses a call if the argument with this index meets the condition. What counts is
/// in the lower half of each argument.
fn refuse_if(index: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    let condition = SeccompCondition::new(index, SeccompCmpArgLen::Dword, is, value)?;
    SeccompRule::new(vec![condition])
}

/// A program that refuses calls by these rules, with this error.
fn filter(rules: Rules, errno: i32) -> Result<BpfProgram, BackendError> {
    let target: TargetArch = std::env::consts::ARCH.try_into()?;
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, errno, target)?.try_into()
}

/// Refuses changes of metadata by a path, and calls by their arguments: input that a process puts
/// into its terminal (`TIOCSTI`, `TIOCLINUX`), limits of another process, and core dumps.
fn of_metadata_and_arguments() -> Result<BpfProgram, BackendError> {
    use SeccompCmpOp::{Eq, Ne};

    let dumpable = u64::from(libc::PR_SET_DUMPABLE.unsigned_abs());
    let into_terminal = vec![refuse_if(1, Eq, TIOCSTI)?, refuse_if(1, Eq, TIOCLINUX)?];
    let mut rules = refuse(METADATA.iter().chain(&NEW_METADATA).chain(OLD_METADATA));
    rules.insert(libc::SYS_ioctl, into_terminal);
    rules.insert(libc::SYS_prlimit64, vec![refuse_if(0, Ne, 0)?]);
    rules.insert(libc::SYS_prctl, vec![refuse_if(0, Eq, dumpable)?]);
    filter(rules, libc::EPERM)
}

fn filters() -> Result<[BpfProgram; 3], BackendError> {
    let mut rules = refuse(REFUSED.iter().chain(FORKS));
    let is_no_thread = SeccompCmpOp::MaskedEq(u64::from(libc::CLONE_THREAD.unsigned_abs()));
    rules.insert(libc::SYS_clone, vec![refuse_if(0, is_no_thread, 0)?]);
    // A filter sees no flags of `clone3`, which are in memory. The C libraries go on with `clone`
    // if there is no `clone3`.
    let no_clone3 = refuse([libc::SYS_clone3].iter());
    Ok([
        of_metadata_and_arguments()?,
        filter(no_clone3, libc::ENOSYS)?,
        filter(rules, libc::EPERM)?,
    ])
}

/// Refuses all x32 calls, which some kernels offer (`CONFIG_X86_X32_ABI`): load the number, which is
/// at offset 0 of `struct seccomp_data`, and compare it.
#[cfg(target_arch = "x86_64")]
fn no_x32() -> BpfProgram {
    const LOAD_WORD: u16 = 0x20;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
    vec![
        step(LOAD_WORD, 0, 0, 0),
        step(JUMP_IF_AT_LEAST, 0, 1, X32_BIT),
        step(RETURN, 0, 0, refused),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

pub(super) fn are_offered() -> bool {
    let has_filters = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail")
        .is_ok_and(|actions| actions.split_whitespace().any(|action| action == "errno"));
    has_filters && filters().is_ok()
}

#[cfg(target_arch = "x86_64")]
#[cfg(test)]
mod tests {
    use super::*;

    /// Has a program make the call `getpid` with these bits in its number, under the x32 filter or
    /// without it, and returns the result and `errno`.
    fn getpid(is_filtered: bool, bits: u32) -> (i64, i32) {
        let call = std::thread::spawn(move || {
            if is_filtered {
                // For this thread and its child; the other tests go on as they are.
                seccompiler::apply_filter(&no_x32()).expect("the kernel takes it");
            }
            let number = u64::from(bits) | libc::SYS_getpid.unsigned_abs();
            let script = format!("$! = 0; my $r = syscall({number}); print $r, ' ', $! + 0");
            std::process::Command::new("perl")
                .args(["-e", &script])
                .output()
                .expect("perl, of perl-base")
        });
        let output = call.join().expect("it ran");
        let text = String::from_utf8(output.stdout).expect("text");
        let (result, errno) = text.split_once(' ').expect("two numbers");
        (
            result.parse().expect("a number"),
            errno.parse().expect("a number"),
        )
    }

    #[test]
    fn x32_call_is_refused_and_a_64_bit_call_is_not() {
        assert_eq!(getpid(true, X32_BIT), (-1, libc::EPERM));
        let (id, errno) = getpid(true, 0);
        assert!(id > 0 && errno == 0, "{id} {errno}");
        // Without the filter it is the kernel that answers: it lacks x32, or makes the call.
        assert_ne!(getpid(false, X32_BIT), (-1, libc::EPERM));
    }

    /// Runs a Perl script, under the filter or without it. It prints the error number of each call.
    fn errors_of(script: &'static str, arguments: &[&str], is_filtered: bool) -> Vec<i32> {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let run = std::thread::spawn(move || {
            if is_filtered {
                let program = of_metadata_and_arguments().expect("a program");
                seccompiler::apply_filter(&program).expect("the kernel takes it");
            }
            std::process::Command::new("perl")
                .args(["-e", script])
                .args(arguments)
                .output()
                .expect("perl, of perl-base")
        });
        let output = run.join().expect("it ran");
        let text = String::from_utf8(output.stdout).expect("text");
        text.split_whitespace()
            .map(|errno| errno.parse().expect(&text))
            .collect()
    }

    #[test]
    fn metadata_limits_and_terminals_are_out_of_reach() {
        // TIOCSTI, TIOCLINUX and a harmless request at a file that is no terminal; limits of process
        // 1 and the process's own; changes by path, and one by an open file.
        const SCRIPT: &str = r#"
            my $file = $ARGV[0];
            open(my $open, "+<", $file) or die;
            sub tell_errno { print 0 + $!, " "; $! = 0 }
            for my $request (0x5412, 0x541C, 0x5413) { my $x = "x" x 64; $! = 0; ioctl($open, $request, $x); tell_errno }
            for my $pid (1, 0) { my $limit = "\0" x 16; $! = 0; syscall(302, $pid, 4, 0, $limit); tell_errno }
            $! = 0; chmod(0600, $file); tell_errno;
            $! = 0; utime(1, 1, $file); tell_errno;
            $! = 0; chown($<, -1, $file); tell_errno;
            $! = 0; chmod(0600, $open); tell_errno;
        "#;
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("text");
        let (refused, no_terminal) = (libc::EPERM, libc::ENOTTY);
        let filtered = errors_of(SCRIPT, &[path], true);
        assert_eq!(filtered[..3], [refused, refused, no_terminal]);
        assert_eq!(filtered[3..], [refused, 0, refused, refused, refused, 0]);
        let free = errors_of(SCRIPT, &[path], false);
        assert_eq!(free[..3], [no_terminal; 3]);
        assert_eq!(free[4..], [0; 5]);
    }
}
