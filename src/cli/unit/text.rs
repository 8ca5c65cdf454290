//! The two unit files as text (systemd.service(5), systemd.socket(5), systemd.exec(5)).
//!
//! Pure: what they are to say goes in. No secret does.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::text::quoted;

/// What the units are to say.
pub(super) struct Plan<'p> {
    /// The program's own absolute path.
    pub(super) program: &'p Path,
    /// The profile, where one was named.
    pub(super) profile: Option<&'p str>,
    pub(super) port: u16,
    /// The web origins that were typed; those of the profile are found there.
    pub(super) origins: &'p [String],
    /// Variables that lead to folders, authorities and proxies.
    pub(super) environment: &'p [(&'static str, String)],
    /// The folder that the service writes to.
    pub(super) state: &'p Path,
    /// The file that holds the secret of a run.
    pub(super) secret_file: &'p Path,
    /// Whether the machine has `::1`.
    pub(super) has_ipv6: bool,
}

/// What the service may do. It reads settings and authorities, writes to the state folder, and
/// talks to the keyring (a Unix socket), to its callers and to the network.
///
/// Nothing here keeps it from starting where a user's manager may not do it: then systemd leaves
/// that line out by itself. `/tmp` stays the user's own, since a folder or an authority's file that
/// the user named may be there.
const HARDENING: &str = "\
NoNewPrivileges=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
MemoryDenyWriteExecute=yes
LockPersonality=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
SystemCallArchitectures=native
UMask=0077
LimitCORE=0
# The memory holds tokens and the key: none of it goes to a swap device.
MemorySwapMax=0
";

/// The text of the service's unit.
///
/// # Errors
/// [`Kind::Usage`] where a path cannot stand in a unit.
pub(super) fn service(plan: &Plan<'_>) -> Result<String> {
    let mut command = quote(text_of(plan.program)?, Dollar::Plain)?;
    let mut words = Vec::new();
    if let Some(profile) = plan.profile {
        words.extend(["--profile", profile]);
    }
    let port = plan.port.to_string();
    words.extend(["serve", "--port", &port]);
    for origin in plan.origins {
        words.extend(["--allow-origin", origin]);
    }
    for word in words {
        command.push(' ');
        command.push_str(&quote(word, Dollar::Doubled)?);
    }
    let mut environment = String::new();
    for (name, value) in plan.environment {
        let pair = quote(&format!("{name}={value}"), Dollar::Plain)?;
        let _ = writeln!(environment, "Environment={pair}");
    }
    Ok(format!(
        "\
# Written by `acspass serve --install`; `acspass serve --uninstall` removes it.
[Unit]
Description=acspass: fresh Communication tokens for this user's apps
Requires=acspass.socket
After=acspass.socket
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
# Ready means that the secret is written and the socket is served.
Type=notify
ExecStart={command}
{environment}Restart=on-failure
RestartSec=2
# What is wrong with a setting stays wrong: exit code 2 is not tried again.
RestartPreventExitStatus=2
TimeoutStopSec=15
# However it ended, its secret is worth nothing any more.
ExecStopPost=-/bin/rm -f {secret}
# A descriptor for each connection.
LimitNOFILE=65536
{HARDENING}ReadWritePaths={state}
# Where the resource's right is the Azure CLI's sign-in, that keeps its own cache.
ReadWritePaths=-%h/.azure

[Install]
WantedBy=default.target
",
        state = path_word(plan.state)?,
        secret = quote(text_of(plan.secret_file)?, Dollar::Doubled)?,
    ))
}

/// The text of the socket's unit.
pub(super) fn socket(plan: &Plan<'_>) -> String {
    let port = plan.port;
    let ipv6 = match plan.has_ipv6 {
        true => format!("ListenStream=[::1]:{port}\nBindIPv6Only=ipv6-only\n"),
        false => String::new(),
    };
    format!(
        "\
# Written by `acspass serve --install`; `acspass serve --uninstall` removes it.
[Unit]
Description=acspass: the port of the token service

[Socket]
ListenStream=127.0.0.1:{port}
{ipv6}
[Install]
WantedBy=sockets.target
"
    )
}

/// What a `$` begins: nothing in `Environment=` and in the program's path, a variable in a word
/// of `ExecStart=`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dollar {
    Plain,
    Doubled,
}

/// One word of a unit's line (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers").
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

/// A path of `ReadWritePaths=`, where a backslash is itself and ends no quote.
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

/// A line break would begin another line of the unit.
fn check(text: &str) -> Result<()> {
    match text.contains(char::is_control) {
        true => Err(cannot_stand(text)),
        false => Ok(()),
    }
}

fn cannot_stand(text: &str) -> Error {
    Error::new(
        Kind::Usage,
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

    #[test]
    fn a_folders_name_keeps_its_backslash() {
        let word = |text| path_word(Path::new(text)).expect("it can stand there");
        assert_eq!(word(r"/a b\c%"), r#""/a b\c%%""#);
        assert_eq!(word("/a\"b"), "'/a\"b'");
        assert!(path_word(Path::new("/a\"b'c")).is_err());
    }
}
