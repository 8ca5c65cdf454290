//! The two unit files: their text (systemd.service(5), systemd.socket(5), systemd.exec(5)), and their
//! place in the user's folder for units. They contain no secret.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use askama::Template;

use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::cli::io::output::render;
use crate::cli::service::plan::{cannot_be_written, text_of};
use crate::error::{Error, Result};

pub(super) const SERVICE: &str = "acspass.service";
/// First wherever both are stopped: while it listens, it would start the service again.
pub(super) const SOCKET: &str = "acspass.socket";

/// The paths of the units.
pub(super) struct Units {
    folder: PathBuf,
    pub(super) service: PathBuf,
    pub(super) socket: PathBuf,
}

impl Units {
    /// Returns the paths (systemd.unit(5)). A relative `XDG_CONFIG_HOME` is ignored.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the user has no home folder.
    pub(super) fn of(env: &Environment) -> Result<Units> {
        let config = env.path_variable(var::XDG_CONFIG_HOME);
        let home = || Some(env.path_variable(var::HOME)?.join(".config"));
        let config = config.filter(|path| path.is_absolute()).or_else(home);
        let config = config.ok_or_else(|| {
            Error::usage(
                "this user has no home folder for a systemd unit",
                "Set the variable HOME.",
            )
        })?;
        let folder = config.join("systemd/user");
        Ok(Units {
            service: folder.join(SERVICE),
            socket: folder.join(SOCKET),
            folder,
        })
    }

    /// Whether one of the units exists, or the user enabled the unit of a package.
    pub(super) fn exist(&self) -> bool {
        let is_enabled = |link: &PathBuf| link.symlink_metadata().is_ok();
        self.service.exists() || self.socket.exists() || self.links().iter().any(is_enabled)
    }

    /// The links of enabled units.
    fn links(&self) -> [PathBuf; 2] {
        [
            self.folder.join("default.target.wants").join(SERVICE),
            self.folder.join("sockets.target.wants").join(SOCKET),
        ]
    }

    /// Writes both units.
    pub(super) fn write(&self, [service, socket]: &[String; 2]) -> Result<()> {
        let failed = |cause| failure("write", &self.folder, cause);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        for (path, text) in [(&self.service, service), (&self.socket, socket)] {
            replace(&self.folder, path, text).map_err(|cause| failure("write", path, cause))?;
        }
        Ok(())
    }

    /// Removes both units, and their links in case `systemctl disable` did not run.
    pub(super) fn remove(&self) -> Result<()> {
        for path in self.links().iter().chain([&self.service, &self.socket]) {
            if let Err(cause) = fs::remove_file(path)
                && cause.kind() != io::ErrorKind::NotFound
            {
                return Err(failure("remove", path, cause));
            }
        }
        Ok(())
    }
}

/// Replaces a file atomically. All users can read it, as is usual for units.
fn replace(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut draft = tempfile::Builder::new();
    let mut draft = draft.prefix(".acspass-").tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let mode = fs::Permissions::from_mode(0o644);
        draft.as_file().set_permissions(mode)?;
    }
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    Ok(())
}

fn failure(what: &str, path: &Path, cause: io::Error) -> Error {
    Error::usage(
        format!("cannot {what} `{}`", path.display()),
        "Check the folder's permissions and free space.",
    )
    .caused_by(cause)
}

/// The service's unit. Its sandbox never prevents a start: a user's manager ignores a line without
/// effect. `/tmp` is shared, because a folder or a file of the settings can be there.
#[derive(Template)]
#[template(path = "systemd/acspass.service", escape = "none")]
struct Service {
    command: String,
    environment: Vec<String>,
    state: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "systemd/acspass.socket", escape = "none")]
struct Socket {
    port: u16,
    has_ipv6: bool,
}

/// Returns the text of the service's unit, which runs `program` with these arguments and environment
/// variables and lets it write to the folder `state`.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if a path cannot be written into a unit.
pub(super) fn service(
    program: &Path,
    arguments: &[&str],
    environment: &[(&'static str, String)],
    state: &Path,
) -> Result<String> {
    let mut command = vec![quote(text_of(program)?)?];
    for argument in arguments {
        command.push(argument_word(argument)?);
    }
    let environment = environment.iter();
    render(&Service {
        command: command.join(" "),
        environment: environment
            .map(|(name, value)| quote(&format!("{name}={value}")))
            .collect::<Result<_>>()?,
        state: path_word(state)?,
        secret: argument_word(text_of(&state.join("serve").join("secret"))?)?,
    })
}

/// Returns the text of the socket's unit.
///
/// # Errors
/// [`Kind::Internal`](crate::Kind::Internal) if the template fails.
pub(super) fn socket(port: u16, has_ipv6: bool) -> Result<String> {
    render(&Socket { port, has_ipv6 })
}

/// Quotes an argument of `ExecStart=`, in which a `$` begins a variable unless it is doubled. It is
/// plain in `Environment=` and in the program's path.
fn argument_word(word: &str) -> Result<String> {
    Ok(quote(word)?.replace('$', "$$"))
}

/// Quotes one word of a unit's line (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers").
fn quote(word: &str) -> Result<String> {
    // A line break would begin another line of the unit.
    if word.contains(char::is_control) {
        return Err(cannot_be_written(word));
    }
    let escaped = word.replace('\\', r"\\").replace('"', "\\\"");
    Ok(format!("\"{}\"", escaped.replace('%', "%%")))
}

/// Quotes a path of `ReadWritePaths=`, in which a backslash escapes nothing.
fn path_word(path: &Path) -> Result<String> {
    let text = text_of(path)?;
    let mark = match (text.contains('"'), text.contains('\'')) {
        _ if text.contains(char::is_control) => return Err(cannot_be_written(text)),
        (false, _) => '"',
        (true, false) => '\'',
        (true, true) => return Err(cannot_be_written(text)),
    };
    Ok(format!("{mark}{}{mark}", text.replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_reads_specially_is_escaped() {
        let quoted = argument_word("a b%h\"\\$HOME'").expect("it can stand there");
        assert_eq!(quoted, r#""a b%%h\"\\$$HOME'""#);
        assert_eq!(quote("$x").expect("it can stand there"), "\"$x\"");
        assert!(argument_word("a\nExecStartPre=/bin/sh").is_err());
    }

    #[test]
    fn the_service_has_its_command_and_its_environment_on_lines_of_their_own() {
        let program = Path::new("/opt/100% $x/acspass");
        let state = Path::new("/home/u/state");
        let environment = [("A", "1 \"2\"".to_owned()), ("B", "$x".to_owned())];
        let arguments = ["--profile", "work", "serve", "--port", "8437"];
        let origin = ["--allow-origin", "https://app.example"];
        let all = [&arguments[..], &origin].concat();
        let text = service(program, &all, &environment, state).expect("a unit");
        let lines = r#"
Type=notify
ExecStart="/opt/100%% $x/acspass" "--profile" "work" "serve" "--port" "8437" "--allow-origin" "https://app.example"
Environment="A=1 \"2\""
Environment="B=$x"
Restart=on-failure
"#;
        assert!(text.contains(lines), "{text}");
        assert!(text.contains("\nExecStopPost=-/bin/rm -f \"/home/u/state/serve/secret\"\n"));
        assert!(text.contains("\nMemorySwapMax=0\nReadWritePaths=\"/home/u/state\"\n"));
        assert!(text.ends_with("\n\n[Install]\nWantedBy=default.target\n"));
        let bare = service(program, &arguments, &[], state).expect("a unit");
        assert!(bare.contains("\"8437\"\nRestart=on-failure\n"), "{bare}");
    }

    #[test]
    fn the_socket_listens_at_one_or_two_addresses() {
        let both = socket(8437, true).expect("a unit");
        let ends = "\n[Socket]\nListenStream=127.0.0.1:8437\nListenStream=[::1]:8437\n\
                    BindIPv6Only=ipv6-only\n\n[Install]\nWantedBy=sockets.target\n";
        assert!(both.ends_with(ends), "{both}");
        let one = socket(8437, false).expect("a unit");
        let lines = "\nListenStream=127.0.0.1:8437\n\n[Install]\n";
        assert!(one.contains(lines), "{one}");
    }

    #[test]
    fn a_folders_name_keeps_its_backslash() {
        let word = |text| path_word(Path::new(text)).expect("it can stand there");
        assert_eq!(word(r"/a b\c%"), r#""/a b\c%%""#);
        assert_eq!(word("/a\"b"), "'/a\"b'");
        assert!(path_word(Path::new("/a\"b'c")).is_err());
    }
}
