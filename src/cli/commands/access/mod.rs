//! `access list`, `access grant` and `access revoke`: the assignments of the resource, by which users
//! get tokens without an access key.

mod principals;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::acs::{Assignment, GrantChange, Granted, PrincipalType, RevokeChange};
use crate::cli::args::{Access, AccessGrant, AccessList, AccessRevoke, Principal};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::config::with_source;
use crate::entra::check_client_id;
use crate::error::{Error, Result};
use crate::json;

use super::bulk::{each, exit_code};
use principals::{Prepared, Resolved};

/// The width of an object id and a gap, in columns.
const ID_COLUMNS: usize = 38;

pub(crate) fn run(command: &Access, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    match command {
        Access::List(args) => list(args, env, output),
        Access::Grant(args) => grant(args, env, output),
        Access::Revoke(args) => revoke(args, env, output),
    }
}

fn list(args: &AccessList, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = principals::context(&args.options, env)?;
    let prepared = Prepared::new(context, args.options.resolve, &args.users, false)?;
    let mut failed = Vec::new();
    let mut found: Vec<Assignment> = Vec::new();
    let mut ended = Ok(());
    if args.users.is_empty() {
        found = block_on(prepared.access.list())?;
    } else {
        let find = async |principal: &Resolved| prepared.access.find(&principal.object_id).await;
        let done = for_each(&prepared, ("Reading", false), find, &mut failed, env)?;
        ended = done.ended;
        for (principal, assignment) in done.results {
            match assignment {
                Some(assignment) => found.push(assignment),
                None => env
                    .messages
                    .print(&format!("{} has no assignment.", principal.name)),
            }
        }
    }
    let shown = found.iter().map(json::assignment);
    let json = json!({"value": shown.collect::<Vec<_>>(), "failed": failures(&prepared, &failed)});
    if output.is_json {
        output.print_json(&json)?;
    } else if found.is_empty() {
        if failed.is_empty() && ended.is_ok() {
            env.messages.print("No assignments.");
        }
    } else {
        let mut report = output.report();
        for assignment in &found {
            let apps = assignment.client_ids.join(", ");
            let text = format!(
                "{} of tenant {}, applications: {apps}",
                assignment.principal_type, assignment.tenant_id
            );
            report.row(&assignment.object_id, ID_COLUMNS, &text);
        }
        output.print_report(report)?;
    }
    finish(&prepared, ended, failed, "read", env, output)
}

fn grant(args: &AccessGrant, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let checked = args.client_id.iter().map(|id| check_app(id));
    let mut client_ids = checked.collect::<Result<Vec<_>>>()?;
    if args.options.resolve && args.principal != Principal::User {
        return Err(Error::usage(
            "--resolve looks up users only",
            "Pass object ids, without `--resolve`.",
        ));
    }
    let context = principals::context(&args.options, env)?;
    if client_ids.is_empty() {
        let application = context.config.application();
        let application = application
            .map_err(|error| error.with_hint("Add `--client-id GUID`, the application's."))?;
        client_ids.push(application.client_id);
    }
    let needs_tenant = args.principal != Principal::Tenant;
    let prepared = Prepared::new(context, args.options.resolve, &args.users, needs_tenant)?;
    let principal_type = match args.principal {
        Principal::User => PrincipalType::User,
        Principal::Group => PrincipalType::Group,
        Principal::Tenant => PrincipalType::Tenant,
        Principal::ResourceAccount => PrincipalType::ResourceAccount,
    };
    let grant = async |principal: &Resolved| {
        let wanted = Assignment {
            object_id: principal.object_id.clone(),
            // The object id of a tenant is the tenant's own.
            tenant_id: match args.principal {
                Principal::Tenant => principal.object_id.clone(),
                _ => prepared.tenant_id.clone().unwrap_or_default(),
            },
            principal_type: principal_type.clone(),
            client_ids: client_ids.clone(),
        };
        prepared.access.grant(&wanted).await
    };
    let mut failed = Vec::new();
    let Done { results, ended } = for_each(&prepared, ("Granting", true), grant, &mut failed, env)?;
    let shown = results.iter().map(|(principal, granted)| {
        let mut json = json::assignment(&granted.assignment);
        json["change"] = json!(granted.change.as_str());
        principal.add_name(json)
    });
    let json = json!({
        "granted": shown.collect::<Vec<_>>(),
        "failed": failures(&prepared, &failed),
    });
    output.print_result(&object_ids(&results), &json)?;
    let unchanged = |granted: &Granted| granted.change == GrantChange::Unchanged;
    let count = results
        .iter()
        .filter(|(_, granted)| unchanged(granted))
        .count();
    match &results[..] {
        [(principal, granted)] => env.messages.print(&match granted.change {
            GrantChange::Created => format!("Granted access to {}.", principal.name),
            GrantChange::Updated => format!(
                "Granted access to {} for a further application.",
                principal.name
            ),
            GrantChange::Unchanged => {
                format!(
                    "{} already has this access. Nothing changed.",
                    principal.name
                )
            }
        }),
        [] => {}
        all => env.messages.print(&format!(
            "Granted access to {} principals. {count} already had it.",
            all.len() - count
        )),
    }
    if args.principal == Principal::Group && !results.is_empty() {
        env.messages.print(
            "A group also needs Entra ID P1 or P2, and an assignment to the enterprise application \
             Azure Communication Services Clients in its tenant. `acspass setup` prints the commands.",
        );
    }
    finish(&prepared, ended, failed, "granted access", env, output)
}

fn revoke(args: &AccessRevoke, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let checked = args.client_id.iter().map(|id| check_app(id));
    let client_ids = checked.collect::<Result<Vec<_>>>()?;
    let context = principals::context(&args.options, env)?;
    let prepared = Prepared::new(context, args.options.resolve, &args.users, false)?;
    let revoke = async |principal: &Resolved| {
        let access = &prepared.access;
        access.revoke(&principal.object_id, &client_ids).await
    };
    let mut failed = Vec::new();
    let Done { results, ended } =
        for_each(&prepared, ("Revoking", false), revoke, &mut failed, env)?;
    let shown = results.iter().map(|(principal, change)| {
        let json = json!({"objectId": principal.object_id, "change": change.as_str()});
        principal.add_name(json)
    });
    let json = json!({
        "revoked": shown.collect::<Vec<_>>(),
        "failed": failures(&prepared, &failed),
    });
    output.print_result(&object_ids(&results), &json)?;
    let absent = |change: &RevokeChange| *change == RevokeChange::Absent;
    let count = results.iter().filter(|(_, change)| absent(change)).count();
    match &results[..] {
        [(principal, change)] => env.messages.print(&match change {
            RevokeChange::Deleted => format!("Revoked the access of {}.", principal.name),
            RevokeChange::Updated => format!(
                "Revoked the access of {} for this application. It keeps the access for others.",
                principal.name
            ),
            RevokeChange::Absent => {
                format!("{} has no such access. Nothing changed.", principal.name)
            }
        }),
        [] => {}
        all => env.messages.print(&format!(
            "Revoked the access of {} principals. {count} had none.",
            all.len() - count
        )),
    }
    if count < results.len() {
        env.messages
            .print("Tokens that were issued before stay valid until they expire.");
    }
    finish(&prepared, ended, failed, "revoked", env, output)
}

type Failures = Vec<(usize, Error)>;

/// What a command has done.
struct Done<T> {
    /// The results, in the order of the input.
    results: Vec<(Resolved, T)>,
    /// An error that ended the command before its end.
    ended: Result<()>,
}

/// Looks up each principal and runs `work` for it; `is_grant` is that of [`Prepared::resolve`].
fn for_each<T>(
    prepared: &Prepared,
    (doing, is_grant): (&'static str, bool),
    work: impl AsyncFn(&Resolved) -> Result<T>,
    failed: &mut Failures,
    env: &Environment,
) -> Result<Done<T>> {
    let mut done: Vec<(usize, (Resolved, T))> = Vec::new();
    let both = async |number: usize| {
        let principal = prepared.resolve(number, is_grant).await?;
        let result = work(&principal).await?;
        Ok((principal, result))
    };
    let take = |number, result| {
        done.push((number, result));
        Ok(())
    };
    let count = prepared.count();
    let ended = block_on(each(env, doing, count, both, take, failed));
    done.sort_unstable_by_key(|(number, _)| *number);
    failed.sort_by_key(|(number, _)| *number);
    // The error of the only argument needs no list.
    if count == 1
        && !prepared.is_list
        && let Some((_, error)) = failed.pop()
    {
        return Err(error);
    }
    let results = done.into_iter().map(|(_, result)| result).collect();
    Ok(Done { results, ended })
}

fn failures(prepared: &Prepared, failed: &Failures) -> Vec<Value> {
    let failed = failed.iter();
    failed
        .map(|(number, error)| json!({"id": prepared.shown(*number), "error": error.message()}))
        .collect()
}

fn object_ids<T>(results: &[(Resolved, T)]) -> String {
    let ids: Vec<&str> = results
        .iter()
        .map(|(it, _)| it.object_id.as_str())
        .collect();
    ids.join("\n")
}

/// Lists the failures. Returns the exit code of the first one.
fn finish(
    prepared: &Prepared,
    ended: Result<()>,
    failed: Failures,
    what: &str,
    env: &Environment,
    output: &Output,
) -> Result<u8> {
    for (number, error) in &failed {
        env.messages
            .print(&format!("{}: {error}", prepared.shown(*number)));
    }
    let count = prepared.count();
    let total = format!("{} of {count} principals were not {what}", failed.len());
    exit_code(ended, &total, &failed, output)
}

fn check_app(id: &str) -> Result<String> {
    check_client_id(id).map_err(|error| with_source(error, "--client-id"))
}
