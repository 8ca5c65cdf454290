//! Files and folders that another user of the machine planted, or could have planted.

mod bus;
mod settings;
mod state;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::users::{ADA, EVE, Ended, Machine, User, owner_and_mode, set_mode};

/// Settings with which every command knows its application and its resource.
const SETTINGS: [(&str, &str); 3] = [
    ("ACSPASS_STORE", "file"),
    ("ACSPASS_CLIENT_ID", "11111111-1111-1111-1111-111111111111"),
    (
        "COMMUNICATION_SERVICES_CONNECTION_STRING",
        "endpoint=http://127.0.0.1:9/;accesskey=c2VjcmV0",
    ),
];

/// A run of the program as this user, with these folders named.
fn run(user: User, machine: &Machine, folders: &[(&str, &Path)], words: &[&str]) -> Ended {
    let settings = SETTINGS
        .iter()
        .map(|(name, value)| (*name, OsStr::new(*value)));
    let folders = folders.iter().map(|(name, path)| (*name, path.as_os_str()));
    let variables: Vec<_> = settings.chain(folders).collect();
    Ended::of(user.acspass(machine, &variables).args(words))
}

/// A file of Ada's with one line, as a key or a token is.
fn precious(machine: &Machine) -> PathBuf {
    let path = machine.home(ADA).join("precious");
    ADA.sh("printf precious > \"$1\"", &[&path]);
    path
}

fn assert_untouched(precious: &Path) {
    assert_eq!(
        fs::read_to_string(precious).expect("it is there"),
        "precious"
    );
    assert_eq!(owner_and_mode(precious).0, ADA.id);
}

#[test]
fn root_trusts_the_folders_of_the_user_it_acts_for_and_of_no_other() {
    let machine = Machine::new();
    let home = machine.home(ADA);
    let planted = machine.shared().join("acspass");
    EVE.sh("mkdir -m 755 \"$1\"", &[&planted]);
    let evil = machine.home(EVE).join("state");
    EVE.sh("mkdir -m 755 \"$1\"", &[&evil]);
    let own = machine.shared().join("ada");
    ADA.sh("mkdir -m 700 \"$1\"", &[&own]);
    let status = |named: &Path, home: &Path, caller: Option<User>| {
        let caller = caller.map(|user| user.id.to_string());
        let mut variables: Vec<(&str, &OsStr)> = SETTINGS
            .iter()
            .map(|(name, value)| (*name, OsStr::new(*value)))
            .collect();
        variables.push(("HOME", home.as_os_str()));
        variables.push(("ACSPASS_STATE_DIR", named.as_os_str()));
        if let Some(id) = &caller {
            variables.push(("SUDO_UID", OsStr::new(id)));
        }
        Ended::of(machine.acspass_as_root(&variables).arg("status"))
    };
    for named in [&planted, &evil] {
        for (home, caller) in [
            (home.as_path(), Some(ADA)),
            (Path::new("/root"), None),
            (home.as_path(), None),
        ] {
            let ended = status(named, home, caller);
            ended.assert_code(7).assert_says(&["(uid 61002)"]);
        }
    }
    status(&own, &home, None).assert_code(4);
    status(&own, Path::new("/root"), Some(ADA)).assert_code(4);
    status(&own, Path::new("/root"), None).assert_code(7);
    // Only root can have put a folder there: a bind mount in a container.
    let mounted = machine.shared().join("mounted");
    fs::create_dir(&mounted).expect("root's folder");
    set_mode(&mounted, 0o755);
    let inner = mounted.join("state");
    fs::create_dir(&inner).expect("a folder");
    ADA.owns(&inner);
    status(&inner, Path::new("/root"), None).assert_code(4);
}
