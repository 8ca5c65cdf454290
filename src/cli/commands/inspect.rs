//! `inspect`: what a token says of itself. Nothing is verified.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cli::Stdin;
use crate::cli::args::Inspect;
use crate::cli::output::Output;
use crate::cli::parts::World;
use crate::error::{Error, Kind, Result};
use crate::jwt;
use crate::time::{Timestamp, in_words};

/// Longest input that is read, in bytes.
const LONGEST: u64 = 256 * 1024;

pub(super) fn run(args: &Inspect, world: &World, stdin: Stdin, output: &mut Output) -> Result<u8> {
    let text = match args.file.as_deref() {
        None => read(stdin.source)?,
        Some(path) if path == Path::new("-") => read(stdin.source)?,
        Some(path) if is_a_token(path) => {
            return Err(Error::new(
                Kind::Usage,
                "a token was given as the argument, where every process of this machine sees it",
                "pipe it in instead: acspass get | acspass inspect",
            ));
        }
        Some(path) => read(std::fs::File::open(path).map_err(|error| {
            Error::new(
                Kind::Usage,
                "the file with the token cannot be opened",
                "name a file that holds a token, or pipe the token in",
            )
            .caused_by(error)
        })?)?,
    };
    let decoded = jwt::decode(text.trim()).ok_or_else(|| {
        Error::new(
            Kind::Usage,
            "this is not a token that can be read: not three Base64url parts of JSON",
            "an opaque token is as good as any, but there is nothing to show of it",
        )
    })?;
    let expires_on = time(&decoded.claims, "exp");
    output
        .talk()
        .say("nothing was verified: no signature, no issuer, no expiry");
    let now = world.clock.now();
    let mut shown = String::from("header\n");
    list(&mut shown, &decoded.header, now);
    shown.push_str("claims\n");
    list(&mut shown, &decoded.claims, now);
    let json = json!({
        "header": decoded.header,
        "claims": decoded.claims,
        "expiresOn": expires_on.map(|at| at.to_string()),
    });
    output.result(shown.trim_end(), &json)?;
    Ok(0)
}

/// A path with the form of a token, and no file of that name.
fn is_a_token(path: &Path) -> bool {
    let Some(text) = path.to_str() else {
        return false;
    };
    let looks_like_one = jwt::decode(text).is_some()
        || (text.len() > 80 && !text.contains(['/', '\\', ' ']) && text.contains('.'));
    looks_like_one && !path.exists()
}

fn read(source: impl Read) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let failed = |what: &str| {
        Error::new(
            Kind::Usage,
            format!("the token cannot be read: {what}"),
            "pipe in one token and nothing else",
        )
    };
    source
        .take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|_| failed("it is not text"))?;
    match text.len() as u64 > LONGEST {
        true => Err(failed("it is longer than 256 KiB")),
        false => Ok(text),
    }
}

fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    claims.get(name)?.as_i64().map(Timestamp::from_unix_seconds)
}

fn list(shown: &mut String, members: &Map<String, Value>, now: Timestamp) {
    for (name, value) in members {
        let value_text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let _ = write!(shown, "  {name:<16} {}", value_text.replace('\n', " "));
        if matches!(name.as_str(), "exp" | "iat" | "nbf" | "auth_time")
            && let Some(at) = time(members, name)
        {
            let words = match at > now {
                true => format!("in {}", in_words(at.since(now))),
                false => format!("{} ago", in_words(now.since(at))),
            };
            let _ = write!(shown, "  ({at}, {words})");
        }
        shown.push('\n');
    }
}
