//! The result of one check.

use crate::error::{Error, Kind};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, and may surprise.
    Warn,
    /// It does not work; the kind is that of the error a command would end with.
    Fail(Kind),
    /// It was not looked at.
    Skipped,
}

impl Outcome {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Warn => "warn",
            Outcome::Fail(_) => "fail",
            Outcome::Skipped => "skipped",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found.
    pub finding: String,
    /// What to do about it, where there is something to do.
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

    /// It was not looked at, and this is why.
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

    /// It failed as a command would fail.
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

    /// The kind of failure, where it is one.
    pub fn failure(&self) -> Option<Kind> {
        match self.outcome {
            Outcome::Fail(kind) => Some(kind),
            Outcome::Ok | Outcome::Warn | Outcome::Skipped => None,
        }
    }
}

/// The check that explains the failure: the first that failed, since each stands on those before.
pub fn explanation(checks: &[Check]) -> Option<(&Check, Kind)> {
    checks
        .iter()
        .find_map(|check| Some((check, check.failure()?)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
