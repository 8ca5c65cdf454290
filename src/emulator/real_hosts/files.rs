//! The files of a mount namespace: names, their resolver, and trusted certificates.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::mount::mount_bind;

use super::names::{Site, named_hosts};
use super::refusal::refused;
use crate::emulator::trusted::BUNDLES;
use crate::error::Result;

const HOSTS: &str = "/etc/hosts";
const SERVICES: &str = "/etc/nsswitch.conf";
const RESOLVER: &str = "/etc/resolv.conf";
/// The folder of the sockets by which the C library asks the cache of names (nscd(8)).
const CACHE: &str = "/var/run/nscd";

/// Mounts the files that exist in the system. Each of them is a file in `folder`. Returns the place of
/// the certificates in the system, if it has one.
pub(super) fn mount(folder: &Path, bundle: &Path) -> Result<Option<PathBuf>> {
    let failed = |cause: io::Error| refused("mount its files", cause);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    for (path, text) in [
        (HOSTS, hosts(&read(HOSTS))),
        (SERVICES, services(&read(SERVICES))),
        (RESOLVER, "nameserver 127.0.0.1\n".to_owned()),
    ] {
        let Some(target) = existing(path) else {
            continue;
        };
        let source = folder.join(path.replace('/', "-").trim_start_matches('-'));
        fs::write(&source, text).map_err(failed)?;
        bind(&source, &target).map_err(failed)?;
    }
    if let Some(target) = existing(CACHE) {
        let empty = folder.join("nscd");
        fs::create_dir(&empty).map_err(failed)?;
        mount_bind(&empty, &target).map_err(|cause| failed(cause.into()))?;
    }
    // Several of these can be links to one file.
    let bundles: BTreeSet<PathBuf> = BUNDLES.iter().filter_map(|path| existing(path)).collect();
    for target in &bundles {
        bind(bundle, target).map_err(failed)?;
    }
    Ok(bundles.into_iter().next())
}

fn existing(path: &str) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// Mounts a file that every user may read, as the file below it.
fn bind(source: &Path, target: &Path) -> io::Result<()> {
    fs::set_permissions(source, fs::Permissions::from_mode(0o644))?;
    Ok(mount_bind(source, target)?)
}

/// Returns the system's hosts without the lines that name one of the emulator's, and then those with
/// one name.
/// The name server knows the resources.
fn hosts(system: &str) -> String {
    let is_other = |line: &&str| {
        let names = line.split('#').next().unwrap_or_default();
        !names
            .split_whitespace()
            .any(|name| Site::of(name).is_some())
    };
    let mut text = String::new();
    for line in system.lines().filter(is_other) {
        text += line;
        text += "\n";
    }
    for name in named_hosts() {
        text += &format!("127.0.0.1 {name}\n");
    }
    text
}

/// Returns the system's configuration with two sources of hosts: the file and the name server. Other
/// sources ask processes outside the namespace.
fn services(system: &str) -> String {
    let is_other = |line: &&str| !line.trim_start().starts_with("hosts:");
    let mut text: String = system
        .lines()
        .filter(is_other)
        .flat_map(|line| [line, "\n"])
        .collect();
    text += "hosts: files dns\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hosts_stay_and_the_emulators_are_loopback_only() {
        let system = "127.0.0.1 localhost # login.windows.net\n\
                      192.0.2.1 build login.microsoftonline.com\n\
                      192.0.2.2 contoso.communication.azure.com\n";
        let own = hosts(system);
        assert!(
            own.starts_with("127.0.0.1 localhost # login.windows.net\n"),
            "{own}"
        );
        assert!(
            own.contains("\n127.0.0.1 login.microsoftonline.com\n"),
            "{own}"
        );
        assert!(!own.contains("192.0.2."), "{own}");
    }

    #[test]
    fn only_the_sources_of_hosts_change() {
        let system =
            "passwd: files systemd\n hosts: files resolve [!UNAVAIL=return] dns\nnetworks: files";
        let own = services(system);
        assert_eq!(
            own,
            "passwd: files systemd\nnetworks: files\nhosts: files dns\n"
        );
    }
}
