//! Changes the commands of a hint, which are between backticks.

/// Returns the hint with each command replaced by the result of `change`; `None` keeps a command.
pub fn with_commands(hint: &str, change: impl Fn(&str) -> Option<String>) -> String {
    // Every second part is between backticks.
    let parts = hint.split('`').enumerate();
    let parts = parts.map(|(number, part)| match number % 2 {
        1 => change(part).unwrap_or_else(|| part.to_owned()),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_backticks_is_changed() {
        let changed = |hint| with_commands(hint, |part| (part == "a").then(|| "c".to_owned()));
        assert_eq!(changed("a `a`, `b` or `a` a"), "a `c`, `b` or `c` a");
        assert_eq!(changed("`a`"), "`c`");
        assert_eq!(changed("a"), "a");
        assert_eq!(changed(""), "");
    }
}
