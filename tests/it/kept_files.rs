//! Files that are replaced keep their owner, their mode and their place, and changes that are made
//! at the same time are all kept.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::users::{ADA, Ended, Machine, owner_and_mode, set_mode};

/// Every file and folder below this one.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

#[test]
fn settings_that_root_changes_stay_the_users() {
    let machine = Machine::new();
    let home = machine.home(ADA);
    let as_root = |words: &[&str]| {
        let mut command = machine.acspass_as_root(&[("HOME", home.as_os_str())]);
        Ended::of(command.args(words)).assert_code(0);
    };
    let file = home.join(".config/acspass/config.toml");
    as_root(&["config", "set", "tenant", "first.example"]);
    for made in below(&home) {
        let mode = if made.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(owner_and_mode(&made), (ADA.id, mode), "{}", made.display());
    }
    for mode in [0o664, 0o640, 0o600] {
        set_mode(&file, mode);
        as_root(&["config", "set", "tenant", "second.example"]);
        assert_eq!(owner_and_mode(&file), (ADA.id, mode));
        let mut own = ADA.acspass(&machine, &[]);
        Ended::of(own.args(["config", "set", "port", "1"])).assert_code(0);
        assert_eq!(owner_and_mode(&file), (ADA.id, mode));
    }
}

#[test]
fn sessions_that_root_renews_stay_the_users() {
    let machine = Machine::new();
    let home = machine.home(ADA);
    let key = home.join("key");
    ADA.sh("umask 077; head -c 32 /dev/urandom > \"$1\"", &[&key]);
    let variables = [
        ("HOME", home.as_os_str()),
        ("ACSPASS_STORE", OsStr::new("file")),
        ("ACSPASS_STORE_KEY_FILE", key.as_os_str()),
    ];
    let words = ["get", "--emulator", "--force-refresh"];
    let as_root = || Ended::of(machine.acspass_as_root(&variables).args(words));
    as_root().assert_code(0);
    let all = below(&home.join(".local"));
    let files: Vec<_> = all.iter().filter(|path| path.is_file()).collect();
    assert!(files.len() > 3, "{files:?}");
    for made in &all {
        assert_eq!(owner_and_mode(made).0, ADA.id, "{}", made.display());
    }
    let kept = |path: &&&PathBuf| {
        path.extension()
            .is_some_and(|ending| ending == "sealed" || ending == "json")
    };
    for file in files.iter().filter(kept) {
        set_mode(file, 0o640);
    }
    // Open handles keep the old inode numbers in use. Without them a file that is replaced twice
    // can get its first number again.
    let before: Vec<fs::File> = files
        .iter()
        .map(|file| fs::File::open(file).expect("a file"))
        .collect();
    as_root().assert_code(0);
    Ended::of(ADA.acspass(&machine, &variables[1..]).args(words)).assert_code(0);
    let replaced = files
        .iter()
        .zip(&before)
        .filter(|(file, old)| inode(file) != old.metadata().expect("an open file").ino());
    assert_eq!(
        replaced.count(),
        3,
        "the index, Entra's metadata and the sealed file"
    );
    for file in files.iter().filter(kept) {
        assert_eq!(owner_and_mode(file), (ADA.id, 0o640), "{}", file.display());
    }
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).expect("a file").ino()
}

/// Runs a script in a mount namespace of its own. `$1` is the program, `$2` a folder.
#[track_caller]
fn with_mounts(script: &str, machine: &Machine, folder: &Path) -> String {
    let output = Command::new("unshare")
        .args(["--mount", "--", "sh", "-euc", script, "sh"])
        .arg(machine.program())
        .arg(folder)
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .env("ACSPASS_CONFIG_DIR", folder)
        .output()
        .expect("unshare, of util-linux");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "this needs mount namespaces: {said}"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn bind_mounted_settings_are_written_in_place() {
    let machine = Machine::new();
    let folder = machine.home(ADA).join("config");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("config.toml"), "").expect("a mount point");
    let outside = folder.join("outside.toml");
    fs::write(
        &outside,
        "# mine\n[profile.default]\ntenant = \"old.example\"\n",
    )
    .expect("settings");
    let inode = inode(&outside);
    let script = "mount --bind \"$2/outside.toml\" \"$2/config.toml\"
        \"$1\" config set tenant a-longer-name.example 2>/dev/null
        \"$1\" config set tenant x.example 2>/dev/null
        cat \"$2/config.toml\"";
    let entry = with_mounts(script, &machine, &folder);
    let expected = "# mine\n[profile.default]\ntenant = \"x.example\"\n";
    assert_eq!(entry, expected);
    assert_eq!(fs::read_to_string(&outside).expect("settings"), expected);
    assert_eq!(fs::metadata(&outside).expect("a file").ino(), inode);
    let mut left: Vec<_> = below(&folder);
    left.sort();
    let names: Vec<_> = left.iter().filter_map(|path| path.file_name()).collect();
    assert_eq!(names, ["config.toml", "config.toml.lock", "outside.toml"]);
}

#[test]
fn bind_mounted_settings_on_a_full_disk_lose_nothing() {
    let machine = Machine::new();
    let folder = machine.home(ADA).join("config");
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("config.toml"), "").expect("a mount point");
    fs::create_dir(folder.join("disk")).expect("a folder");
    // The file ends 20 bytes before the end of its only page, and the disk has no other page.
    let script = "mount -t tmpfs -o size=16k tmpfs \"$2/disk\"
        printf '[profile.default]\\ntenant = \"old.example\"\\n#' > \"$2/disk/c\"
        head -c $((4076 - $(wc -c < \"$2/disk/c\"))) /dev/zero | tr '\\0' x >> \"$2/disk/c\"
        cp \"$2/disk/c\" \"$2/before\"
        cat /dev/zero > \"$2/disk/rest\" 2>/dev/null || true
        mount --bind \"$2/disk/c\" \"$2/config.toml\"
        code=0
        \"$1\" config set tenant a-name-that-does-not-fit.example >/dev/null 2>&1 || code=$?
        cmp \"$2/config.toml\" \"$2/before\"
        rm \"$2/disk/rest\"
        \"$1\" config set tenant a-name-that-does-not-fit.example 2>/dev/null
        grep -c does-not-fit \"$2/config.toml\"
        echo $code";
    let entry = with_mounts(script, &machine, &folder);
    assert_eq!(entry, "1\n7\n");
    assert!(!folder.join("config.toml.before").exists());
}

#[test]
fn settings_that_processes_change_at_the_same_time_are_all_kept() {
    let home = tempfile::tempdir().expect("a home");
    let set = |profile: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_acspass"));
        command
            .args(["--quiet", "--profile", profile])
            .args(["config", "set", "tenant", "contoso.example"])
            .env_clear()
            .env("ACSPASS_CONFIG_DIR", home.path());
        command
    };
    let names: Vec<String> = (0..16).map(|number| format!("p{number:02}")).collect();
    let mut running: Vec<_> = names
        .iter()
        .map(|name| set(name).spawn().expect("it starts"))
        .collect();
    for child in &mut running {
        assert!(child.wait().expect("it ends").success());
    }
    let text = fs::read_to_string(home.path().join("config.toml")).expect("settings");
    for name in &names {
        assert!(
            text.contains(&format!("[profile.{name}]")),
            "{name}: {text}"
        );
    }
    // A writer that is killed, at whatever instant, leaves whole settings and no lock.
    for round in 0..30 {
        let mut child = set(&format!("k{round}")).spawn().expect("it starts");
        std::thread::sleep(std::time::Duration::from_micros(round * 317));
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
    }
    assert!(set("last").status().expect("it ends").success());
    let text = fs::read_to_string(home.path().join("config.toml")).expect("settings");
    for name in names.iter().map(String::as_str).chain(["last"]) {
        assert!(
            text.contains(&format!("[profile.{name}]")),
            "{name}: {text}"
        );
    }
}
