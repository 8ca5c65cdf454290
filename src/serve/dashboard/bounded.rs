//! A bounded list of tickets or sessions.

use std::collections::VecDeque;

/// Most tickets, and most sessions. Only the service's owner makes them.
pub(super) const MOST: usize = 32;

/// Appends an item. Removes the oldest ones if the list is full.
pub(super) fn push<T>(list: &mut VecDeque<T>, item: T) {
    while list.len() >= MOST {
        list.pop_front();
    }
    list.push_back(item);
}
