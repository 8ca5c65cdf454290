//! What processes leave behind: other processes, and listeners.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The processes with this text in their command line, which a process that has ended has not.
pub(crate) fn processes(text: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("Linux").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_text = |id: &u32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    ids.filter(has_text).collect()
}

/// The ports on which this process listens. Only root can look.
pub(crate) fn ports_of(process: u32) -> BTreeSet<u16> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).expect("a process, and root");
    let files = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    let sockets: BTreeSet<String> = files
        .filter_map(|link| {
            let link = link.to_str()?.strip_prefix("socket:[")?;
            Some(link.strip_suffix(']')?.to_owned())
        })
        .collect();
    let listening = listeners().into_iter();
    let own = listening.filter(|(_, inode)| sockets.contains(inode));
    own.map(|(port, _)| port).collect()
}

/// Whether a process listens on one of these ports.
pub(crate) fn are_served(ports: &BTreeSet<u16>) -> bool {
    listeners().iter().any(|(port, _)| ports.contains(port))
}

/// The ports of this machine with a listener, and the inodes of the sockets (`proc(5)`).
fn listeners() -> Vec<(u16, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(Path::new);
    let tables = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    rows.filter_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let port = fields.get(1)?.rsplit_once(':')?.1;
        let is_listener = *fields.get(3)? == "0A";
        let port = u16::from_str_radix(port, 16).ok()?;
        is_listener.then(|| Some((port, (*fields.get(9)?).to_owned())))?
    })
    .collect()
}
