//! The result of one check.

use crate::error::{Error, Kind};

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Correct.
    Ok,
    /// It works, with a possible surprise.
    Warn,
    /// It does not work; the kind is that of a command's error.
    Fail(Kind),
    /// Not checked.
    Skipped,
}

impl Outcome {
    /// The name in the output.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Warn => "warn",
            Outcome::Fail(_) => "fail",
            Outcome::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The subject.
    pub name: &'static str,
    /// The outcome.
    pub outcome: Outcome,
    /// The finding.
    pub finding: String,
    /// The advice, if an action is possible.
    pub advice: Option<String>,
}

impl Check {
    pub(super) fn ok(name: &'static str, finding: impl Into<String>) -> Check {
        Check {
            name,
            outcome: Outcome::Ok,
            finding: finding.into(),
            advice: None,
        }
    }

    /// A check that was not made, with the reason.
    pub fn skipped(name: &'static str, why: impl Into<String>) -> Check {
        Check {
            outcome: Outcome::Skipped,
            ..Check::ok(name, why)
        }
    }

    pub(super) fn warn(
        name: &'static str,
        finding: impl Into<String>,
        advice: impl Into<String>,
    ) -> Check {
        Check {
            outcome: Outcome::Warn,
            advice: Some(advice.into()),
            ..Check::ok(name, finding)
        }
    }

    /// A check that failed with this error.
    pub fn failed(name: &'static str, error: &Error) -> Check {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        Check {
            outcome: Outcome::Fail(error.kind()),
            advice: Some(one_line(error.hint())),
            ..Check::ok(
                name,
                one_line(&format!("{error}{}", cause.unwrap_or_default())),
            )
        }
    }

    /// The kind of the failure, if it failed.
    pub fn failure(&self) -> Option<Kind> {
        match self.outcome {
            Outcome::Fail(kind) => Some(kind),
            Outcome::Ok | Outcome::Warn | Outcome::Skipped => None,
        }
    }
}

/// Returns the first check that failed: each depends on those before.
pub fn explanation(checks: &[Check]) -> Option<(&Check, Kind)> {
    checks
        .iter()
        .find_map(|check| Some((check, check.failure()?)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
