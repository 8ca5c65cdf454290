//! The folder of a service: one owner, and what other programs read about it.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Kind;
use crate::files::Folder;
use crate::hardening::Confined;

use super::dir::{InstanceDir, LOCK, SOCKET, running};
use super::secret::{SECRET_FILE, read_secret};

#[test]
fn a_service_starts_while_others_look_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let is_over = AtomicBool::new(false);
    drop(InstanceDir::acquire(&folder.path().into()).expect("the folder is free"));
    let together = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            together.wait();
            while !is_over.load(Ordering::Relaxed) {
                running(folder.path()).expect("a look");
            }
        });
        together.wait();
        let starts: Vec<_> = (0..1000)
            .map(|_| InstanceDir::acquire(&folder.path().into()).map(drop))
            .collect();
        is_over.store(true, Ordering::Relaxed);
        for start in starts {
            start.expect("the folder is free");
        }
    });
}

#[test]
fn running_service_is_found_while_it_writes_about_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut place = InstanceDir::acquire(&folder.path().into()).expect("no service has the folder");
    place.publish(7, None).expect("a service");
    let is_over = AtomicBool::new(false);
    let together = Barrier::new(2);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            together.wait();
            let mut found = true;
            while found && !is_over.load(Ordering::Relaxed) {
                found = running(folder.path()).expect("a look").is_some();
            }
            found
        });
        together.wait();
        for _ in 0..1000 {
            place.note_confinement(Confined {
                files: true,
                programs: true,
            });
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("the reader ends"));
    });
}

#[test]
fn secret_file_that_holds_no_token_is_not_read_as_a_secret() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::from(place.path());
    for (text, is_secret) in [("abc", true), ("abc\n", true), ("a b", false), ("", false)] {
        let written = folder.replace_by_private(SECRET_FILE, text.as_bytes());
        written.expect("a file");
        assert_eq!(
            read_secret(&folder, SECRET_FILE).is_ok(),
            is_secret,
            "{text:?}"
        );
    }
}

#[test]
fn one_service_has_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = InstanceDir::acquire(&folder.path().into()).expect("the folder is free");
    let Err(second) = InstanceDir::acquire(&folder.path().into()) else {
        panic!("two services in one folder");
    };
    assert_eq!(second.kind(), Kind::Usage);
    // This run has opened no socket.
    std::fs::write(folder.path().join(SOCKET), "").expect("a file");
    drop(first);
    assert!(folder.path().join(SOCKET).exists());
    InstanceDir::acquire(&folder.path().into()).expect("it is free again");
}

#[test]
fn running_service_is_trusted_only_at_a_loopback_address_and_with_the_folders_own_files() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::from(place.path());
    let lock = folder.open_or_create(LOCK).expect("the lock file");
    lock.lock().expect("it is held");
    let found = |url: &str| {
        let contents = serde_json::json!({
            "pid": 1, "url": url, "secretFile": "/etc/hostname", "socket": "/elsewhere",
        });
        std::fs::write(folder.file_path(LOCK), contents.to_string()).expect("the lock file");
        running(&folder).expect("a folder that can be read")
    };
    for url in [
        "",
        "http://192.0.2.1:8487",
        "https://127.0.0.1:8487",
        "http://127.0.0.1:8487@192.0.2.1",
        "http://127.0.0.1:8487/",
        "http://127.0.0.1:8487.evil.example",
        "http://127.0.0.1:+8487",
        "http://127.0.0.1:08487",
        "http://127.0.0.1:65536",
        "http://localhost:8487",
    ] {
        assert_eq!(found(url), None, "{url}");
    }
    let service = found("http://127.0.0.1:8487").expect("a service");
    assert_eq!(service.secret_file, folder.file_path(SECRET_FILE));
    assert_eq!(service.socket, Some(folder.file_path(SOCKET)));
}
