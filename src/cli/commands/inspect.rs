//! `inspect`: prints header and claims of a token. Verifies nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cli::environment::Environment;
use crate::cli::hints::global_options::GlobalOptions;
use crate::cli::io::local_time::LocalTimes;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::error::{Error, Result};
use crate::input;
use crate::jwt;
use crate::secret::is_b64token;
use crate::text::{one_line, quoted};
use crate::time::Timestamp;

/// Longest input that is read, in bytes.
const MAX_INPUT_BYTES: u64 = 256 * 1024;

pub(crate) fn run(file: Option<&Path>, env: &Environment, output: &mut Output) -> Result<u8> {
    let text = read_token(file, env, "acspass get | acspass inspect")?;
    let decoded = jwt::decode(text.trim()).ok_or_else(|| {
        Error::usage(
            "the token has no readable content: it does not consist of three Base64url parts of JSON",
            "Run `acspass get | acspass inspect`, or name a file with a JSON Web Token. An opaque \
             token can be valid, but has nothing to show.",
        )
    })?;
    let expires_on = time(&decoded.claims, "exp").map(|at| at.to_string());
    env.messages
        .print("Not verified: signature, issuer and expiry.");
    let times = env.local_times(env.clock.now());
    let (header, claims) = (decoded.header, decoded.claims);
    if output.is_json {
        let json = json!({"header": header, "claims": claims, "expiresOn": expires_on});
        return output.print_json(&json);
    }
    // Claims are shown as they are.
    let mut report = output
        .report()
        .with_global_options(GlobalOptions::default());
    report.heading("header");
    add_rows(&mut report, &header, &times);
    report.heading("claims");
    add_rows(&mut report, &claims, &times);
    output.print_report(report)
}

fn time(claims: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    claims.get(name)?.as_i64().map(Timestamp::from_unix_seconds)
}

/// The width of the names of members, in columns.
const NAME_COLUMNS: usize = 19;

/// Adds a row for each member, with the age of a time.
fn add_rows(report: &mut Report, members: &Map<String, Value>, times: &LocalTimes) {
    for (name, value) in members {
        let value = match value {
            Value::String(value) => value.clone(),
            other => other.to_string(),
        };
        let name = one_line(name, 64);
        let mut text = one_line(&value, 4096);
        if matches!(name.as_str(), "exp" | "iat" | "nbf" | "auth_time")
            && let Some(at) = time(members, &name)
        {
            text.push_str(&format!("  ({})", times.with_age(at)));
        }
        report.row(&format!("  {name}"), NAME_COLUMNS, &text);
    }
}

/// Reads the token in `file`, or on standard input without a file or for `-`; a token on the command
/// line was refused before. Removes what tools add around it, see [`input::token`]. `example` is a
/// command for the hints, which pipes a token in.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) if the input is not one token, or if the name of the file is one.
pub(super) fn read_token(
    file: Option<&Path>,
    env: &Environment,
    example: &str,
) -> Result<Zeroizing<String>> {
    let (name, bytes) = match file.filter(|path| *path != Path::new("-")) {
        None => {
            if env.stdin.is_terminal {
                env.messages
                    .print("Paste the token, then press Enter and Ctrl-D. Ctrl-C cancels.");
            }
            (
                "standard input".to_owned(),
                env.stdin.read_all(MAX_INPUT_BYTES),
            )
        }
        Some(path) if is_a_token(path) => {
            return Err(Error::usage(
                "a token was passed as an argument, which every process on this machine can read",
                format!("Run `{example}`, or pass the name of a file that contains a token."),
            ));
        }
        Some(path) => {
            let file = File::open(path).map_err(|error| {
                Error::usage(
                    format!(
                        "could not open the file {}",
                        quoted(&path.to_string_lossy())
                    ),
                    format!("Pass the name of a file that contains a token, or run `{example}`."),
                )
                .caused_by(error)
            })?;
            let mut bytes = Zeroizing::new(Vec::new());
            let read = file.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes);
            (quoted(&path.to_string_lossy()), read.map(|_| bytes))
        }
    };
    let one_token =
        format!("Run `{example}`, or name a file that contains one token and no other text.");
    let unreadable = |what: &str| {
        Error::usage(
            format!("could not read a token from {name}: {what}"),
            &one_token,
        )
    };
    let bytes = bytes.map_err(|cause| unreadable("reading failed").caused_by(cause))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(unreadable("it is larger than 256 KiB"));
    }
    let text = input::text(&bytes);
    let text = text.ok_or_else(|| unreadable("it is not text in UTF-8 or UTF-16"))?;
    match &*input::token(&text) {
        "" => Err(Error::usage(
            format!("there is no token: {name} is empty"),
            &one_token,
        )),
        token if is_b64token(token) => Ok(Zeroizing::new(token.to_owned())),
        _ => Err(Error::usage(
            format!("{name} is not one token: it contains a character that no token has"),
            &one_token,
        )),
    }
}

/// Returns whether a path has the form of a token, and no file has that name.
fn is_a_token(path: &Path) -> bool {
    let Some(text) = path.to_str() else {
        return false;
    };
    let looks_like_one = jwt::decode(text).is_some()
        || (text.len() > 80 && !text.contains(['/', '\\', ' ']) && text.contains('.'));
    looks_like_one && !path.exists()
}
