//! The shell commands that change the system's list of trusted authorities.
//!
//! They are printed and not run: the change needs an administrator and concerns every program.

use std::path::Path;

use crate::files::shell_quoted;

/// Folders for the authorities of a machine's administrator, with the command that reads them: Debian,
/// Fedora, SUSE, Arch.
const ANCHORS: [(&str, &str); 4] = [
    (
        "/usr/local/share/ca-certificates",
        "update-ca-certificates --fresh",
    ),
    (
        "/etc/pki/ca-trust/source/anchors",
        "update-ca-trust extract",
    ),
    ("/etc/pki/trust/anchors", "update-ca-certificates"),
    (
        "/etc/ca-certificates/trust-source/anchors",
        "update-ca-trust extract",
    ),
];

/// Returns the command that makes the system trust the authority in this file. `user` is part of the
/// name of the system's copy.
pub(super) fn trust_command(certificate: &Path, user: u32) -> String {
    let path = shell_quoted(certificate);
    match std::env::consts::OS {
        "macos" => format!(
            "security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {path}"
        ),
        "windows" => format!("certutil -user -addstore Root {}", in_quotes(certificate)),
        _ => {
            let (anchor, update) = anchor(user);
            let sudo = sudo(user);
            format!("{sudo}install -m 644 {path} {anchor} && {sudo}{update}")
        }
    }
}

/// Returns the command that removes the authority from the system's list.
pub(super) fn untrust_command(certificate: &Path, user: u32) -> String {
    match std::env::consts::OS {
        "macos" => format!("security remove-trusted-cert {}", shell_quoted(certificate)),
        "windows" => format!(
            "certutil -user -delstore Root \"{}\"",
            super::certificates::SUBJECT
        ),
        _ => {
            let (anchor, update) = anchor(user);
            let sudo = sudo(user);
            format!("{sudo}rm -f {anchor} && {sudo}{update}")
        }
    }
}

/// Returns the command for the browsers of Linux, which have lists of their own.
pub(super) fn browser_command(certificate: &Path) -> Option<String> {
    let has_own_list = !matches!(std::env::consts::OS, "macos" | "windows");
    has_own_list.then(|| {
        let path = shell_quoted(certificate);
        format!("certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n acspass-emulator -i {path}")
    })
}

/// Returns the system's copy of the certificate, and the command that reads it.
fn anchor(user: u32) -> (String, &'static str) {
    let found = ANCHORS
        .iter()
        .find(|(folder, _)| Path::new(folder).is_dir());
    let (folder, update) = found.unwrap_or(&ANCHORS[0]);
    (format!("{folder}/acspass-emulator-{user}.crt"), update)
}

fn sudo(user: u32) -> &'static str {
    if user == 0 { "" } else { "sudo " }
}

fn in_quotes(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn commands_are_one_line_and_quote_the_path() {
        let path = Path::new("/home/ada's/ca.pem");
        for (user, sudo) in [(1000, "sudo "), (0, "")] {
            let command = trust_command(path, user);
            let start = format!("{sudo}install -m 644 '/home/ada'\\''s/ca.pem' /");
            assert!(command.starts_with(&start), "{command}");
            assert!(command.contains(&format!("-emulator-{user}.crt && {sudo}update-ca-")));
            let command = untrust_command(path, user);
            assert!(command.starts_with(&format!("{sudo}rm -f /")), "{command}");
            assert!(!command.contains('\n'));
        }
        let browser = browser_command(path).expect("browsers have a list");
        assert!(
            browser.ends_with("-i '/home/ada'\\''s/ca.pem'"),
            "{browser}"
        );
    }
}
