//! The arguments of `api`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use serde_json::{Number, Value};

use crate::acs::api::METHODS;

/// Send one request to the ACS resource
#[derive(Debug, Args)]
pub(crate) struct Api {
    /// Use this method
    #[arg(value_name = "METHOD", ignore_case = true, value_parser = PossibleValuesParser::new(METHODS))]
    pub(crate) method: String,
    /// Request this path of the resource; it may have a query
    #[arg(value_name = "PATH")]
    pub(crate) path: String,
    /// Add a string to the JSON body, or to the query of GET and HEAD; repeatable
    #[arg(short = 'f', long = "raw-field", value_name = "KEY=VALUE", value_parser = raw_field)]
    pub(crate) raw_field: Vec<(String, Value)>,
    /// Add a field whose value keeps its type: true, false, null or a number; repeatable
    #[arg(short = 'F', long = "field", value_name = "KEY=VALUE", value_parser = typed_field)]
    pub(crate) field: Vec<(String, Value)>,
    /// Send the bytes of this file as the body; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["raw_field", "field"])]
    pub(crate) input: Option<PathBuf>,
    /// Request this version of the API [default: the version of the operation]
    #[arg(long, value_name = "VERSION")]
    pub(crate) api_version: Option<String>,
    /// Authorize the request with the user's Entra token
    #[arg(long = "as", value_enum, value_name = "WHO")]
    pub(crate) sender: Option<Sender>,
    /// Use this account with --as user [default: the active account]
    #[arg(long, value_name = "USER", requires = "sender")]
    pub(crate) account: Option<String>,
    /// Print the status and the headers before the body
    #[arg(short, long)]
    pub(crate) include: bool,
}

/// The sender of a request, if it is not the resource's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sender {
    User,
}

fn pair(text: &str) -> Result<(String, &str), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && key != "[]" => Ok((key.to_owned(), value)),
        _ => Err("Use KEY=VALUE, as in `-f customId=ada`.".to_owned()),
    }
}

fn raw_field(text: &str) -> Result<(String, Value), String> {
    pair(text).map(|(key, value)| (key, value.into()))
}

fn typed_field(text: &str) -> Result<(String, Value), String> {
    let (key, value) = pair(text)?;
    let value = match value {
        "true" => true.into(),
        "false" => false.into(),
        "null" => Value::Null,
        _ if value.starts_with('@') => {
            return Err("Run `acspass api METHOD PATH --input FILE` to send a file.".to_owned());
        }
        _ => {
            match value.parse::<Number>() {
                Ok(number) if number.is_f64() && is_whole(value) => {
                    return Err("Run `acspass api METHOD PATH --input FILE` for a number of more than 64 bits.".to_owned());
                }
                Ok(number) => number.into(),
                Err(_) => value.into(),
            }
        }
    };
    Ok((key, value))
}

fn is_whole(number: &str) -> bool {
    number
        .bytes()
        .all(|byte| byte == b'-' || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{raw_field, typed_field};

    #[test]
    fn a_raw_field_is_a_string_and_a_typed_one_keeps_its_type() {
        for (text, raw, typed) in [
            ("a=true", json!("true"), json!(true)),
            ("a=null", json!("null"), json!(null)),
            ("a=60", json!("60"), json!(60)),
            ("a=-1.5", json!("-1.5"), json!(-1.5)),
            ("a=b=c", json!("b=c"), json!("b=c")),
            ("a=", json!(""), json!("")),
            ("a=0x10", json!("0x10"), json!("0x10")),
        ] {
            assert_eq!(raw_field(text), Ok(("a".to_owned(), raw)), "{text}");
            assert_eq!(typed_field(text), Ok(("a".to_owned(), typed)), "{text}");
        }
        for text in ["a", "=b", "[]=b", ""] {
            assert!(
                raw_field(text).is_err() && typed_field(text).is_err(),
                "{text}"
            );
        }
        assert!(typed_field("a=@file").is_err());
        assert!(typed_field("a=12345678901234567890123").is_err());
    }
}
