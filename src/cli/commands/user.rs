//! `user create` and `user delete`, one or many.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::acs::{CommunicationUserId, CreatedUser};
use crate::cli::Stdin;
use crate::cli::args::{UserCreate, UserDelete};
use crate::cli::context::{Context, Environment};
use crate::cli::output::Output;
use crate::error::{Error, Kind, Result};
use crate::input;
use crate::json;
use crate::text::shown;

use super::bulk::{self, Progress};
use super::token::{created_text, wanted};

/// Longest list of ids that is read, in bytes: half a million ids.
const LONGEST: u64 = 64 * 1024 * 1024;

pub(super) fn create(args: &UserCreate, env: &Environment, output: &mut Output) -> Result<u8> {
    let (scopes, lifetime) = wanted(&args.scope, args.valid_for)?;
    let context = Context::new(env, &BTreeMap::new())?;
    let client = context.identity_client()?;
    let one = async || match scopes.as_slice() {
        [] => client
            .create_user()
            .await
            .map(|id| CreatedUser { id, token: None }),
        scopes => client.create_user_with_token(scopes, lifetime).await,
    };
    let Some(count) = args.count else {
        let created = context.block_on(one()).map_err(bulk::cut_short)?;
        output.result(
            &created_text(&created),
            &json::created(&created, env.clock.now()),
        )?;
        return Ok(0);
    };
    let progress = Progress::new(env, u64::from(count), "creating");
    let mut failed: Vec<Error> = Vec::new();
    let mut listed: Vec<Value> = Vec::new();
    let ended = context.block_on(bulk::each(
        0..count,
        async |_| one().await,
        |outcome| {
            progress.step();
            match outcome {
                Ok(created) if output.is_json => {
                    listed.push(json::created(&created, env.clock.now()))
                }
                // An id is printed as soon as it exists, so that none is lost to an interruption.
                Ok(created) => {
                    output.result(&created_text(&created), &Value::Null)?;
                    bulk::stop_unread(output)?;
                }
                Err(error) => {
                    let wall = bulk::stop_at_wall(&error);
                    failed.push(error);
                    wall?;
                }
            }
            Ok(())
        },
    ));
    progress.end();
    if output.is_json {
        let errors: Vec<Value> = failed
            .iter()
            .map(|e| json!({"error": e.message()}))
            .collect();
        output.result("", &json!({"created": listed, "failed": errors}))?;
    }
    let total = format!("{} of {count} identities were not created", failed.len());
    bulk::outcome(ended, &total, failed, output)
}

pub(super) fn delete(
    args: &UserDelete,
    env: &Environment,
    stdin: Stdin,
    output: &mut Output,
) -> Result<u8> {
    if args.id == "-" {
        return delete_listed(env, stdin, output);
    }
    let user = CommunicationUserId::parse(&args.id)?;
    let context = Context::new(env, &BTreeMap::new())?;
    let client = context.identity_client()?;
    context
        .block_on(client.delete_user(&user))
        .map_err(bulk::cut_short)?;
    output.messages().print(&format!("{user} is deleted"));
    output.result("", &json!({}))?;
    Ok(0)
}

fn delete_listed(env: &Environment, stdin: Stdin, output: &mut Output) -> Result<u8> {
    if stdin.is_terminal {
        output
            .messages()
            .print("type or paste ids, one a line, then press Ctrl-D; nothing is deleted before");
    }
    let ids = read_ids(stdin)?;
    let context = Context::new(env, &BTreeMap::new())?;
    let client = context.identity_client()?;
    let progress = Progress::new(env, ids.len() as u64, "deleting");
    let (mut deleted, mut failed) = (Vec::new(), Vec::new());
    let delete = async |(line, id): (usize, String)| {
        let outcome = match CommunicationUserId::parse(&id) {
            Ok(user) => client.delete_user(&user).await,
            Err(error) => Err(error),
        };
        (line, id, outcome)
    };
    let count = ids.len();
    let numbered = ids.into_iter().enumerate();
    let ended = context.block_on(bulk::each(numbered, delete, |(line, id, outcome)| {
        progress.step();
        match outcome {
            Ok(()) => deleted.push((line, id)),
            Err(error) => {
                let wall = bulk::stop_at_wall(&error);
                failed.push((line, id, error));
                return wall;
            }
        }
        Ok(())
    }));
    progress.end();
    // Answers overtake each other; what is listed, and which failure is the first, goes by line.
    deleted.sort();
    failed.sort_by_key(|(line, ..)| *line);
    let deleted: Vec<String> = deleted.into_iter().map(|(_, id)| id).collect();
    let errors: Vec<Value> = failed
        .iter()
        .map(|(_, id, error)| json!({"id": shown(id), "error": error.message()}))
        .collect();
    output.result(
        &deleted.join("\n"),
        &json!({"deleted": deleted, "failed": errors}),
    )?;
    for (_, id, error) in &failed {
        output.messages().print(&format!("{}: {error}", shown(id)));
    }
    let total = format!("{} of {count} identities were not deleted", failed.len());
    let errors = failed.into_iter().map(|(_, _, error)| error).collect();
    bulk::outcome(ended, &total, errors, output)
}

fn read_ids(stdin: Stdin) -> Result<Vec<String>> {
    let unreadable = |what: &str| {
        Error::new(
            Kind::Usage,
            format!("the list of ids cannot be read: {what}"),
            "pipe in ids, one a line, as `acspass user create` prints them",
        )
    };
    // A token between the ids is wiped with the rest.
    let mut bytes = Zeroizing::new(Vec::new());
    let mut source = stdin.source.take(LONGEST + 1);
    source
        .read_to_end(&mut bytes)
        .map_err(|cause| unreadable("standard input fails").caused_by(cause))?;
    if bytes.len() as u64 > LONGEST {
        return Err(unreadable("it is longer than 64 MiB"));
    }
    match input::text(&bytes) {
        Some(text) => Ok(input::ids(&text)),
        None => Err(unreadable("standard input is not text in UTF-8 or UTF-16")),
    }
}
