//! Sign-in without a listener: the user copies the browser's last address, or the code in it. No
//! message repeats the text.
//!
//! Terminals, mail programs and shells break an address into lines, indent it, quote it and escape
//! it. The text is therefore joined before it is read, and a part of an address is never taken for a
//! code.

use std::borrow::Cow;

use tracing::debug;
use zeroize::Zeroizing;

use super::flow::{SignInRequest, SignedIn, timed_out};
use super::options::{Notice, Reader};
use crate::entra::client::Entra;
use crate::entra::redirect::{
    AuthorizationResponse, Callback, PasteUri, ResponseMode, is_same_state, read_pasted,
};
use crate::error::{Error, Kind, Result};
use crate::secret::{AuthorizationCode, Pasted};
use crate::text::is_unprintable;

/// The number of pastes that are read.
const TRIES: u32 = 3;

const NOTHING_PASTED: &str = "Run `acspass login --paste --timeout 15m`, and paste the address of the last page. If Entra's page shows an error, \
     its address has no code: the page names the cause, and `acspass setup` shows the required \
     registration and consent.";

/// The shortest code. Entra's codes have hundreds of characters.
const MIN_CODE_LENGTH: usize = 24;
const MAX_CODE_LENGTH: usize = 32 * 1024;

/// The characters around an address in a text.
const ENCLOSING: [char; 14] = [
    '<', '>', '"', '\'', '`', '(', ')', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}', '\u{ab}',
    '\u{bb}', ',',
];
/// The marks of bracketed paste, which terminals send if an earlier program left that mode on.
const PASTE_MARKS: [&str; 2] = ["\u{1b}[200~", "\u{1b}[201~"];

const NO_ANSWER: &str =
    "This address has no code: copy the address of the last page, after the sign-in";
const CUT_OFF: &str = "This address is cut off: copy all of it";
const ANOTHER: &str = "This is not the response to this sign-in: it is cut off, has other text at its end, or is from an \
     earlier sign-in";
const DAMAGED: &str = "This address is damaged: copy it again";
const NEITHER: &str = "This is neither the address of the last page nor the code in it";

pub(super) type Outcome = Result<AuthorizationResponse, &'static str>;

impl Entra {
    /// See [`Entra::sign_in`].
    pub(super) async fn sign_in_by_paste(
        &self,
        sign_in: &SignInRequest<'_>,
        redirect_uri: &PasteUri,
        reader: &Reader,
    ) -> Result<SignedIn> {
        let metadata = self.discover().await?;
        let redirect_uri = redirect_uri.as_str();
        let attempt = self.authorize(sign_in, metadata, redirect_uri, ResponseMode::Query)?;
        (sign_in.options.tell)(&Notice::Address {
            url: &attempt.url,
            redirect_uri,
        });
        let pasting = self.paste(sign_in, reader, attempt.state.secret());
        let response = tokio::time::timeout(sign_in.options.timeout, pasting)
            .await
            .unwrap_or_else(|_| Err(timed_out(sign_in.options.timeout, NOTHING_PASTED)))?;
        self.redeem(sign_in, &attempt, response).await
    }

    async fn paste(
        &self,
        sign_in: &SignInRequest<'_>,
        reader: &Reader,
        state: &str,
    ) -> Result<AuthorizationResponse> {
        let mut earlier = Pasted::new("");
        let mut is_of_another = false;
        for left in (0..TRIES).rev() {
            let Some(text) = reader().await? else {
                return Err(input_ended(earlier.expose(), is_of_another));
            };
            match read(earlier.expose(), text.expose(), state) {
                Ok(response) => return Ok(response),
                Err(why) => {
                    is_of_another = why == ANOTHER;
                    let length = text.expose().len();
                    debug!("The pasted text of {length} bytes is not the sign-in response.");
                    earlier = Pasted::new(format!("{}\n{}", earlier.expose(), text.expose()));
                    (sign_in.options.tell)(&Notice::Unusable {
                        why,
                        tries_left: left,
                    });
                }
            }
        }
        Err(Error::new(
            Kind::SignInRefused,
            "none of three pasted texts was the sign-in response",
            "Run `acspass login --paste` again, and copy the whole address of the last page, which \
             contains `code=`.",
        ))
    }
}

/// Returns the error for an input that ended after the `earlier` text, which was not the response.
fn input_ended(earlier: &str, is_of_another: bool) -> Error {
    let (message, hint) = match is_of_another {
        _ if lines(earlier).is_empty() => (
            "no address was pasted: standard input ended",
            "Run `acspass login --paste` at a terminal, or pass the address on standard input.",
        ),
        true => (
            "the pasted address is not the response to this sign-in",
            "Run `acspass login --paste` at a terminal: each sign-in has a new address. Open it, and \
             paste the address of the last page.",
        ),
        false => (
            "the pasted text is not the response to this sign-in",
            "Run `acspass login --paste` at a terminal, and paste the whole address of the last page, \
             which contains `code=`.",
        ),
    };
    Error::new(Kind::SignInRefused, message, hint)
}

/// Reads `text`, alone or as the continuation of the `earlier` text, which was not a response.
/// Returns the reason if neither is the response; the reason repeats nothing of the text.
///
/// A bare code has no `state`; PKCE and the nonce bind it to this sign-in.
pub(super) fn read(earlier: &str, text: &str, state: &str) -> Outcome {
    let new = lines(text);
    if new.is_empty() {
        return Err("No text was pasted");
    }
    let old = lines(earlier);
    let whole = joined(&new);
    let outcome = answer(&whole, state);
    if outcome.is_ok() {
        return outcome;
    }
    // The address may begin in a later line, or in the earlier text.
    let all: Vec<&str> = old.iter().chain(&new).map(|line| line.as_str()).collect();
    let later = (old.len() + 1..all.len()).chain((0..old.len()).rev());
    for start in later {
        let text = joined(&all[start..]);
        if !is_code_and_more(&text)
            && let Ok(outcome) = answer(&text, state)
        {
            return Ok(outcome);
        }
    }
    if !has_form_of_code(&whole) {
        return outcome;
    }
    Ok(AuthorizationResponse {
        outcome: Callback::Code {
            code: AuthorizationCode::new(whole.as_str()),
            client_info: None,
        },
        issuer: None,
    })
}

/// Returns the lines that are not empty, without blanks, control characters and escapes.
fn lines(text: &str) -> Vec<Zeroizing<String>> {
    let lines = text.split(['\n', '\r']).map(|line| {
        let mut line = Zeroizing::new(line.to_owned());
        for mark in PASTE_MARKS {
            if line.contains(mark) {
                *line = line.replace(mark, "");
            }
        }
        let trimmed = line.trim_matches(|c: char| c.is_whitespace() || ENCLOSING.contains(&c));
        // No address has a backslash: shells put one before `?`, `=` and `&`, and at a line's end.
        let kept = trimmed
            .chars()
            .filter(|c| !c.is_whitespace() && !is_unprintable(*c) && *c != '\\');
        let mut plain = Zeroizing::new(String::with_capacity(trimmed.len()));
        plain.extend(kept);
        plain
    });
    lines
        .filter(|line: &Zeroizing<String>| !line.is_empty())
        .collect()
}

fn joined(lines: &[impl AsRef<str>]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for line in lines {
        text.push_str(line.as_ref());
    }
    for escaped in ["&amp;", "&#38;", "&#x26;"] {
        if text.contains(escaped) {
            *text = text.replace(escaped, "&");
        }
    }
    text
}

/// Reads an address, or its end from the code on.
fn answer(text: &str, state: &str) -> Outcome {
    // A browser may leave an empty fragment behind.
    let address = text.split('#').next().unwrap_or_default();
    let form: Cow<'_, str> = match address.split_once('?') {
        Some((_, query)) => query.into(),
        None if text.contains("://") => return Err(NO_ANSWER),
        None if address.starts_with("code=") || address.starts_with("error=") => address.into(),
        None if is_code_and_more(address) => format!("code={address}").into(),
        None => return Err(NEITHER),
    };
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(form.as_bytes());
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    };
    if value("code").is_none() && value("error").is_none() {
        return Err(NO_ANSWER);
    }
    match value("state") {
        Some(theirs) if is_same_state(&theirs, state) => {}
        Some(_) => return Err(ANOTHER),
        None => return Err(CUT_OFF),
    }
    if value("code").is_some_and(|code| !has_characters_of_code(&code)) {
        return Err(DAMAGED);
    }
    read_pasted(form.as_bytes(), state).ok_or(DAMAGED)
}

/// Returns whether the text is the end of an address, from the whole code on.
fn is_code_and_more(text: &str) -> bool {
    text.split_once('&')
        .is_some_and(|(code, _)| has_form_of_code(code))
}

/// Returns whether the text is a whole code: a version, a dot and Base64url in parts
/// (`1.AXkA….AgABAAIAAAD…`), or Entra's format before 2020 (`OAQABAAIAAAD…`).
fn has_form_of_code(text: &str) -> bool {
    let rest = match text.as_bytes() {
        [version, b'.', ..] if version.is_ascii_digit() => &text[2..],
        _ if text.starts_with("OAQABAA") || text.starts_with("AQABAA") => text,
        _ => return false,
    };
    let is_base64url = |part: &str| {
        let is_character = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !part.is_empty() && part.bytes().all(is_character)
    };
    (MIN_CODE_LENGTH..=MAX_CODE_LENGTH).contains(&text.len()) && rest.split('.').all(is_base64url)
}

/// Returns whether a code in an address may be whole, including codes of other kinds of accounts
/// (`M.C507_BAY…`). Two joined addresses are not.
fn has_characters_of_code(code: &str) -> bool {
    let is_character = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~!*$'()".contains(&byte);
    code.len() <= MAX_CODE_LENGTH && code.bytes().all(is_character)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "1.AXoAmarkermarker.AgABmarkermarker-_";
    const STATE: &str = "st+te";
    const ADDRESS: &str =
        "http://localhost/?code=CODE&client_info=eyJ9&state=st%2Bte&session_state=x";

    fn of(text: &str) -> String {
        text.replace("CODE", CODE)
    }

    fn code_in(earlier: &str, text: &str) -> Result<String, &'static str> {
        match read(&of(earlier), &of(text), STATE)?.outcome {
            Callback::Code { code, .. } => Ok(code.expose().to_owned()),
            Callback::Denied(_) => Err("denied"),
        }
    }

    #[test]
    fn an_address_is_read_in_every_form_in_which_it_is_copied() {
        for text in [
            ADDRESS,
            "  http://localhost/?code=CODE&state=st%2Bte#\r\n",
            "<https://login.test/nativeclient?state=st%2Bte&code=CODE>",
            "\"myapp://auth?code=CODE&state=st%2Bte\"",
            "\u{201c}http://localhost/?code=CODE&state=st%2Bte\u{201d}",
            "'http://localhost/?code=CODE&state=st%2Bte',",
            "`http://localhost/?code=CODE&state=st%2Bte`",
            "http://localhost/?code=CODE&amp;state=st%2Bte&amp;session_state=x",
            "http://localhost/?code=CODE&#38;state=st%2Bte",
            "http://localhost/\\?code\\=CODE\\&state\\=st%2Bte",
            "\u{1b}[200~http://localhost/?code=CODE&state=st%2Bte\u{1b}[201~",
            "\u{feff}http://localhost/?code=CODE\u{200b}&state=st%2Bte",
            "here it is:\nhttp://localhost/?code=CODE&state=st%2Bte\n",
            "code=CODE&state=st%2Bte",
            "CODE&state=st%2Bte",
            "CODE",
            "CODE\n",
            "\"CODE\"",
        ] {
            assert_eq!(code_in("", text).as_deref(), Ok(CODE), "{text}");
        }
        let older = "OAQABAAIAAAADCoMpjJXrxTq9VG9te";
        assert_eq!(code_in("", older).as_deref(), Ok(older));
    }

    #[test]
    fn address_broken_into_lines_is_joined() {
        let address = of(ADDRESS);
        for at in 1..address.len() {
            let (first, second) = address.split_at(at);
            for between in ["\n", "\r\n", " \r\n   ", "\n\n", "\\\n", "\"\n\"", "  "] {
                let text = format!("{first}{between}{second}\n");
                assert_eq!(code_in("", &text).as_deref(), Ok(CODE), "{text}");
            }
        }
        let columns: Vec<String> = address
            .as_bytes()
            .chunks(8)
            .map(|line| format!("  {}", String::from_utf8_lossy(line)))
            .collect();
        let narrow = columns.join("\r\n");
        assert_eq!(code_in("", &narrow).as_deref(), Ok(CODE));
    }

    #[test]
    fn half_of_an_address_is_never_taken_for_a_code_and_its_other_half_completes_it() {
        let address = of(ADDRESS);
        let code = address.find(CODE).expect("a code");
        for at in 1..address.len() {
            let (first, second) = address.split_at(at);
            let is_whole = |half: &str| half.contains(CODE) && half.contains("state=st%2Bte");
            for half in [first, second].iter().filter(|half| !is_whole(half)) {
                assert!(code_in("", half).is_err(), "{half}");
            }
            if at > code {
                assert_eq!(code_in(first, second).as_deref(), Ok(CODE), "{at}");
            }
        }
    }

    #[test]
    fn an_earlier_paste_does_not_spoil_a_right_one() {
        for earlier in ["yes", "http://localhost/?code=1.AXoAmark", ADDRESS, "CODE"] {
            assert_eq!(code_in(earlier, ADDRESS).as_deref(), Ok(CODE), "{earlier}");
        }
        let two_in_one = format!("http://localhost/?code=1.AXoAmark{ADDRESS}");
        assert_eq!(code_in("", &two_in_one), Err(DAMAGED));
    }

    #[test]
    fn other_text_is_refused_without_repeating_it() {
        for text in [
            "",
            "   ",
            "\n\n",
            "\"\"",
            "yes",
            "a few words that are not any code at all",
            "marker-of-a-code-that-has-not-its-form",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYXJrZXIifQ.bWFya2VybWFya2Vy",
            "1.AXoAmarker",
            "1.AXoAmarkermarker..AgABmarkermarker",
            "12.AXoAmarkermarkermarkermarker",
            "http://localhost/",
            "https://login.test/authorize?client_id=x&state=st%2Bte",
            "http://localhost/?code=CODE",
            "http://localhost/?code=CODE&state=other",
            "http://localhost/?code=CODE&state=st%2Bte&state=st%2Bte",
            "http://localhost/?code=CODE&code=CODE&state=st%2Bte",
            "CODE&session_state=x",
            "markermarkermarkermarker&state=st%2Bte",
            "code\u{1b}[2Jmarkermarkermarkermarker",
        ] {
            let why = code_in("", text).expect_err(text);
            assert!(!why.contains("marker"), "{why}");
        }
    }

    #[test]
    fn a_refusal_is_an_answer_too() {
        let line = "http://localhost/?error=access_denied&error_subcode=cancel&state=st%2Bte";
        let outcome = read("", line, STATE).expect("an answer");
        assert!(matches!(outcome.outcome, Callback::Denied(_)));
    }
}
