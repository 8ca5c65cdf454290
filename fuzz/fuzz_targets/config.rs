//! `config.toml`, and the settings of each of its profiles.
#![no_main]

use std::cell::OnceCell;
use std::collections::BTreeMap;

use acspass::config::{Config, ConfigFile, Sources};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

fuzz_target!(|data: &[u8]| {
    FOLDER.with(|folder| {
        let folder = folder.get_or_init(|| TempDir::new().expect("a folder"));
        let path = folder.path().join("config.toml");
        std::fs::write(&path, data).expect("written");
        let Ok(file) = ConfigFile::read(path) else {
            return;
        };
        let none = BTreeMap::new();
        for name in file.all_names() {
            let profile = file.profile(name).unwrap_or_default();
            if let Ok(config) = Config::resolve(name.to_owned(), &Sources::new(&none, &profile)) {
                let _ = (config.application(), config.resource());
            }
        }
    });
});
