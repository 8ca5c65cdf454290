//! The sweep: no secret that an emulator ever issued or saw may lie about anywhere.
//!
//! In come places, each a name and its bytes; out comes a panic that names the place and shows
//! how the secret begins. It knows what a token looks like in parts and in an address, too.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError, Weak};

use acspass::emulator::Emulator;

/// What counts as a secret: all that these emulators know, and what was added by hand.
#[derive(Default)]
pub(crate) struct Sweep {
    emulators: Vec<Weak<Emulator>>,
    known: Mutex<BTreeSet<String>>,
}

impl Sweep {
    pub(crate) fn watch(&mut self, emulator: Weak<Emulator>) {
        self.emulators.push(emulator);
    }

    pub(crate) fn add(&self, secret: &str) {
        self.known().insert(secret.to_owned());
    }

    /// Every secret so far, as it is, in its parts and as an address would carry it.
    pub(crate) fn secrets(&self) -> BTreeSet<String> {
        let mut known = self.known();
        for emulator in self.emulators.iter().filter_map(Weak::upgrade) {
            known.extend(emulator.secrets());
        }
        known.iter().flat_map(|secret| forms(secret)).collect()
    }

    /// Fails where one of the secrets occurs in these bytes.
    pub(crate) fn bytes(&self, place: &str, bytes: &[u8]) {
        look_through(&self.secrets(), place, bytes);
    }

    /// Fails where one of them occurs in a file below this folder, or in a file's name.
    pub(crate) fn files(&self, folder: &Path) {
        let secrets = self.secrets();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => continue,
                entries => entries.expect("every folder of a test can be searched"),
            };
            for entry in entries {
                let path = entry.expect("an entry").path();
                let name = path.display().to_string();
                look_through(&secrets, &name, name.as_bytes());
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    // A draft may have become the real file in the meantime.
                    look_through(&secrets, &name, &bytes);
                }
            }
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    forms.push(escaped);
    let parts: Vec<&str> = secret.split('.').collect();
    if parts.len() == 3 && secret.starts_with("eyJ") {
        // A token without its head, or its signature alone, is as bad.
        forms.extend(parts[1..].iter().map(|part| (*part).to_owned()));
    }
    forms
}

fn look_through(secrets: &BTreeSet<String>, place: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for secret in secrets {
        assert!(
            !text.contains(secret.as_str()),
            "{place} holds a secret of {} bytes that begins with {:.6}",
            secret.len(),
            secret
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use acspass::emulator::Options;

    const TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJlLWJ5dGVz";

    fn finds(text: &str) -> bool {
        let sweep = Sweep::default();
        sweep.add(TOKEN);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            sweep.bytes("a text", text.as_bytes());
        }))
        .is_err()
    }

    #[test]
    fn the_sweep_finds_a_token_whole_in_parts_and_in_an_address() {
        assert!(finds(&format!("debug: got {TOKEN}\n")));
        assert!(finds("payload eyJzdWIiOiJzb21lYm9keSJ9 logged"));
        assert!(finds("signature c2lnbmF0dXJlLWJ5dGVz logged"));
        assert!(!finds("debug: got a token of 64 bytes\n"));
    }

    #[test]
    fn the_sweep_finds_what_an_emulator_knows_in_any_file() {
        let emulator = Arc::new(Emulator::start(Options::default()).unwrap());
        let mut sweep = Sweep::default();
        sweep.watch(Arc::downgrade(&emulator));
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        sweep.files(folder.path());
        let text = format!("x{}x", emulator.connection_string());
        std::fs::write(folder.path().join("deep/file"), text).unwrap();
        let swept = std::panic::AssertUnwindSafe(|| sweep.files(folder.path()));
        assert!(std::panic::catch_unwind(swept).is_err());
    }
}
