//! `inspect`: prints header and claims of a token. Verifies nothing.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::cli::args::Inspect;
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::{Error, Result};
use crate::jwt;
use crate::text::one_line;
use crate::time::{Timestamp, in_words};

use super::token_input;

pub(super) fn run(args: &Inspect, env: &Environment, output: &mut Output) -> Result<u8> {
    let text = token_input::read(args.file.as_deref(), env)?;
    let decoded = jwt::decode(text.trim()).ok_or_else(|| {
        Error::usage(
            "this is not a token that can be read: not three Base64url parts of JSON",
            "an opaque token is as good as any, but there is nothing to show of it",
        )
    })?;
    let expires_on = time(&decoded.claims, "exp");
    env.messages
        .print("nothing was verified: no signature, no issuer, no expiry");
    let now = env.clock.now();
    let mut text = String::from("header\n");
    list(&mut text, &decoded.header, now);
    text.push_str("claims\n");
    list(&mut text, &decoded.claims, now);
    let json = json!({
        "header": decoded.header,
        "claims": decoded.claims,
        "expiresOn": expires_on.map(|at| at.to_string()),
    });
    output.success(text.trim_end(), &json)
}

fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    claims.get(name)?.as_i64().map(Timestamp::from_unix_seconds)
}

fn list(text: &mut String, members: &Map<String, Value>, now: Timestamp) {
    for (name, value) in members {
        let value = match value {
            Value::String(value) => value.clone(),
            other => other.to_string(),
        };
        let name = one_line(name, 64);
        let _ = write!(text, "  {name:<16} {}", one_line(&value, 4096));
        if matches!(name.as_str(), "exp" | "iat" | "nbf" | "auth_time")
            && let Some(at) = time(members, &name)
        {
            let _ = match at > now {
                true => write!(text, "  ({at}, in {})", in_words(at.since(now))),
                false => write!(text, "  ({at}, {} ago)", in_words(now.since(at))),
            };
        }
        text.push('\n');
    }
}
