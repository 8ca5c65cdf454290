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
    /// Lines of a `.env` file; only `emulator env` has it.
    Dotenv,
}

/// The command that has [`Format::Env`] and [`Format::Header`].
pub(crate) const GET: &str = "get";
/// The command that has [`Format::Dotenv`].
pub(crate) const EMULATOR_ENV: &str = "emulator env";

impl Format {
    /// Returns the parser of every command: help and completions show the formats that each has.
    pub(super) fn of_results() -> impl TypedValueParser<Value = Format> {
        Format::parser("")
    }

    /// Returns the parser of `get`.
    pub(super) fn of_tokens() -> impl TypedValueParser<Value = Format> {
        Format::parser(GET)
    }

    /// Returns the parser of `emulator env`.
    pub(super) fn of_environment() -> impl TypedValueParser<Value = Format> {
        Format::parser(EMULATOR_ENV)
    }

    fn parser(command: &'static str) -> impl TypedValueParser<Value = Format> {
        let values = Format::value_variants().iter();
        let values = values.map(|format| format.possible_value().hide(!format.is_of(command)));
        PossibleValuesParser::new(values).try_map(|name| Format::from_str(&name, false))
    }

    /// Returns the names of the formats of a command, for a hint.
    pub(super) fn names_for(command: &[String]) -> Vec<String> {
        let command = command.join(" ");
        let formats = Format::value_variants().iter();
        let formats = formats.filter(|format| format.is_of(&command));
        formats.map(ToString::to_string).collect()
    }

    fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
            Format::Env => "env",
            Format::Header => "header",
            Format::Dotenv => "dotenv",
        }
    }

    fn possible_value(self) -> PossibleValue {
        PossibleValue::new(self.name())
    }

    /// Returns the only command that has this format, if it is not one of every command.
    fn command(self) -> Option<&'static str> {
        match self {
            Format::Text | Format::Json => None,
            Format::Env | Format::Header => Some(GET),
            Format::Dotenv => Some(EMULATOR_ENV),
        }
    }

    fn is_of(self, command: &str) -> bool {
        self.command().is_none_or(|only| only == command)
    }

    /// Checks that the command of this name has this format.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) for a format of another command.
    pub(crate) fn check_is_of(self, command: &str) -> Result<()> {
        match self.command() {
            Some(only) if only != command => Err(Error::usage(
                format!("invalid format `{self}` for --output; only `{only}` accepts it"),
                format!("Use `-o text` or `-o json`, or run `acspass {only} -o {self}`."),
            )),
            _ => Ok(()),
        }
    }
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Format] {
        use Format::{Dotenv, Env, Header, Json, Text};
        &[Text, Json, Env, Header, Dotenv]
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
