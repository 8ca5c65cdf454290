//! The scopes and the lifetime of a token.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::input;
use crate::text::quoted;
use crate::time::in_words;

/// A scope of a Communication token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenScope {
    /// Full chat.
    Chat,
    /// Full calling.
    Voip,
    /// Chat without creating, deleting or changing threads.
    ChatJoin,
    /// As `chat.join`, without adding or removing participants.
    ChatJoinLimited,
    /// Joining calls, without starting any.
    VoipJoin,
    /// A scope that this version does not know; the service decides.
    Other(String),
}

const KNOWN: [TokenScope; 5] = [
    TokenScope::Chat,
    TokenScope::Voip,
    TokenScope::ChatJoin,
    TokenScope::ChatJoinLimited,
    TokenScope::VoipJoin,
];

impl TokenScope {
    /// Parses scopes: several in one text, with commas, semicolons or spaces between, each
    /// perhaps in quotes. A scope that is named twice counts once.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if a text names no scope.
    pub fn list(texts: &[String]) -> Result<Vec<TokenScope>> {
        let mut scopes = Vec::new();
        for text in texts {
            let words =
                input::bare(text).split(|c: char| matches!(c, ',' | ';') || c.is_whitespace());
            let mut words = words
                .map(input::bare)
                .filter(|word| !word.is_empty())
                .peekable();
            if words.peek().is_none() {
                // It is refused as an empty scope.
                "".parse::<TokenScope>()?;
            }
            for word in words {
                let scope = word.parse()?;
                if !scopes.contains(&scope) {
                    scopes.push(scope);
                }
            }
        }
        Ok(scopes)
    }

    /// Returns the known scopes, as the service writes them.
    pub(crate) fn known() -> Vec<&'static str> {
        KNOWN.iter().map(TokenScope::as_str).collect()
    }

    /// Returns the hint of an error about scopes.
    pub(in crate::acs) fn hint() -> &'static str {
        "Use `--scope chat`, or another one of chat, voip, chat.join, chat.join.limited and voip.join."
    }

    /// The scope's name in requests.
    pub fn as_str(&self) -> &str {
        match self {
            TokenScope::Chat => "chat",
            TokenScope::Voip => "voip",
            TokenScope::ChatJoin => "chat.join",
            TokenScope::ChatJoinLimited => "chat.join.limited",
            TokenScope::VoipJoin => "voip.join",
            TokenScope::Other(scope) => scope,
        }
    }
}

impl fmt::Display for TokenScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenScope {
    type Err = Error;

    /// Takes a known scope in any case. Any other word is passed through as it is.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if it is empty, or more than a word.
    fn from_str(text: &str) -> Result<Self> {
        let text = input::bare(text);
        if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Error::usage(
                format!("{} is not a scope", quoted(text)),
                TokenScope::hint(),
            ));
        }
        let is_it = |scope: &TokenScope| scope.as_str().eq_ignore_ascii_case(text);
        let known = KNOWN.into_iter().find(is_it);
        Ok(known.unwrap_or_else(|| TokenScope::Other(text.to_owned())))
    }
}

/// How long a token lives: whole minutes, 60 to 1440.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetime(u16);

/// The next step for a lifetime that the service does not take.
const RANGE: &str = "Choose a lifetime from 60 to 1440 minutes, `1h` to `24h`.";

/// The bounds, in minutes.
const MINUTES: RangeInclusive<u64> = 60..=1440;

impl TokenLifetime {
    /// Takes a duration of whole minutes. The service takes nothing finer, and a part of a minute is
    /// not dropped silently.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) with the range if the duration is outside it or has a
    /// part of a minute.
    pub fn new(duration: Duration) -> Result<Self> {
        let seconds = duration.as_secs();
        let is_whole = seconds.is_multiple_of(60) && duration.subsec_nanos() == 0;
        if let Ok(minutes) = u16::try_from(seconds / 60)
            && is_whole
            && MINUTES.contains(&minutes.into())
        {
            return Ok(TokenLifetime(minutes));
        }
        let given = match is_whole || seconds < 60 {
            true => in_words(duration),
            false => format!("{} ({seconds} s)", in_words(duration)),
        };
        let is_in_range = (MINUTES.start() * 60..=MINUTES.end() * 60).contains(&seconds);
        let message = match is_in_range {
            true => format!("the lifetime of a token is whole minutes, not {given}"),
            false => format!("a token cannot be valid for {given}"),
        };
        // A number of minutes was probably meant.
        let meant = match MINUTES.contains(&seconds) {
            true if seconds.is_multiple_of(60) => format!("{}h", seconds / 60),
            true => format!("{seconds}m"),
            false => return Err(Error::usage(message, RANGE)),
        };
        let hint = format!("{RANGE} A bare number is seconds. {seconds} minutes are `{meant}`.");
        Err(Error::usage(message, hint))
    }

    /// In minutes, as the wire has it.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn lifetimes_end_at_their_bounds() {
        for (seconds, minutes) in [(3600, Some(60)), (5400, Some(90)), (86_400, Some(1440))] {
            let read = TokenLifetime::new(Duration::from_secs(seconds)).ok();
            assert_eq!(read.map(TokenLifetime::minutes), minutes, "{seconds}");
        }
        for seconds in [
            0,
            3599,
            3601,
            3690,
            86_399,
            86_401,
            86_459,
            86_460,
            u64::MAX,
        ] {
            let error = TokenLifetime::new(Duration::from_secs(seconds)).expect_err("outside");
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.hint().contains("60 to 1440"));
        }
    }

    #[test]
    fn refused_lifetime_is_named_with_the_intended_one() {
        for (seconds, message, hint) in [
            (1440, "for 24 min", "1440 minutes are `24h`"),
            (90, "for 1 min 30 s (90 s)", "90 minutes are `90m`"),
            (60, "for 1 min", "60 minutes are `1h`"),
            (86_401, "(86401 s)", "`1h` to `24h`"),
            (3690, "minutes, not 1 h 1 min (3690 s)", "`1h` to `24h`"),
        ] {
            let error = TokenLifetime::new(Duration::from_secs(seconds)).expect_err("refused");
            assert!(error.message().contains(message), "{error}");
            assert!(error.hint().contains(hint), "{}", error.hint());
        }
        let fraction = TokenLifetime::new(Duration::from_millis(3_600_001));
        assert!(fraction.is_err());
    }

    #[test]
    fn scopes_round_trip_and_unknown_ones_pass() {
        for word in [
            "chat",
            "voip",
            "chat.join",
            "chat.join.limited",
            "voip.join",
            "New.scope",
        ] {
            let scope: TokenScope = word.parse().expect(word);
            assert_eq!(scope.as_str(), word);
        }
        for word in ["Chat", "\"CHAT\"", " chat "] {
            assert_eq!(word.parse().ok(), Some(TokenScope::Chat), "{word}");
        }
        assert!("chat voip".parse::<TokenScope>().is_err());
        assert!("".parse::<TokenScope>().is_err());
    }
}
