//! Secrets and lists from a file or standard input, never from an argument.

use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::environment::Environment;
use crate::error::{Error, Result};
use crate::input;
use crate::jwt;
use crate::secret::is_b64token;
use crate::text::quoted;

/// Longest input that is read, in bytes.
const LONGEST: u64 = 256 * 1024;

/// Reads the token in `file`, or on standard input without a file or for `-`. Removes what tools add
/// around it, see [`input::token`].
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if the input is not one token, or if the name of the file is one.
pub(super) fn read(file: Option<&Path>, env: &Environment) -> Result<Zeroizing<String>> {
    let text = match file.filter(|path| *path != Path::new("-")) {
        None => {
            if env.stdin.is_terminal {
                env.messages
                    .print("paste the token, then press Enter and Ctrl-D; Ctrl-C ends it");
            }
            text_of(env.stdin.read_all(LONGEST), "standard input")?
        }
        Some(path) if is_a_token(path) => {
            return Err(Error::usage(
                "a token was given as the argument, where every process of this machine sees it",
                "pipe it in instead, or name a file that holds it",
            ));
        }
        Some(path) => {
            let file = std::fs::File::open(path).map_err(|error| {
                Error::usage(
                    "the file with the token cannot be opened",
                    "name a file that holds a token, or pipe the token in",
                )
                .caused_by(error)
            })?;
            let mut bytes = Zeroizing::new(Vec::new());
            let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
            text_of(read.map(|_| bytes), &quoted(&path.to_string_lossy()))?
        }
    };
    match &*input::token(&text) {
        "" => Err(Error::usage(
            "there is no token: what was read is empty",
            "pipe one in, like `acspass get | acspass inspect`, or name a file that holds one",
        )),
        token if is_b64token(token) => Ok(Zeroizing::new(token.to_owned())),
        _ => Err(Error::usage(
            "what was read is not one token: it has characters that no token has",
            "pass the token as it was issued, and nothing else",
        )),
    }
}

/// Whether a path has the form of a token, and no file has that name.
fn is_a_token(path: &Path) -> bool {
    let Some(text) = path.to_str() else {
        return false;
    };
    let looks_like_one = jwt::decode(text).is_some()
        || (text.len() > 80 && !text.contains(['/', '\\', ' ']) && text.contains('.'));
    looks_like_one && !path.exists()
}

fn text_of(bytes: std::io::Result<Zeroizing<Vec<u8>>>, name: &str) -> Result<Zeroizing<String>> {
    let failed = |what: &str| {
        Error::usage(
            format!("no token can be read from {name}: {what}"),
            "pipe in one token and nothing else",
        )
    };
    let bytes = bytes.map_err(|cause| failed("reading fails").caused_by(cause))?;
    if bytes.len() as u64 > LONGEST {
        return Err(failed("it is longer than 256 KiB"));
    }
    input::text(&bytes).ok_or_else(|| failed("it is not text in UTF-8 or UTF-16"))
}
