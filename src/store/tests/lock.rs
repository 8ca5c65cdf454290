//! Locks, and the writes that they permit.

use std::thread;

use super::*;

#[test]
fn lock_excludes_others_and_names_its_holder() {
    let folder = TempDir::new().unwrap();
    let name = LockTarget::Session(record("ada").key());
    let (one, other) = (in_folder(folder.path()), in_folder(folder.path()));
    let in_memory = SessionStore::new(Box::new(MemoryStore::new()), None);
    for (holder, waiter) in [(&one, &other), (&one, &one), (&in_memory, &in_memory)] {
        let guard = lock(holder, &record("ada"));
        let named = |activity: Activity| {
            let LockAttempt::Held(Some(holder)) = waiter.try_lock(&name, activity).unwrap() else {
                panic!("it is held, and the holder is named");
            };
            assert_eq!(holder.pid, std::process::id());
            assert!(holder.since.unix_seconds() > 1_700_000_000);
            holder.activity
        };
        assert_eq!(named(Activity::SigningIn), Activity::Renewing);
        guard.set_activity(Activity::SigningIn);
        assert_eq!(named(Activity::Renewing), Activity::SigningIn);
        let others = lock(waiter, &record("bob"));
        drop(guard);
        drop(others);
        drop(lock(waiter, &record("ada")));
    }
}

#[test]
fn released_lock_names_no_holder() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    drop(lock(&sessions, &record("ada")));
    for entry in fs::read_dir(folder.path().join("locks")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().len(), 0);
    }
}

/// The folder's lock files, or the records of their holders.
fn files(folder: &TempDir, ending: &str) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder.path().join("locks")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths
}

#[test]
fn the_holder_is_recorded_beside_the_lock_file_that_windows_cannot_read() {
    let folder = TempDir::new().unwrap();
    let sessions = in_folder(folder.path());
    let guard = lock(&sessions, &record("ada"));
    for lock in files(&folder, ".lock") {
        assert_eq!(fs::read(lock).unwrap(), b"");
    }
    let records = files(&folder, ".holder");
    assert_eq!(records.len(), 1);
    let pid = format!("\"pid\":{}", std::process::id());
    assert!(fs::read_to_string(&records[0]).unwrap().contains(&pid));
    drop(guard);
    assert_eq!(fs::read(&records[0]).unwrap(), b"");
}

#[test]
fn record_of_a_killed_holder_is_not_used_for_another_holder() {
    let folder = TempDir::new().unwrap();
    let name = LockTarget::Session(record("ada").key());
    let sessions = in_folder(folder.path());
    drop(lock(&sessions, &record("ada")));
    let stale = r#"{"pid":4000000,"activity":"signing-in","since_seconds":1700000000}"#;
    fs::write(&files(&folder, ".holder")[0], stale).unwrap();
    // Many processes at once try to be the next holder. None of them sees the old record.
    for _ in 0..50 {
        fs::write(&files(&folder, ".holder")[0], stale).unwrap();
        let start = std::sync::Barrier::new(8);
        let seen: Vec<Option<u32>> = thread::scope(|scope| {
            let tries: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let sessions = in_folder(folder.path());
                        start.wait();
                        match sessions.try_lock(&name, Activity::Renewing).unwrap() {
                            LockAttempt::Acquired(guard) => {
                                start.wait();
                                drop(guard);
                                None
                            }
                            LockAttempt::Held(holder) => {
                                start.wait();
                                Some(holder.expect("a record").pid)
                            }
                        }
                    })
                })
                .collect();
            tries.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let own = std::process::id();
        assert!(seen.iter().flatten().all(|pid| *pid == own), "{seen:?}");
        assert_eq!(seen.iter().filter(|pid| pid.is_none()).count(), 1);
    }
}

#[test]
fn a_lock_is_a_lock_if_its_holder_cannot_be_recorded() {
    let folder = TempDir::new().unwrap();
    let name = LockTarget::Session(record("ada").key());
    let sessions = in_folder(folder.path());
    drop(lock(&sessions, &record("ada")));
    let path = files(&folder, ".holder").remove(0);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let guard = lock(&sessions, &record("ada"));
    let records = fs::File::open(path.with_file_name("holders.lock")).unwrap();
    records.lock().unwrap();
    let start = std::time::Instant::now();
    guard.set_activity(Activity::SigningIn);
    assert!(start.elapsed().as_secs() < 5, "there is no record to lock");
    drop(records);
    let attempt = sessions.try_lock(&name, Activity::Renewing).unwrap();
    assert!(matches!(attempt, LockAttempt::Held(None)), "{attempt:?}");
    drop(guard);
    drop(lock(&sessions, &record("ada")));
}

#[test]
fn one_of_many_threads_gets_a_lock() {
    let folder = TempDir::new().unwrap();
    for sessions in [
        in_folder(folder.path()),
        SessionStore::new(Box::new(MemoryStore::new()), None),
    ] {
        let name = LockTarget::SignIn(application());
        let guards: Vec<LockAttempt> = thread::scope(|scope| {
            let tries: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| sessions.try_lock(&name, Activity::SigningIn).unwrap()))
                .collect();
            tries
                .into_iter()
                .map(|attempt| attempt.join().unwrap())
                .collect()
        });
        let got = guards
            .iter()
            .filter(|attempt| matches!(attempt, LockAttempt::Acquired(_)));
        assert_eq!(got.count(), 1);
    }
}

#[test]
fn a_save_needs_the_lock_of_its_session_and_no_other() {
    let sessions = SessionStore::new(Box::new(MemoryStore::new()), None);
    let (ada, bob) = (record("ada"), record("bob"));
    let name = LockTarget::SignIn(application());
    let LockAttempt::Acquired(sign_in) = sessions.try_lock(&name, Activity::SigningIn).unwrap()
    else {
        panic!("the lock is free");
    };
    for other in [lock(&sessions, &bob), sign_in] {
        let refused = sessions.save(&ada, &other).unwrap_err();
        assert_eq!(refused.kind(), Kind::Internal);
        assert_eq!(sessions.load(&ada.key()).unwrap(), None);
    }
    sessions.save(&ada, &lock(&sessions, &ada)).unwrap();
    let mut elsewhere = record("ada");
    elsewhere.application.tenant = "contoso.example".to_owned();
    let refused = sessions
        .save(&elsewhere, &lock(&sessions, &ada))
        .unwrap_err();
    assert_eq!(refused.kind(), Kind::Internal);
}
