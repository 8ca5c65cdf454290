//! What processes leave behind: other processes, and listeners.

use std::collections::BTreeSet;
use std::fs;

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

/// The sockets on which this process listens, as inodes. Only root can look.
pub(crate) fn listeners_of(process: u32) -> BTreeSet<String> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).expect("a process, and root");
    let links = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    let sockets = links.filter_map(|link| {
        let inode = link.to_str()?.strip_prefix("socket:[")?;
        Some(inode.strip_suffix(']')?.to_owned())
    });
    let sockets: BTreeSet<String> = sockets.collect();
    sockets.intersection(&listeners()).cloned().collect()
}

/// The inodes of all TCP sockets that listen (`proc(5)`).
pub(crate) fn listeners() -> BTreeSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables = tables.map(|table| fs::read_to_string(table).unwrap_or_default());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    let listening = rows.filter_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let is_listener = *fields.get(3)? == "0A";
        is_listener.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    });
    listening.collect()
}
