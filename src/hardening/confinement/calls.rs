//! The system calls that a confined process cannot make, by seccomp (seccomp(2)).
//!
//! A list of what is refused, and not of what is allowed: the second would have to follow each
//! version of the C library. Landlock refuses the start of a file too; this also covers `fexecve`
//! of a file in memory, and the threads that ran before.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter_all_threads,
};

/// Starts of programs, a look into other processes, and what changes or avoids the confinement.
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

/// The old names of a new process, which newer architectures lack.
#[cfg(target_arch = "x86_64")]
const FORKS: &[libc::c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[libc::c_long] = &[];

/// Refuses these calls to all threads of this process.
pub(super) fn confine() -> Result<(), String> {
    let wrong = |cause: seccompiler::Error| format!("seccomp refuses: {cause}");
    for filter in filters().map_err(|cause| format!("no filter of calls: {cause}"))? {
        apply_filter_all_threads(&filter).map_err(wrong)?;
    }
    Ok(())
}

fn filters() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let target: TargetArch = std::env::consts::ARCH.try_into()?;
    let filter = |rules: BTreeMap<i64, Vec<SeccompRule>>, errno: i32| -> Result<BpfProgram, _> {
        let errno = SeccompAction::Errno(errno.unsigned_abs());
        SeccompFilter::new(rules, SeccompAction::Allow, errno, target)?.try_into()
    };
    // A filter sees no flags of `clone3`, which are in memory. The C libraries go on with `clone`
    // if there is no `clone3`.
    let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let refused = REFUSED.iter().chain(FORKS).copied();
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        refused.map(|call| (call, Vec::new())).collect();
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let is_process = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(thread),
        0,
    )?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![is_process])?]);
    Ok([
        filter(no_clone3, libc::ENOSYS)?,
        filter(rules, libc::EPERM)?,
    ])
}

pub(super) fn are_offered() -> bool {
    let has_filters = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail")
        .is_ok_and(|actions| actions.split_whitespace().any(|action| action == "errno"));
    has_filters && filters().is_ok()
}
