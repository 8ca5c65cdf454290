//! What this user alone can show; the tests of two users are in `tests/it`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{Folder, Refusal, SettingsFile, shell_quoted};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn refusal<T>(outcome: io::Result<T>) -> String {
    let Err(cause) = outcome else {
        panic!("it was not refused");
    };
    Refusal::of(&cause).expect("a refusal").to_string()
}

#[test]
fn draft_that_others_planted_is_not_written_to() {
    let place = TempDir::new().unwrap();
    let folder = Folder::from(place.path());
    let [file, draft, elsewhere] =
        ["secret", "secret.draft", "elsewhere"].map(|name| place.path().join(name));
    let planted: [&dyn Fn() -> io::Result<()>; 2] = [&|| symlink(&elsewhere, &draft), &|| {
        fs::hard_link(&elsewhere, &draft)
    }];
    for plant in planted {
        fs::write(&elsewhere, "as it was").unwrap();
        plant().unwrap();
        folder.replace("secret", b"not for others").unwrap();
        assert!(fs::symlink_metadata(&file).unwrap().is_file());
        assert_eq!(mode(&file), 0o600);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "as it was");
    }
}

#[test]
fn replaced_file_keeps_its_mode_and_a_private_one_does_not() {
    let place = TempDir::new().unwrap();
    let folder = Folder::from(place.path());
    let file = place.path().join("file");
    for kept in [0o640, 0o664, 0o400, 0o600] {
        fs::write(&file, "old").unwrap();
        set_mode(&file, kept);
        folder.replace("file", b"new").unwrap();
        assert_eq!(mode(&file), kept);
        assert_eq!(fs::read(&file).unwrap(), b"new");
        folder.replace_by_private("file", b"new").unwrap();
        assert_eq!(mode(&file), 0o600);
    }
}

#[test]
fn only_a_regular_file_is_opened_and_nothing_waits() {
    let place = TempDir::new().unwrap();
    let folder = Folder::from(place.path());
    let path = place.path().join("file");
    let elsewhere = place.path().join("elsewhere");
    fs::write(&elsewhere, "as it was").unwrap();
    let mkfifo = || {
        assert!(Command::new("mkfifo").arg(&path).status()?.success());
        Ok(())
    };
    let bind = || std::os::unix::net::UnixListener::bind(&path).map(drop);
    let plants: [(&dyn Fn() -> io::Result<()>, &str); 4] = [
        (&|| symlink(&elsewhere, &path), "a symbolic link"),
        (&mkfifo, "not a regular file"),
        (&bind, "not a regular file"),
        (&|| fs::create_dir(&path), "not a regular file"),
    ];
    for (plant, words) in plants {
        plant().unwrap();
        for outcome in [folder.open("file"), folder.open_or_create("file")] {
            let refused = refusal(outcome);
            assert!(refused.contains(words), "{refused}");
        }
        let _ = fs::remove_file(&path);
    }
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "as it was");
}

#[test]
fn file_longer_than_the_limit_is_refused() {
    let place = TempDir::new().unwrap();
    let folder = Folder::from(place.path());
    folder.replace("file", b"12345").unwrap();
    assert_eq!(folder.read("file", 5).unwrap(), b"12345");
    let refused = refusal(folder.read("file", 4));
    assert!(refused.ends_with("is longer than 4 bytes"), "{refused}");
}

#[test]
fn folder_that_others_can_write_to_is_refused_until_it_is_repaired() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("state");
    let folder = Folder::from(&path);
    let inner = folder.subfolder("locks");
    inner.open_or_create("file").unwrap();
    assert_eq!((mode(&path), mode(&path.join("locks"))), (0o700, 0o700));
    for open in [0o777, 0o770, 0o1777, 0o722] {
        set_mode(&path, open);
        for outcome in [folder.open("file"), inner.open("file")] {
            let refused = refusal(outcome);
            assert!(refused.contains("other users can write"), "{refused}");
        }
        let Err(cause) = folder.create() else {
            panic!("it was not refused");
        };
        let hint = Refusal::of(&cause).unwrap().hint("ACSPASS_STATE_DIR");
        assert!(hint.contains("chmod go-w "), "{hint}");
        set_mode(&path, 0o755);
        inner.open("file").unwrap();
        set_mode(&path.join("locks"), open);
        let refused = refusal(inner.open("file"));
        assert!(refused.contains("locks` (mode"), "{refused}");
        set_mode(&path.join("locks"), 0o700);
    }
    set_mode(&path.join("locks/file"), 0o666);
    let refused = refusal(inner.open("file"));
    assert!(refused.contains("every user"), "{refused}");
}

#[test]
fn own_link_to_the_folder_is_followed_and_a_link_below_it_is_refused() {
    let place = TempDir::new().unwrap();
    let link = place.path().join("state");
    let disk = place.path().join("disk");
    fs::create_dir(&disk).unwrap();
    symlink(&disk, &link).unwrap();
    Folder::from(&link).replace("file", b"x").unwrap();
    assert_eq!(fs::read(disk.join("file")).unwrap(), b"x");
    let elsewhere = place.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    set_mode(&elsewhere, 0o700);
    symlink(&elsewhere, disk.join("sealed")).unwrap();
    let inner = Folder::from(&link).subfolder("sealed");
    let outcomes = [
        inner.replace("file", b"x"),
        inner.create(),
        inner.names().map(drop),
    ];
    for refused in outcomes.map(refusal) {
        let words = "sealed` is a symbolic link and not a folder";
        assert!(refused.ends_with(words), "{refused}");
    }
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn dangling_link_to_settings_is_followed_and_a_loop_is_an_error() {
    let place = TempDir::new().unwrap();
    let path = place.path().join("config.toml");
    symlink("dotfiles/link.toml", &path).unwrap();
    let dotfiles = place.path().join("dotfiles");
    let settings = SettingsFile::new(&path);
    assert!(settings.read().unwrap().is_none(), "nothing is there yet");
    settings.write(b"first").unwrap();
    assert_eq!(mode(&dotfiles), 0o700);
    fs::remove_file(dotfiles.join("link.toml")).unwrap();
    symlink("acspass.toml", dotfiles.join("link.toml")).unwrap();
    settings.write(b"second").unwrap();
    assert_eq!(fs::read(dotfiles.join("acspass.toml")).unwrap(), b"second");
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    fs::remove_file(dotfiles.join("acspass.toml")).unwrap();
    symlink("link.toml", dotfiles.join("acspass.toml")).unwrap();
    assert!(settings.read().is_err());
    assert!(settings.write(b"third").is_err());
}

#[test]
fn path_that_is_not_utf8_is_quoted_for_the_shell() {
    let path = Path::new(OsStr::from_bytes(b"/tmp/caf\xe9 'x'\\"));
    let word = shell_quoted(path);
    let shell = Command::new("bash")
        .args(["-c", &format!("printf %s {word}")])
        .output()
        .expect("bash");
    assert_eq!(shell.stdout, path.as_os_str().as_bytes());
    assert_eq!(shell_quoted(Path::new("/a b")), "'/a b'");
}
