//! Generates the two unit files (systemd.service(5), systemd.socket(5), systemd.exec(5)). They contain
//! no secret.

use std::path::Path;

use askama::Template;

use crate::cli::io::template::render;
use crate::error::{Error, Result};
use crate::text::quoted;

/// The content of the units.
pub(super) struct Plan<'p> {
    /// The program's own absolute path.
    pub(super) program: &'p Path,
    /// The profile, if one is selected by name.
    pub(super) profile: Option<&'p str>,
    pub(super) port: u16,
    /// The web origins from the command line, without those of the profile.
    pub(super) origins: &'p [String],
    /// Variables for folders, authorities and proxies.
    pub(super) environment: &'p [(&'static str, String)],
    /// The folder that the service writes to.
    pub(super) state: &'p Path,
    /// The file with the secret of a run.
    pub(super) secret_file: &'p Path,
    /// Whether the machine has `::1`.
    pub(super) has_ipv6: bool,
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

/// Returns the text of the service's unit.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if a path cannot be written into a unit.
pub(super) fn service(plan: &Plan<'_>) -> Result<String> {
    let mut command = vec![quote(text_of(plan.program)?, Dollar::Plain)?];
    let port = plan.port.to_string();
    let profile = plan
        .profile
        .into_iter()
        .flat_map(|name| ["--profile", name]);
    let origins = plan.origins.iter();
    let origins = origins.flat_map(|origin| ["--allow-origin", origin.as_str()]);
    for word in profile.chain(["serve", "--port", &port]).chain(origins) {
        command.push(quote(word, Dollar::Doubled)?);
    }
    let environment = plan.environment.iter();
    render(&Service {
        command: command.join(" "),
        environment: environment
            .map(|(name, value)| quote(&format!("{name}={value}"), Dollar::Plain))
            .collect::<Result<_>>()?,
        state: path_word(plan.state)?,
        secret: quote(text_of(plan.secret_file)?, Dollar::Doubled)?,
    })
}

/// Returns the text of the socket's unit.
///
/// # Errors
/// [`Kind::Internal`](crate::Kind::Internal) if the template fails.
pub(super) fn socket(plan: &Plan<'_>) -> Result<String> {
    render(&Socket {
        port: plan.port,
        has_ipv6: plan.has_ipv6,
    })
}

/// How a `$` is written: plain in `Environment=` and in the program's path, doubled in a word of
/// `ExecStart=`, where it begins a variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dollar {
    Plain,
    Doubled,
}

/// Quotes one word of a unit's line (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers").
fn quote(word: &str, dollar: Dollar) -> Result<String> {
    check(word)?;
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '%' => quoted.push_str("%%"),
            '$' if dollar == Dollar::Doubled => quoted.push_str("$$"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// Quotes a path of `ReadWritePaths=`, in which a backslash escapes nothing.
fn path_word(path: &Path) -> Result<String> {
    let text = text_of(path)?;
    check(text)?;
    let mark = match (text.contains('"'), text.contains('\'')) {
        (false, _) => '"',
        (true, false) => '\'',
        (true, true) => return Err(cannot_stand(text)),
    };
    Ok(format!("{mark}{}{mark}", text.replace('%', "%%")))
}

pub(super) fn text_of(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| cannot_stand(&path.to_string_lossy()))
}

/// Refuses control characters: a line break would begin another line of the unit.
fn check(text: &str) -> Result<()> {
    match text.contains(char::is_control) {
        true => Err(cannot_stand(text)),
        false => Ok(()),
    }
}

fn cannot_stand(text: &str) -> Error {
    Error::usage(
        format!("{} cannot be written into a unit of systemd", quoted(text)),
        "give it another name, in UTF-8 and without quotes and control characters",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_reads_specially_is_escaped() {
        let quoted = quote("a b%h\"\\$HOME'", Dollar::Doubled).expect("it can stand there");
        assert_eq!(quoted, r#""a b%%h\"\\$$HOME'""#);
        let plain = quote("$x", Dollar::Plain).expect("it can stand there");
        assert_eq!(plain, "\"$x\"");
        assert!(quote("a\nExecStartPre=/bin/sh", Dollar::Doubled).is_err());
    }

    fn plan<'p>(environment: &'p [(&'static str, String)], origins: &'p [String]) -> Plan<'p> {
        Plan {
            program: Path::new("/opt/100% $x/acspass"),
            profile: Some("work"),
            port: 8437,
            origins,
            environment,
            state: Path::new("/home/u/state"),
            secret_file: Path::new("/home/u/state/serve/secret"),
            has_ipv6: true,
        }
    }

    #[test]
    fn the_service_has_its_command_and_its_environment_on_lines_of_their_own() {
        let environment = [("A", "1 \"2\"".to_owned()), ("B", "$x".to_owned())];
        let origins = ["https://app.example".to_owned()];
        let text = service(&plan(&environment, &origins)).expect("a unit");
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
        let bare = service(&plan(&[], &[])).expect("a unit");
        assert!(bare.contains("\"8437\"\nRestart=on-failure\n"), "{bare}");
    }

    #[test]
    fn the_socket_listens_at_one_or_two_addresses() {
        let both = socket(&plan(&[], &[])).expect("a unit");
        let ends = "\n[Socket]\nListenStream=127.0.0.1:8437\nListenStream=[::1]:8437\n\
                    BindIPv6Only=ipv6-only\n\n[Install]\nWantedBy=sockets.target\n";
        assert!(both.ends_with(ends), "{both}");
        let one = Plan {
            has_ipv6: false,
            ..plan(&[], &[])
        };
        let one = socket(&one).expect("a unit");
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
