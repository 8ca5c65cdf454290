//! A store in the memory of the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::token_store::TokenStore;
use crate::error::Result;
use crate::secret::SecretBytes;

/// Stores items in this process only. No call fails.
#[derive(Debug, Default)]
pub struct MemoryStore {
    items: Mutex<HashMap<String, SecretBytes>>,
}

impl MemoryStore {
    /// Creates an empty store.
    pub fn new() -> Self {
        MemoryStore::default()
    }
}

impl TokenStore for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn load(&self, item: &str) -> Result<Option<SecretBytes>> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(items.get(item).cloned())
    }

    fn save(&self, item: &str, value: &SecretBytes) -> Result<()> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.insert(item.to_owned(), value.clone());
        Ok(())
    }

    fn delete(&self, item: &str) -> Result<bool> {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(items.remove(item).is_some())
    }

    fn items(&self) -> Result<Vec<String>> {
        let items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<String> = items.keys().cloned().collect();
        names.sort();
        Ok(names)
    }

    fn is_persistent(&self) -> bool {
        false
    }

    fn removal_by_hand(&self, _item: &str) -> String {
        "it ends with this process".to_owned()
    }
}
