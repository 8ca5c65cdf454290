//! The text of a task of the Windows Task Scheduler (Task Scheduler schema 1.2). Tests check its
//! structure; Windows has not read it.
//!
//! A task has no variables. It gets those of the user's account.

use super::xml::escaped;
use crate::cli::service::plan::{Plan, cannot_be_written, text_of};
use crate::error::Result;

/// The name of the task.
pub(super) const NAME: &str = "acspass";

/// Returns the task, which starts the service at the login of `user`, as `DOMAIN\name`.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if a path cannot be written into a task.
pub(super) fn text(plan: &Plan, user: &str) -> Result<String> {
    let program = plain(text_of(&plan.program)?)?;
    let arguments: Result<Vec<String>> = plan.arguments.iter().map(|word| quoted(word)).collect();
    let arguments = escaped(&arguments?.join(" "))?;
    let user = escaped(user)?;
    Ok(format!(
        r#"<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Serves access tokens to apps on this machine</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{program}</Command>
      <Arguments>{arguments}</Arguments>
    </Exec>
  </Actions>
</Task>
"#,
        program = escaped(program)?
    ))
}

/// Returns the bytes of the file: UTF-16 with its mark, as `schtasks` writes it.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// Refuses the characters that the scheduler expands (`%NAME%`, `$(Arg0)`); it has no escape for them.
fn plain(text: &str) -> Result<&str> {
    match text.contains('%') || text.contains("$(") {
        true => Err(cannot_be_written(text)),
        false => Ok(text),
    }
}

/// Quotes an argument for `CommandLineToArgvW`.
fn quoted(word: &str) -> Result<String> {
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for c in plain(word)?.chars() {
        if c == '"' {
            quoted.push_str(&"\\".repeat(backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        quoted.push(c);
    }
    quoted.push_str(&"\\".repeat(backslashes));
    quoted.push('"');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::xml::read_by_python;
    use super::*;

    fn plan(program: &str, argument: &str) -> Plan {
        Plan {
            program: PathBuf::from(program),
            arguments: vec!["serve".to_owned(), argument.to_owned()],
            variables: Vec::new(),
            state: PathBuf::new(),
        }
    }

    #[test]
    fn the_command_is_one_element_and_its_arguments_are_quoted() {
        let plan = plan(r"C:\Program Files\a & b\acspass.exe", r"a <b>\");
        let text = text(&plan, r"CONTOSO\ada").expect("a text");
        let bytes = bytes(&text);
        let script = "import json, sys, xml.etree.ElementTree as tree; \
                      root = tree.fromstring(sys.stdin.buffer.read()); \
                      print(json.dumps({e.tag.split('}')[1]: e.text for e in root.iter()}))";
        let elements = read_by_python(script, &bytes);
        assert_eq!(elements["Command"], r"C:\Program Files\a & b\acspass.exe");
        assert_eq!(elements["Arguments"], r#""serve" "a <b>\\""#);
        assert_eq!(elements["UserId"], r"CONTOSO\ada");
        assert_eq!(elements["RunLevel"], "LeastPrivilege");
        assert_eq!(bytes[..4], [0xff, 0xfe, b'<', 0]);
        assert_eq!(bytes.len(), 2 + 2 * text.encode_utf16().count());
    }

    #[test]
    fn backslashes_before_a_quote_are_doubled() {
        for (word, expected) in [
            ("a", r#""a""#),
            (r"a\b", r#""a\b""#),
            (r"a\", r#""a\\""#),
            (r#"a"b"#, r#""a\"b""#),
            (r#"a\"b"#, r#""a\\\"b""#),
        ] {
            assert_eq!(quoted(word).expect(word), expected);
        }
    }

    #[test]
    fn a_path_that_the_scheduler_would_change_is_refused() {
        for program in [
            r"C:\100%\acspass.exe",
            r"C:\$(Arg0)\acspass.exe",
            "C:\\a\nb",
        ] {
            assert!(text(&plan(program, "x"), "u").is_err(), "{program}");
        }
        assert!(text(&plan("a", "%x%"), "u").is_err());
    }
}
