//! `user create` and `user delete`, for one identity or many.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::acs::{CommunicationUserId, CreatedUser, TokenLifetime, TokenScope};
use crate::cli::args::UserCreate;
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::error::{Error, Kind, Result};
use crate::input;
use crate::json;
use crate::text::shown;

use super::bulk::{each, exit_code, read_list};
use super::token::{cut_short, print_created};

pub(crate) fn create(args: &UserCreate, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let lifetime = args.valid_for.map(TokenLifetime::new).transpose()?;
    let scopes = TokenScope::list(&args.scope)?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    let create = async |_: usize| match scopes.as_slice() {
        [] => {
            let id = client.create_user().await?;
            Ok(CreatedUser { id, token: None })
        }
        scopes => client.create_user_with_token(scopes, lifetime).await,
    };
    let Some(count) = args.count else {
        let created = block_on(create(0)).map_err(cut_short)?;
        return print_created(&created, env, output);
    };
    let mut failed = Vec::new();
    let mut listed: Vec<Value> = Vec::new();
    let take = |_, created: CreatedUser| {
        if output.is_json {
            listed.push(json::created(&created, env.clock.now()));
            return Ok(());
        }
        // An id is printed as soon as it exists, so that an interruption loses none.
        print_created(&created, env, output)?;
        match output.is_closed {
            false => Ok(()),
            true => Err(Error::new(
                Kind::Interrupted,
                "the reader of standard output closed it, and no more identities are created",
                "Write the ids to a file, or read all of them.",
            )),
        }
    };
    let work = each(env, "Creating", count as usize, create, take, &mut failed);
    let ended = block_on(work);
    if output.is_json {
        let errors = failed.iter();
        let errors: Vec<Value> = errors
            .map(|(_, error)| json!({"error": error.message()}))
            .collect();
        output.print_result("", &json!({"created": listed, "failed": errors}))?;
    }
    let total = format!("{} of {count} identities were not created", failed.len());
    exit_code(ended, &total, &failed, output)
}

pub(crate) fn delete(id: &str, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    if id == "-" {
        return delete_listed(env, output);
    }
    let user = CommunicationUserId::parse(id)?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    block_on(client.delete_user(&user)).map_err(cut_short)?;
    env.messages.print(&format!("Deleted {user}."));
    output.print_result("", &json!({}))
}

fn delete_listed(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    if env.stdin.is_terminal {
        env.messages.print(
            "Type or paste ids, one per line, then press Ctrl-D. Nothing is deleted before that.",
        );
    }
    let ids = read_ids(env)?;
    let context = Context::new(env, &Flags::new())?;
    let client = context.identity_client()?;
    let count = ids.len();
    let (mut deleted, mut failed) = (Vec::new(), Vec::new());
    let delete = async |line: usize| {
        let user = CommunicationUserId::parse(&ids[line])?;
        client.delete_user(&user).await
    };
    let take = |line, ()| {
        deleted.push(line);
        Ok(())
    };
    let ended = block_on(each(env, "Deleting", count, delete, take, &mut failed));
    // Responses arrive in any order. Results and the first failure are in the order of the lines.
    deleted.sort_unstable();
    failed.sort_by_key(|(line, _)| *line);
    let deleted: Vec<&str> = deleted.iter().map(|line| ids[*line].as_str()).collect();
    let errors = failed.iter();
    let errors =
        errors.map(|(line, error)| json!({"id": shown(&ids[*line]), "error": error.message()}));
    let json = json!({"deleted": deleted, "failed": errors.collect::<Vec<Value>>()});
    output.print_result(&deleted.join("\n"), &json)?;
    for (line, error) in &failed {
        env.messages
            .print(&format!("{}: {error}", shown(&ids[*line])));
    }
    let total = format!("{} of {count} identities were not deleted", failed.len());
    exit_code(ended, &total, &failed, output)
}

fn read_ids(env: &Environment) -> Result<Vec<String>> {
    let example = "Pipe in ids, one per line, as `acspass user create` prints them.";
    read_list(env, example).map(|text| input::ids(&text))
}
