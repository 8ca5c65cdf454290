//! `emulator token`: prints a token that a running emulator forged.

use serde_json::{Map, Value, json};

use super::remote::remote;
use crate::cli::args::{EmulatorToken, ForgedKind, ForgedSignature};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::error::Result;

pub(crate) fn run(args: &EmulatorToken, env: &Environment, output: &mut Output) -> Result<u8> {
    let forged = remote(env)?.change("POST", "/tokens", Some(&wanted(args)))?;
    output.print_result(forged["token"].as_str().unwrap_or_default(), &forged)
}

fn wanted(args: &EmulatorToken) -> Value {
    let kind = match args.kind {
        ForgedKind::Entra => "entraAccessToken",
        ForgedKind::Id => "idToken",
        ForgedKind::Communication => "communicationToken",
    };
    let signature = match args.signature {
        None => "none",
        Some(ForgedSignature::Bad) => "bad",
        Some(ForgedSignature::OtherKey) => "otherKey",
    };
    let mut wanted = json!({
        "kind": kind,
        "claims": args.claims.iter().cloned().collect::<Map<_, _>>(),
        "expired": args.expired,
        "wrongAudience": args.wrong_audience,
        "signature": signature,
    });
    if let Some(user) = &args.user {
        wanted["user"] = json!(user);
    }
    if let Some(identity) = &args.identity {
        wanted["identity"] = json!(identity);
    }
    if !args.scopes.is_empty() {
        wanted["scopes"] = json!(args.scopes);
    }
    wanted
}
