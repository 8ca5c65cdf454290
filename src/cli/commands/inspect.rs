//! `inspect`: what a token says of itself. Nothing is verified.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::cli::Stdin;
use crate::cli::args::Inspect;
use crate::cli::context::Environment;
use crate::cli::output::Output;

use super::token_input;
use crate::error::{Error, Kind, Result};
use crate::jwt;
use crate::text::one_line;
use crate::time::{Timestamp, in_words};

pub(super) fn run(
    args: &Inspect,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<u8> {
    let text = token_input::read(args.file.as_deref(), stdin, output.messages())?;
    let decoded = jwt::decode(text.trim()).ok_or_else(|| {
        Error::new(
            Kind::Usage,
            "this is not a token that can be read: not three Base64url parts of JSON",
            "an opaque token is as good as any, but there is nothing to show of it",
        )
    })?;
    let expires_on = time(&decoded.claims, "exp");
    output
        .messages()
        .print("nothing was verified: no signature, no issuer, no expiry");
    let now = env.clock.now();
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

fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    claims.get(name)?.as_i64().map(Timestamp::from_unix_seconds)
}

fn list(shown: &mut String, members: &Map<String, Value>, now: Timestamp) {
    for (name, value) in members {
        let value_text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let name = one_line(name, 64);
        let _ = write!(shown, "  {name:<16} {}", one_line(&value_text, 4096));
        if matches!(name.as_str(), "exp" | "iat" | "nbf" | "auth_time")
            && let Some(at) = time(members, &name)
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
