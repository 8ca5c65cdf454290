//! Text in XML: escaped, and refused if XML cannot express it.

use crate::cli::service::plan::cannot_be_written;
use crate::error::Result;

/// Escapes text for an element (XML 1.0, sections 2.2 and 2.4).
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) for a control character, which XML cannot express.
pub(super) fn escaped(text: &str) -> Result<String> {
    if text.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err(cannot_be_written(text));
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    Ok(text.replace('>', "&gt;"))
}

/// Runs a Python script that reads a document on standard input and prints JSON: a reader of XML that
/// shares no code with the writer.
#[cfg(test)]
pub(super) fn read_by_python(script: &str, document: &[u8]) -> serde_json::Value {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut python = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut stdin = python.stdin.take().expect("its input");
    stdin.write_all(document).expect("it reads");
    drop(stdin);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the document is well-formed");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn markup_is_escaped_and_control_characters_are_refused() {
        let text = escaped("a<b>&amp; \"c\" '").expect("text");
        assert_eq!(text, "a&lt;b&gt;&amp;amp; \"c\" '");
        for text in ["a\nb", "a\u{0}", "\u{1b}", "\u{ffff}"] {
            assert!(escaped(text).is_err(), "{text:?}");
        }
    }
}
