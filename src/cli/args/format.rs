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
                "Use `--output text` or `--output json`.",
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
