//! The text of a launchd agent (launchd.plist(5)). Tests check its structure; macOS has not read it.

use super::xml::escaped;
use crate::cli::service::plan::{Plan, text_of};
use crate::error::Result;

/// The name of the agent, and of its file.
pub(super) const LABEL: &str = "acspass.serve";

/// Returns the property list, which starts the service at login and again after a failure.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if a path cannot be written into XML.
pub(super) fn text(plan: &Plan) -> Result<String> {
    let mut arguments = format!(
        "\t\t<string>{}</string>\n",
        escaped(text_of(&plan.program)?)?
    );
    for argument in &plan.arguments {
        arguments.push_str(&format!("\t\t<string>{}</string>\n", escaped(argument)?));
    }
    let mut variables = String::new();
    for (name, value) in &plan.variables {
        let value = escaped(value)?;
        variables.push_str(&format!(
            "\t\t<key>{name}</key>\n\t\t<string>{value}</string>\n"
        ));
    }
    Ok(format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{LABEL}</string>
	<key>ProgramArguments</key>
	<array>
{arguments}	</array>
	<key>EnvironmentVariables</key>
	<dict>
{variables}	</dict>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>HardResourceLimits</key>
	<dict>
		<key>Core</key>
		<integer>0</integer>
	</dict>
</dict>
</plist>
"#
    ))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::super::xml::read_by_python;
    use super::*;

    #[test]
    fn python_reads_the_words_and_variables_that_were_written() {
        let word = "a <b> & \"c\" $HOME \\";
        let plan = Plan {
            program: PathBuf::from("/Applications/a & b/acspass"),
            arguments: vec!["serve".to_owned(), word.to_owned()],
            variables: vec![("HTTPS_PROXY", word.to_owned())],
            state: PathBuf::new(),
        };
        let text = text(&plan).expect("a text");
        let script = "import json, plistlib, sys; \
                      print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))";
        let expected = json!({
            "Label": LABEL,
            "ProgramArguments": ["/Applications/a & b/acspass", "serve", word],
            "EnvironmentVariables": {"HTTPS_PROXY": word},
            "RunAtLoad": true,
            "KeepAlive": {"SuccessfulExit": false},
            "HardResourceLimits": {"Core": 0},
        });
        assert_eq!(read_by_python(script, text.as_bytes()), expected);
    }

    #[test]
    fn a_control_character_is_refused() {
        let plan = Plan {
            program: PathBuf::from("/a\u{1}/acspass"),
            arguments: Vec::new(),
            variables: Vec::new(),
            state: PathBuf::new(),
        };
        assert!(text(&plan).is_err());
    }
}
