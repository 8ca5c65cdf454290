//! Two users of one machine, beside root: real processes with user ids of their own.
//!
//! The ids belong to no account of the machine, so the tests add and remove none. The switch needs
//! root. A test that runs as another user fails, because a skipped test would show nothing.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

/// One of the two users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct User {
    /// The user id, and the id of the user's only group.
    pub(crate) id: u32,
}

/// The user whose files and tokens are at stake.
pub(crate) const ADA: User = User { id: 61_001 };
/// The other user of the machine.
pub(crate) const EVE: User = User { id: 61_002 };

/// A command that hangs is ended after this many seconds. None takes a fraction of them.
const HANGS: &str = "60";

impl User {
    /// A command that runs `program` as this user, in no group but the user's own.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        assert_users_can_be_switched();
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", self.id))
            .arg(format!("--regid={}", self.id))
            .args(["--clear-groups", "--"])
            .arg(program);
        command
    }

    /// Runs a shell script as this user; `$1` and so on are `arguments`. Returns what it prints.
    #[track_caller]
    pub(crate) fn sh(self, script: &str, arguments: &[&Path]) -> String {
        let mut command = self.command("sh");
        command.args(["-euc", script, "sh"]).args(arguments);
        let output = command.output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The real program as this user: an empty environment but for these variables, and a time
    /// limit, because some of these tests are about a program that hangs.
    pub(crate) fn acspass(self, machine: &Machine, variables: &[(&str, &OsStr)]) -> Command {
        let mut command = self.command("timeout");
        command.args([HANGS.as_ref(), machine.program().as_os_str()]);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", machine.home(self));
        command.envs(variables.iter().copied());
        command
    }

    /// Gives everything below this path to the user.
    pub(crate) fn owns(self, path: &Path) {
        assert_users_can_be_switched();
        let status = Command::new("chown")
            .args(["-R", "--no-dereference"])
            .arg(format!("{0}:{0}", self.id))
            .arg(path)
            .status();
        assert!(status.expect("chown, of coreutils").success());
    }
}

/// Folders on one machine: a home for each of the two users, and one that everyone may write to.
pub(crate) struct Machine {
    folder: TempDir,
    program: PathBuf,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let folder = tempfile::tempdir().expect("a folder");
        set_mode(folder.path(), 0o755);
        let machine = Machine {
            program: reachable_program(folder.path()),
            folder,
        };
        for user in [ADA, EVE] {
            let home = machine.home(user);
            fs::create_dir(&home).expect("a home");
            set_mode(&home, 0o700);
            user.owns(&home);
        }
        let shared = machine.shared();
        fs::create_dir(&shared).expect("a folder");
        set_mode(&shared, 0o1777);
        machine
    }

    /// The user's home folder, which no other user can enter.
    pub(crate) fn home(&self, user: User) -> PathBuf {
        self.folder.path().join(format!("home-{}", user.id))
    }

    /// A folder like `/tmp`: each user creates files in it, and removes only their own.
    pub(crate) fn shared(&self) -> PathBuf {
        self.folder.path().join("shared")
    }

    /// The real program, at a path that both users can reach.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The real program as root, with this environment and a time limit.
    pub(crate) fn acspass_as_root(&self, variables: &[(&str, &OsStr)]) -> Command {
        assert_users_can_be_switched();
        let mut command = Command::new("timeout");
        command.args([HANGS.as_ref(), self.program().as_os_str()]);
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command.envs(variables.iter().copied());
        command
    }
}

/// What a run of the program brought.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs the command to its end.
    pub(crate) fn of(command: &mut Command) -> Ended {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("the program starts");
        Ended {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) -> &Ended {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Fails unless all of these are said on standard error.
    #[track_caller]
    pub(crate) fn assert_says(&self, words: &[&str]) -> &Ended {
        for word in words {
            assert!(self.stderr.contains(word), "no `{word}` in {self:?}");
        }
        self
    }
}

/// Fails with the reason if processes of other users cannot be started here.
#[track_caller]
pub(crate) fn assert_users_can_be_switched() {
    static SWITCHES: OnceLock<bool> = OnceLock::new();
    let switches = *SWITCHES.get_or_init(|| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=61001", "--regid=61001", "--clear-groups", "true"]);
        command.status().is_ok_and(|status| status.success())
    });
    assert!(
        switches,
        "this test needs two users: run the tests as root, with setpriv (util-linux) and coreutils"
    );
}

/// The owner of a file and its permission bits. A link is not followed.
pub(crate) fn owner_and_mode(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).expect("a file");
    assert_eq!(found.uid(), found.gid(), "each user has one group");
    (found.uid(), found.mode() & 0o7777)
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

/// The program that cargo built, or a second name for it if its folders keep other users out.
fn reachable_program(folder: &Path) -> PathBuf {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_acspass"));
    let is_open = |path: &Path| {
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o001 == 0o001)
    };
    if built.ancestors().all(is_open) {
        return built;
    }
    let program = folder.join("acspass");
    if fs::hard_link(&built, &program).is_err() {
        fs::copy(&built, &program).expect("a copy of the program");
    }
    set_mode(&program, 0o755);
    program
}

#[test]
fn the_two_users_cannot_read_one_anothers_files() {
    let machine = Machine::new();
    let secret = machine.home(ADA).join("secret");
    ADA.sh("echo mine > \"$1\"", &[&secret]);
    assert_eq!(owner_and_mode(&secret).0, ADA.id);
    let read = EVE.command("cat").arg(&secret).output().expect("cat");
    assert!(!read.status.success());
    let planted = machine.shared().join("planted");
    EVE.sh("echo eve > \"$1\"", &[&planted]);
    let removed = ADA.command("rm").args(["-f"]).arg(&planted).output();
    assert!(
        !removed.expect("rm").status.success(),
        "the folder is sticky"
    );
    let ended = Ended::of(ADA.acspass(&machine, &[]).arg("--version"));
    assert!(ended.assert_code(0).stdout.starts_with("acspass"));
    let home = machine.home(ADA);
    let mut root = machine.acspass_as_root(&[("HOME", home.as_os_str())]);
    let ended = Ended::of(root.args(["config", "get", "tenant-x"]));
    ended.assert_code(2).assert_says(&["hint: "]);
    chown(&planted, Some(ADA.id), Some(ADA.id)).expect("root gives it away");
    assert_eq!(owner_and_mode(&planted).0, ADA.id);
}
