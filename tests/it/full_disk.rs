//! A disk that is full: said with what to do, and the session that was there is there.

use acspass::store::create_key_file;
use tempfile::TempDir;

use crate::harness::store_process::{Run, generation, key, number, sessions};

#[test]
fn a_session_that_no_longer_fits_on_the_disk_leaves_the_one_before_it() {
    let folder = TempDir::new().expect("a folder");
    let state = folder.path().to_str().expect("a plain path");
    create_key_file(&folder.path().join("key")).expect("a key");
    // Each generation's number is in it many times over, so it grows with its digits.
    let mut writer = Run::start_without_room(&format!("renew file {state}"));
    let mut last = 0;
    let failure = loop {
        let outcome = writer.next();
        match outcome.parse() {
            Ok(generation) => last = generation,
            Err(_) => break outcome,
        }
    };
    writer.end();
    assert!(failure.starts_with("store | "), "{failure}");
    assert!(failure.contains("could not replace"), "{failure}");
    assert!(last > 0, "some did fit");
    let fresh = sessions("file", state);
    let record = fresh.load(&key()).expect("a store that can be read");
    assert_eq!(record.as_ref().map(generation), Some(last));
    let index = fresh.index().expect("a readable index");
    let listed = index.entry(&key()).expect("it is listed");
    assert_eq!(number(listed.short_lifetime), last);
    // With room again, it goes on from there.
    let mut writer = Run::start(&[], &format!("renew file {state}"));
    assert_eq!(writer.next(), (last + 1).to_string());
    writer.kill();
}
