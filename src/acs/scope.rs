//! What a token may do, and how long it lives.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// What a Communication token may be used for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenScope {
    /// Full chat.
    Chat,
    /// Full calling.
    Voip,
    /// Chat without creating, deleting or changing threads.
    ChatJoin,
    /// As `chat.join`, and without adding or removing people.
    ChatJoinLimited,
    /// Joining calls, without starting any.
    VoipJoin,
    /// A scope that this version does not know; the service decides.
    Other(String),
}

impl TokenScope {
    /// The word for it on the wire.
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

    /// Takes any word: what this version does not know is passed through.
    ///
    /// # Errors
    /// [`Kind::Usage`] where it is empty, or more than a word.
    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "chat" => TokenScope::Chat,
            "voip" => TokenScope::Voip,
            "chat.join" => TokenScope::ChatJoin,
            "chat.join.limited" => TokenScope::ChatJoinLimited,
            "voip.join" => TokenScope::VoipJoin,
            _ if text.is_empty() || text.chars().any(|c| c.is_whitespace() || c.is_control()) => {
                return Err(Error::new(
                    Kind::Usage,
                    "a scope is empty or more than one word",
                    "name one of chat, voip, chat.join, chat.join.limited and voip.join; repeat \
                     --scope for several",
                ));
            }
            _ => TokenScope::Other(text.to_owned()),
        })
    }
}

/// How long a token lives: whole minutes, 60 to 1440.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLifetime(u16);

impl TokenLifetime {
    const SHORTEST: u64 = 60;
    const LONGEST: u64 = 1440;

    /// Takes a duration; a part of a minute is cut off, as the Python SDK does.
    ///
    /// # Errors
    /// [`Kind::Usage`] with the range where the service would refuse it.
    pub fn new(duration: Duration) -> Result<Self> {
        let minutes = duration.as_secs() / 60;
        match u16::try_from(minutes) {
            Ok(short) if (Self::SHORTEST..=Self::LONGEST).contains(&minutes) => {
                Ok(TokenLifetime(short))
            }
            _ => Err(Error::new(
                Kind::Usage,
                format!("a token cannot live for {minutes} minutes"),
                "choose from 60 to 1440 minutes (1h to 24h)",
            )),
        }
    }

    /// In minutes, as the wire has it.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_end_at_their_bounds() {
        for (seconds, minutes) in [(3600, Some(60)), (86_400, Some(1440)), (86_459, Some(1440))] {
            let read = TokenLifetime::new(Duration::from_secs(seconds)).ok();
            assert_eq!(read.map(TokenLifetime::minutes), minutes, "{seconds}");
        }
        for seconds in [0, 3599, 86_460, u64::MAX] {
            let error = TokenLifetime::new(Duration::from_secs(seconds)).expect_err("outside");
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.hint().contains("60 to 1440"));
        }
    }

    #[test]
    fn scopes_go_both_ways_and_unknown_ones_pass() {
        for word in [
            "chat",
            "voip",
            "chat.join",
            "chat.join.limited",
            "voip.join",
            "Chat",
            "new.scope",
        ] {
            let scope: TokenScope = word.parse().expect(word);
            assert_eq!(scope.as_str(), word);
        }
        assert!("chat voip".parse::<TokenScope>().is_err());
        assert!("".parse::<TokenScope>().is_err());
    }
}
