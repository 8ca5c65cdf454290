//! The files that a confined process opens, by Landlock.

use std::collections::BTreeSet;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, RestrictSelfAttr, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    make_bitflags, path_beneath_rules,
};

use super::named::readable;
use super::plan::Plan;

/// The files that the C library, the name resolver and the certificate verifier read repeatedly:
/// networks change, and packages are updated. `/etc` is a whole folder because its files are
/// replaced by new ones, which a rule for a file does not cover.
const SYSTEM: [&str; 24] = [
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/nix/store",
    "/gnu/store",
    "/run/current-system",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/connman",
    "/var/lib/ca-certificates",
    "/var/lib/sss",
    "/mnt/wsl",
    "/proc/self",
    "/proc/sys/kernel",
    "/proc/sys/vm",
    "/proc/sys/net",
    "/proc/uptime",
    "/proc/stat",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
];

/// Devices without contents of a user. A passphrase is asked for on the terminal.
const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];

/// The newest version with file rights that are used; an older kernel limits what it knows.
const NEWEST: ABI = ABI::V5;

/// Limits the files of this thread and of later ones, and of all threads if the kernel can.
/// Returns how many threads are left out; an unknown number of threads counts as this one.
pub(super) fn confine(plan: &Plan) -> Result<usize, String> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    let status = ruleset(plan)?
        .restrict_self()
        .map_err(|cause| format!("Landlock refuses: {cause}"))?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("this kernel has no Landlock".to_owned()),
        _ if status.all_threads => Ok(0),
        _ => Ok(threads.saturating_sub(1)),
    }
}

fn ruleset(plan: &Plan) -> Result<RulesetCreated, String> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    // The kernel gives no program's start to any path. A link or a FIFO in the state folder would
    // lead the user's next command, which is not confined, elsewhere.
    let own = AccessFs::from_all(NEWEST)
        & !make_bitflags!(AccessFs::{
            Execute | MakeChar | MakeBlock | MakeSym | MakeFifo | IoctlDev
        });
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile | IoctlDev});
    let wrong = |cause: RulesetError| format!("Landlock refuses: {cause}");
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.scope(Scope::Signal))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.all_threads(true))
        .map_err(wrong)?;
    for path in &plan.writes {
        let folder = PathFd::new(path).map_err(|cause| format!("`{}`: {cause}", path.display()))?;
        let rule = PathBeneath::new(folder, own);
        rules = rules.add_rule(rule).map_err(wrong)?;
    }
    let mut paths: BTreeSet<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
    paths.extend(resolver());
    paths.extend(plan.reads.iter().cloned());
    for (setting, path) in &plan.named {
        let (readable, is_fixed) = readable(path, plan.home.as_deref());
        if is_fixed {
            tracing::debug!(
                "The file in {setting} is in a folder with other files. After the file is replaced, \
                 the service needs a restart."
            );
        }
        paths.extend(readable);
    }
    rules
        .add_rules(path_beneath_rules(paths, read))
        .and_then(|rules| rules.add_rules(path_beneath_rules(DEVICES, device)))
        .map_err(wrong)
}

/// The folder that the resolver's settings are in, if `/etc/resolv.conf` is a link.
fn resolver() -> Option<PathBuf> {
    let target = std::fs::canonicalize("/etc/resolv.conf").ok()?;
    let folder = target.parent()?;
    // A folder at the top holds more than that.
    (folder.components().count() > 2).then(|| folder.to_owned())
}

pub(super) fn are_offered() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .is_ok()
}
