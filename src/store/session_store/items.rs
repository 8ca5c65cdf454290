//! The names of items, and the record in one.

use crate::account::SessionKey;
use crate::secret::SecretBytes;
use crate::store::record::Record;

/// The prefix of a quarantined item's name. The Unix time and the item's previous name follow.
pub(super) const UNREADABLE: &str = "unreadable";

/// Returns the session in these bytes; `None` if it is damaged, from a newer version, or not
/// the session of this key.
pub(super) fn read(key: &SessionKey, item: &SecretBytes) -> Option<Record> {
    let record = Record::from_item(item).ok()?;
    (record.key() == *key).then_some(record)
}

/// Returns whether this is the name of a quarantined item.
pub(super) fn is_quarantined(item: &str) -> bool {
    item.starts_with(UNREADABLE)
}

/// Returns the authority host in the name of a session's item, quarantined or not; `None` for
/// other names.
pub(super) fn host_in(item: &str) -> Option<&str> {
    let name = match item.strip_prefix(UNREADABLE) {
        Some(quarantined) => quarantined.trim_start().split_once(' ')?.1,
        None => item,
    };
    let (_, scope) = name.strip_prefix("session ")?.split_once(" at ")?;
    scope.split(' ').next()
}
