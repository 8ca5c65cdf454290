//! `user create` and `user delete`, for one identity or many.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::acs::{CommunicationUserId, CreatedUser};
use crate::cli::args::{UserCreate, UserDelete};
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::error::{Error, Result};
use crate::input;
use crate::json;
use crate::text::shown;

use super::bulk;
use super::token::{print_created, scopes_and_lifetime};

/// Longest list of ids that is read, in bytes: half a million ids.
const LONGEST: u64 = 64 * 1024 * 1024;

pub(super) fn create(args: &UserCreate, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let (scopes, lifetime) = scopes_and_lifetime(&args.scope, args.valid_for)?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    let one = async || match scopes.as_slice() {
        [] => {
            let id = client.create_user().await?;
            Ok(CreatedUser { id, token: None })
        }
        scopes => client.create_user_with_token(scopes, lifetime).await,
    };
    let Some(count) = args.count else {
        let created = block_on(one()).map_err(bulk::cut_short)?;
        print_created(&created, env, output)?;
        return Ok(0);
    };
    let progress = bulk::progress_bar(env, u64::from(count), "creating");
    let mut failed: Vec<Error> = Vec::new();
    let mut listed: Vec<Value> = Vec::new();
    let take = |outcome: Result<CreatedUser>| {
        progress.inc(1);
        match outcome {
            Ok(created) if output.is_json => {
                listed.push(json::created(&created, env.clock.now()));
                Ok(())
            }
            // An id is printed as soon as it exists, so that an interruption loses none.
            Ok(created) => {
                print_created(&created, env, output)?;
                bulk::stop_if_closed(output)
            }
            Err(error) => bulk::add_failure(error, &mut failed),
        }
    };
    let ended = block_on(bulk::each(0..count, async |_| one().await, take));
    progress.finish_and_clear();
    if output.is_json {
        let errors = failed.iter().map(|error| json!({"error": error.message()}));
        let errors: Vec<Value> = errors.collect();
        output.result("", &json!({"created": listed, "failed": errors}))?;
    }
    let total = format!("{} of {count} identities were not created", failed.len());
    bulk::outcome(ended, &total, failed, output)
}

pub(super) fn delete(args: &UserDelete, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    if args.id == "-" {
        return delete_listed(env, output);
    }
    let user = CommunicationUserId::parse(&args.id)?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    block_on(client.delete_user(&user)).map_err(bulk::cut_short)?;
    env.messages.print(&format!("{user} is deleted"));
    output.success("", &json!({}))
}

fn delete_listed(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    if env.stdin.is_terminal {
        env.messages
            .print("type or paste ids, one a line, then press Ctrl-D; nothing is deleted before");
    }
    let ids = read_ids(env)?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    let count = ids.len();
    let progress = bulk::progress_bar(env, count as u64, "deleting");
    let (mut deleted, mut failed) = (Vec::new(), Vec::new());
    let delete = async |(line, id): (usize, String)| {
        let outcome = match CommunicationUserId::parse(&id) {
            Ok(user) => client.delete_user(&user).await,
            Err(error) => Err(error),
        };
        (line, id, outcome)
    };
    let take = |(line, id, outcome): (usize, String, Result<()>)| {
        progress.inc(1);
        match outcome {
            Ok(()) => deleted.push((line, id)),
            Err(error) => {
                let wall = bulk::stop_if_hopeless(&error);
                failed.push((line, id, error));
                return wall;
            }
        }
        Ok(())
    };
    let ended = block_on(bulk::each(ids.into_iter().enumerate(), delete, take));
    progress.finish_and_clear();
    // Responses arrive in any order. Results and the first failure are in the order of the lines.
    deleted.sort();
    failed.sort_by_key(|(line, ..)| *line);
    let deleted: Vec<String> = deleted.into_iter().map(|(_, id)| id).collect();
    let errors = failed.iter();
    let errors: Vec<Value> = errors
        .map(|(_, id, error)| json!({"id": shown(id), "error": error.message()}))
        .collect();
    let json = json!({"deleted": deleted, "failed": errors});
    output.result(&deleted.join("\n"), &json)?;
    for (_, id, error) in &failed {
        env.messages.print(&format!("{}: {error}", shown(id)));
    }
    let total = format!("{} of {count} identities were not deleted", failed.len());
    let errors = failed.into_iter().map(|(_, _, error)| error).collect();
    bulk::outcome(ended, &total, errors, output)
}

fn read_ids(env: &Environment) -> Result<Vec<String>> {
    let unreadable = |what: &str| {
        Error::usage(
            format!("the list of ids cannot be read: {what}"),
            "pipe in ids, one a line, as `acspass user create` prints them",
        )
    };
    let bytes = env.stdin.read_all(LONGEST);
    let bytes = bytes.map_err(|cause| unreadable("standard input fails").caused_by(cause))?;
    if bytes.len() as u64 > LONGEST {
        return Err(unreadable("it is longer than 64 MiB"));
    }
    match input::text(&bytes) {
        Some(text) => Ok(input::ids(&text)),
        None => Err(unreadable("standard input is not text in UTF-8 or UTF-16")),
    }
}
