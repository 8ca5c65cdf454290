//! The formats of a result, and the commands that have each.

use std::fmt;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::error::{Error, Result};

/// A value of `--output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
    /// Shell assignments; only `get` has it.
    Env,
    /// One HTTP header; only `get` has it.
    Header,
}

impl Format {
    /// Returns the parser of every command: help and completions show the formats that each has.
    pub(super) fn of_results() -> impl TypedValueParser<Value = Format> {
        Format::parser(|format| format.possible_value().hide(format.is_of_tokens()))
    }

    /// Returns the parser of `get`.
    pub(super) fn of_tokens() -> impl TypedValueParser<Value = Format> {
        Format::parser(Format::possible_value)
    }

    fn parser(possible: fn(Format) -> PossibleValue) -> impl TypedValueParser<Value = Format> {
        let values = Format::value_variants().iter().copied().map(possible);
        PossibleValuesParser::new(values).try_map(|name| Format::from_str(&name, false))
    }

    /// Returns the names of the formats of a command, for a hint.
    pub(super) fn names_for(command: &[String]) -> Vec<String> {
        let has_all = command.first().is_some_and(|word| word == "get");
        let formats = Format::value_variants().iter();
        let formats = formats.filter(|format| has_all || !format.is_of_tokens());
        formats.map(ToString::to_string).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Env => "env",
            Format::Header => "header",
        }
    }

    fn possible_value(self) -> PossibleValue {
        PossibleValue::new(self.name())
    }

    fn is_of_tokens(self) -> bool {
        matches!(self, Format::Env | Format::Header)
    }

    /// Checks that a command other than `get` has this format.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) for a format of `get`.
    pub(crate) fn check_is_of_results(self) -> Result<()> {
        match self.is_of_tokens() {
            true => Err(Error::usage(
                format!("invalid format `{self}` for --output; only `get` accepts it"),
                format!("Use `-o text` or `-o json`, or run `acspass get -o {self}`."),
            )),
            false => Ok(()),
        }
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Format] {
        &[Format::Text, Format::Json, Format::Env, Format::Header]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(self.possible_value())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
