//! Compares the numbers of a journal with expectations, for `acspass emulator verify`.

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::text::quoted;

/// The names of all operations.
const OPERATIONS: [&str; 32] = [
    "metadata",
    "keys",
    "instance_discovery",
    "authorize",
    "logout",
    "authorization_code",
    "refresh_token",
    "client_credentials",
    "on_behalf_of",
    "device_authorization",
    "device_code",
    "device_page",
    "token",
    "managed_identity",
    "create_identity",
    "get_identity",
    "delete_identity",
    "issue_token",
    "revoke_tokens",
    "exchange",
    "entra_exchange",
    "teams_extension_exchange",
    "get_assignment",
    "put_assignment",
    "delete_assignment",
    "list_assignments",
    "update_assignments",
    "list_users",
    "preflight",
    "page",
    "ca",
    "whoami",
];
/// The numbers of all operations together.
const SUMS: [&str; 3] = ["total", "accepted", "refused"];
/// The operation of requests whose response a fault replaced.
const FAULT: &str = "fault";

/// An expected number of requests, as in `exchange>=1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    name: String,
    operator: Operator,
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    AtLeast,
    AtMost,
    Equal,
    Unequal,
    Above,
    Below,
}

/// The operators; the first that is at a place of the text counts, so the longer ones come first.
const OPERATORS: [(&str, Operator); 6] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    (">", Operator::Above),
    ("<", Operator::Below),
];

impl Expectation {
    /// Parses a name, an operator (`>=`, `<=`, `==`, `!=`, `>`, `<`) and a number. The name is that
    /// of an operation, `total`, `accepted` or `refused`.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) that quotes the text.
    pub fn parse(text: &str) -> Result<Expectation> {
        let invalid = || {
            Error::usage(
                format!("invalid expectation {}", quoted(text)),
                "Run `acspass emulator verify --expect 'exchange>=1'`: a name, an operator and a number, \
                 in quotes. Without quotes, a shell takes > as a redirect.",
            )
        };
        let start = text.find(['>', '<', '=', '!']).ok_or_else(invalid)?;
        let (name, rest) = text.split_at(start);
        let mut operators = OPERATORS.iter();
        let found =
            operators.find_map(|(sign, operator)| Some((operator, rest.strip_prefix(sign)?)));
        let (operator, number) = found.ok_or_else(invalid)?;
        Ok(Expectation {
            name: known(name.trim())?,
            operator: *operator,
            number: number.trim().parse().map_err(|_| invalid())?,
        })
    }

    /// Expects no request of this name.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if the name is unknown.
    pub fn none(name: &str) -> Result<Expectation> {
        Ok(Expectation {
            name: known(name)?,
            operator: Operator::Equal,
            number: 0,
        })
    }

    fn is_met_by(&self, actual: u64) -> bool {
        match self.operator {
            Operator::AtLeast => actual >= self.number,
            Operator::AtMost => actual <= self.number,
            Operator::Equal => actual == self.number,
            Operator::Unequal => actual != self.number,
            Operator::Above => actual > self.number,
            Operator::Below => actual < self.number,
        }
    }
}

/// Returns whether a journal may contain this operation; the empty one is that of an unknown path.
#[cfg(test)]
pub(crate) fn is_operation(name: &str) -> bool {
    name.is_empty() || name == FAULT || OPERATIONS.contains(&name)
}

/// Returns a known name. A misspelt one would make `--none` pass.
fn known(name: &str) -> Result<String> {
    let mut all = OPERATIONS.iter().chain(&SUMS).chain([&FAULT]);
    if all.any(|known| *known == name) {
        return Ok(name.to_owned());
    }
    Err(Error::usage(
        format!("unknown operation {}", quoted(name)),
        format!(
            "Use {} or an operation: {}.",
            SUMS.join(", "),
            OPERATIONS.join(", ")
        ),
    ))
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut operators = OPERATORS.iter();
        let sign = operators.find(|(_, operator)| *operator == self.operator);
        let sign = sign.map_or("", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.name, self.number)
    }
}

/// An expectation and the number of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// The expectation as text.
    pub expectation: String,
    /// The number of requests.
    pub actual: u64,
    /// Whether the expectation is met.
    pub met: bool,
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusedRequest {
    /// The operation; empty for an unknown path.
    pub operation: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The response's status.
    pub status: u64,
    /// The reason, and the mistake that explains a wrong signature.
    pub reason: String,
}

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// The expectations, in their order.
    pub expectations: Vec<Checked>,
    /// The latest refused requests, oldest first.
    pub refused: Vec<RefusedRequest>,
}

impl Verification {
    /// Compares the response of `GET /_emulator/v1/journal`.
    pub fn of(expectations: &[Expectation], journal: &Value) -> Verification {
        let checked = expectations.iter().map(|expectation| {
            let name = expectation.name.as_str();
            let count = match SUMS.contains(&name) {
                true => &journal[name],
                false => &journal["counts"][name],
            };
            let actual = count.as_u64().unwrap_or_default();
            Checked {
                expectation: expectation.to_string(),
                actual,
                met: expectation.is_met_by(actual),
            }
        });
        let entries = journal["entries"].as_array().into_iter().flatten();
        let refused = entries.filter(|entry| entry["outcome"] == json!("refused"));
        Verification {
            expectations: checked.collect(),
            refused: refused.map(refused_request).collect(),
        }
    }

    /// Returns the expectations that are not met.
    pub fn unmet(&self) -> impl Iterator<Item = &Checked> {
        self.expectations.iter().filter(|checked| !checked.met)
    }
}

fn refused_request(entry: &Value) -> RefusedRequest {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let reasons = [text("reason"), text("mistake")];
    let reasons: Vec<String> = reasons
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect();
    RefusedRequest {
        operation: text("operation"),
        method: text("method"),
        path: text("path"),
        status: entry["status"].as_u64().unwrap_or_default(),
        reason: reasons.join(": "),
    }
}

impl fmt::Display for RefusedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RefusedRequest { method, path, .. } = self;
        write!(f, "{method} {path} {}: {}", self.status, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn is_met(text: &str, actual: u64) -> bool {
        let expectation = Expectation::parse(text).expect(text);
        assert_eq!(expectation.to_string(), text.replace(' ', ""));
        let journal = json!({"counts": {"exchange": actual}, "refused": actual, "entries": []});
        let verified = Verification::of(&[expectation], &journal);
        assert_eq!(verified.unmet().count() == 0, verified.expectations[0].met);
        verified.expectations[0].met
    }

    #[test]
    fn each_operator_compares_with_the_number() {
        for (operator, met) in [
            (">=", [false, true, true]),
            ("<=", [true, true, false]),
            ("==", [false, true, false]),
            ("!=", [true, false, true]),
            (">", [false, false, true]),
            ("<", [true, false, false]),
        ] {
            for (actual, met) in (1..).zip(met) {
                for name in ["exchange", "refused"] {
                    assert_eq!(
                        is_met(&format!("{name}{operator}2"), actual),
                        met,
                        "{operator}"
                    );
                }
            }
        }
        assert!(is_met("exchange >= 2", 2));
        let none = Expectation::none("refused").expect("a name");
        assert_eq!(none.to_string(), "refused==0");
    }

    #[test]
    fn an_invalid_expectation_is_quoted() {
        for text in [
            "exchange",
            "exchange=1",
            "exchange>=",
            ">=1",
            "exchange>=-1",
            "exchange>=x",
            "exchange=>1",
            "exchange!1",
            "exchange>=1.5",
            "",
        ] {
            let error = Expectation::parse(text).expect_err(text);
            assert_eq!(error.kind(), Kind::Usage);
            let is_unnamed = text == ">=1";
            assert!(
                is_unnamed || error.message().contains(&format!("`{text}`")) || text.is_empty(),
                "{error}"
            );
        }
        for error in [
            Expectation::parse("exchnge>=1"),
            Expectation::none("exchnge").map(|_| unreachable!()),
        ] {
            let error = error.expect_err("a misspelt name");
            assert_eq!(error.message(), "unknown operation `exchnge`");
        }
    }

    #[test]
    fn a_refused_request_has_its_reason_and_mistake() {
        let journal = json!({"entries": [
            {"outcome": "accepted", "operation": "keys"},
            {"outcome": "refused", "operation": "exchange", "method": "POST", "path": "/x",
             "status": 401, "reason": "the signature does not match", "mistake": "the key is empty"},
        ]});
        let refused = Verification::of(&[], &journal).refused;
        assert_eq!(refused.len(), 1);
        let line = "POST /x 401: the signature does not match: the key is empty";
        assert_eq!(refused[0].to_string(), line);
    }
}
