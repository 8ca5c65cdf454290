//! The text of an XDG autostart file (Desktop Entry Specification 1.5, "The Exec key"; Desktop
//! Application Autostart Specification).

use crate::cli::service::plan::{Plan, cannot_be_written, text_of};
use crate::error::Result;

/// Returns the text of the file, which runs the service with its variables by `env`. A desktop ignores
/// the file once the program is removed (`TryExec`).
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if a path cannot be written into the file.
pub(super) fn text(plan: &Plan) -> Result<String> {
    let program = text_of(&plan.program)?;
    // `env` would read it as a variable, and the specification has no `=` in a program's name.
    if program.contains('=') {
        return Err(cannot_be_written(program));
    }
    let variables = plan.variables.iter();
    let variables = variables.map(|(name, value)| format!("{name}={value}"));
    let mut words = vec!["env".to_owned()];
    words.extend(variables);
    words.push(program.to_owned());
    words.extend(plan.arguments.iter().cloned());
    if plan.variables.is_empty() {
        words.remove(0);
    }
    let words: Result<Vec<String>> = words.iter().map(|word| quoted(word)).collect();
    Ok(format!(
        "[Desktop Entry]\n\
         Type=Application\n\
         Name=acspass token service\n\
         Comment=Serves access tokens to apps on this machine\n\
         TryExec={}\n\
         Exec={}\n\
         Terminal=false\n\
         NoDisplay=true\n",
        program.replace('\\', r"\\"),
        words?.join(" ")
    ))
}

/// Quotes an argument: first by the rule of `Exec`, then by that of a value, which has backslashes of
/// its own. A `%` begins a field code unless it is doubled.
fn quoted(word: &str) -> Result<String> {
    if word.contains(char::is_control) {
        return Err(cannot_be_written(word));
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            // Two of each, because the value's own rule halves them.
            '\\' => quoted.push_str(r"\\\\"),
            '"' | '`' | '$' => {
                quoted.push_str(r"\\");
                quoted.push(c);
            }
            '%' => quoted.push_str("%%"),
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Reads a line as GLib does: first the value, then its words, then the field codes.
    fn read(line: &str) -> Vec<String> {
        let value = line.replace(r"\\", "\\");
        let mut words = Vec::new();
        let mut rest = value.chars();
        while rest.next() == Some('"') {
            let mut word = String::new();
            loop {
                match rest.next().expect("a quote ends") {
                    '"' => break,
                    '\\' => word.push(rest.next().expect("a character")),
                    c => word.push(c),
                }
            }
            let plain = word.replace("%%", "");
            assert!(!plain.contains('%'), "a field code: {line}");
            words.push(word.replace("%%", "%"));
            rest.next();
        }
        words
    }

    fn plan(program: &str, argument: &str) -> Plan {
        Plan {
            program: PathBuf::from(program),
            arguments: vec!["serve".to_owned(), argument.to_owned()],
            variables: Vec::new(),
            state: PathBuf::from("/home/u/state"),
        }
    }

    #[test]
    fn each_word_is_read_as_it_was_written() {
        for word in [
            "plain",
            "a b",
            "100%",
            r"a\b",
            "$HOME",
            "`id`",
            "\"'",
            r#"\"$\\%u"#,
            "é;&|",
        ] {
            let mut plan = plan("/opt/a b/acspass", word);
            plan.variables = vec![("ACSPASS_STATE_DIR", word.to_owned())];
            let text = text(&plan).expect(word);
            let line = text.lines().find_map(|line| line.strip_prefix("Exec="));
            let variable = format!("ACSPASS_STATE_DIR={word}");
            assert_eq!(
                read(line.expect("a command")),
                ["env", &variable, "/opt/a b/acspass", "serve", word],
            );
        }
    }

    #[test]
    fn a_path_that_cannot_be_written_is_refused() {
        for (program, argument) in [
            ("/a=b/acspass", "x"),
            ("/a\nExec=evil/acspass", "x"),
            ("/a/acspass", "x\u{1b}"),
        ] {
            assert!(text(&plan(program, argument)).is_err(), "{program}");
        }
        let text = text(&plan("/a/acspass", "x")).expect("a text");
        assert!(
            text.contains("\nTryExec=/a/acspass\nExec=\"/a/acspass\" \"serve\" \"x\"\n"),
            "{text}"
        );
    }
}
