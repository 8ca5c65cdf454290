//! Sign-in where no answer can come home: a person brings it, by copying the browser's last address
//! or the code in it.
//!
//! No listener is opened. What was pasted is read by the pure [`read`]; it is never repeated.

use oauth2::PkceCodeChallenge;
use tracing::debug;

use super::code::Attempt;
use super::{Asked, Notice, PasteUri, Reader, SignedIn, timed_out};
use crate::entra::redirect::{Callback, Heard, ResponseMode, is_same_state, read_answer};
use crate::entra::tokens::Entra;
use crate::error::{Error, Kind, Result};
use crate::secret::{AuthorizationCode, Pasted};

/// How often a person may paste.
const TRIES: u32 = 3;
/// Entra's codes have hundreds of characters, and nothing that is typed by hand has so many.
const SHORTEST_CODE: usize = 24;
const LONGEST_CODE: usize = 32 * 1024;

const NOTHING_PASTED: &str = "run the command again, and paste the address that the browser ends on. Where it ended on an \
     error of Entra's own, that address carries no answer: the page says what is wrong, and \
     `acspass setup` shows what must be registered and consented to";

impl Entra {
    /// See [`Entra::sign_in`].
    pub(super) async fn sign_in_by_paste(
        &self,
        asked: &Asked<'_>,
        redirect_uri: &PasteUri,
        reader: &Reader,
    ) -> Result<SignedIn> {
        let metadata = self.authority.discover(&self.http).await?;
        let attempt = Attempt::new();
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let redirect_uri = redirect_uri.as_str();
        let mode = ResponseMode::Query;
        let url = self.authorize_url(&metadata, asked, redirect_uri, mode, &attempt, challenge)?;
        (asked.way.tell)(&Notice::Address {
            url: &url,
            redirect_uri,
        });
        let pasting = self.paste(asked, reader, attempt.state.secret());
        let heard = tokio::time::timeout(asked.way.timeout, pasting)
            .await
            .unwrap_or_else(|_| Err(timed_out(asked.way.timeout, NOTHING_PASTED)))?;
        let (tokens, account) = self
            .finish(asked, &metadata, heard, verifier, redirect_uri, &attempt)
            .await?;
        Ok(SignedIn {
            tokens,
            account,
            page: None,
        })
    }

    async fn paste(&self, asked: &Asked<'_>, reader: &Reader, state: &str) -> Result<Heard> {
        for left in (0..TRIES).rev() {
            let Some(line) = reader().await? else {
                return Err(Error::new(
                    Kind::SignInRefused,
                    "nothing was pasted: standard input has ended",
                    "run the command at a terminal, or give it the address on standard input",
                ));
            };
            match read(line.expose(), state) {
                Ok(heard) => return Ok(heard),
                Err(why) => {
                    debug!(
                        "the pasted text of {} bytes is of no use",
                        line.expose().len()
                    );
                    (asked.way.tell)(&Notice::Unusable {
                        why,
                        tries_left: left,
                    });
                }
            }
        }
        Err(Error::new(
            Kind::SignInRefused,
            "what was pasted was not the sign-in's answer, three times",
            "run the command again; copy the whole address that the browser ends on, which holds \
             `code=`",
        ))
    }
}

/// Reads an address or a bare code, or says what is wrong with it.
///
/// A bare code brings no `state`; that it belongs to this sign-in, PKCE and the nonce ensure.
fn read(line: &str, state: &str) -> std::result::Result<Heard, &'static str> {
    let text = line.trim().trim_matches(['<', '>', '"', '\'']);
    if text.is_empty() {
        return Err("nothing was pasted");
    }
    // A browser may leave an empty fragment behind.
    let address = text.split('#').next().unwrap_or_default();
    let form = match address.split_once('?') {
        Some((_, query)) => query.to_owned(),
        None if text.contains("://") => {
            return Err(
                "that address carries no code: copy the one that the browser ends on, after \
                        the sign-in",
            );
        }
        None if address.starts_with("code=") || address.starts_with("error=") => address.to_owned(),
        // The end of an address, from the code on.
        None if address.contains('&') => format!("code={address}"),
        None => return bare_code(text),
    };
    let value = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(form.as_bytes());
        pairs.find_map(|(key, value)| (key == name).then_some(value))
    };
    if value("code").is_none() && value("error").is_none() {
        return Err(
            "that address carries no code: copy the one that the browser ends on, after the \
                    sign-in",
        );
    }
    if !value("state").is_some_and(|theirs| is_same_state(&theirs, state)) {
        return Err(
            "that is not the answer to this sign-in, but perhaps to an earlier one, or it \
                    is cut off",
        );
    }
    read_answer(form.as_bytes(), state).ok_or("that address is damaged")
}

fn bare_code(text: &str) -> std::result::Result<Heard, &'static str> {
    let is_code = (SHORTEST_CODE..=LONGEST_CODE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    match is_code {
        true => Ok(Heard {
            outcome: Callback::Code {
                code: AuthorizationCode::new(text),
                client_info: None,
            },
            issuer: None,
        }),
        false => Err("that is neither the browser's address nor the code in it"),
    }
}

/// What a reader brings; `None` where there is nothing more to read.
pub(super) type Line = Result<Option<Pasted>>;

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "1.AXoAmarkermarkermarkermarker-_";

    fn code_of(line: &str) -> Option<String> {
        match read(line, "st+te").ok()?.outcome {
            Callback::Code { code, .. } => Some(code.expose().to_owned()),
            Callback::Denied(_) => None,
        }
    }

    #[test]
    fn an_address_is_read_however_it_was_copied() {
        for line in [
            "http://localhost/?code=CODE&state=st%2Bte&session_state=x",
            "  http://localhost/?code=CODE&state=st%2Bte#\r\n",
            "<https://login.test/nativeclient?state=st%2Bte&code=CODE>",
            "\"myapp://auth?code=CODE&state=st%2Bte\"",
            "code=CODE&state=st%2Bte",
            "CODE&state=st%2Bte",
            "CODE",
            "CODE\n",
        ] {
            let line = line.replace("CODE", CODE);
            assert_eq!(code_of(&line).as_deref(), Some(CODE), "{line}");
        }
    }

    #[test]
    fn what_is_not_the_answer_is_refused_in_words_that_do_not_repeat_it() {
        for line in [
            "",
            "   ",
            "yes",
            "a few words that are not any code at all",
            "http://localhost/",
            "https://login.test/authorize?client_id=x&state=st%2Bte",
            "http://localhost/?code=CODE",
            "http://localhost/?code=CODE&state=other",
            "http://localhost/?code=CODE&state=st%2Bte&state=st%2Bte",
            "http://localhost/?code=CODE&code=CODE&state=st%2Bte",
            "CODE&session_state=x",
            "code\u{1b}[2Jmarkermarkermarkermarker",
        ] {
            let line = line.replace("CODE", CODE);
            let why = read(&line, "st+te").expect_err(&line);
            assert!(!why.contains("marker"), "{why}");
        }
    }

    #[test]
    fn a_refusal_is_an_answer_too() {
        let line = "http://localhost/?error=access_denied&error_subcode=cancel&state=st%2Bte";
        let heard = read(line, "st+te").expect("an answer");
        assert!(matches!(heard.outcome, Callback::Denied(_)));
    }
}
