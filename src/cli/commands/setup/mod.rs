//! `setup`: prints how to register the application and grant consent, with the configured values.
//! Sends no request and changes nothing.

mod plan;
mod service;

use std::sync::Arc;

use serde_json::json;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::io::report::Report;
use crate::config::Setting;
use crate::error::Result;

use plan::{Plan, Texts, in_another_shell};

pub(crate) fn run(is_script_only: bool, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let (_, profile) = env.profile()?;
    let plan = Plan::new(&context, profile.value(Setting::RedirectUri))?;
    let texts = plan.texts()?;
    if is_script_only {
        let script = &texts.script;
        output.print_result(script.trim_end(), &json!({"script": script}))?;
    } else if output.is_json {
        output.print_json(&json!({
            "portal": texts.portal,
            "script": texts.script,
            "team": texts.team,
            "service": texts.service,
            "adminConsentUrl": texts.consent_url,
            "message": texts.message,
            "notes": texts.notes,
        }))?;
    } else {
        let mut report = output.report();
        write(&texts, &mut report);
        output.print_report(report)?;
    }
    print_gaps(&plan, is_script_only, output);
    if texts.team.is_some() && !is_script_only {
        output.messages.print(
            "Replace the users of TEAM_USERS in the commands for the team by your own before you run \
             them.",
        );
    }
    Ok(0)
}

/// The width of the number of a step, and of the mark of a note, in columns.
const STEP_COLUMNS: usize = 3;
const NOTE_COLUMNS: usize = 2;

fn write(texts: &Texts, report: &mut Report) {
    write_steps(
        "Register the application in the portal",
        &texts.portal,
        report,
    );
    if let Some(steps) = &texts.service {
        report.blank();
        write_steps("Register the exchange service in the portal", steps, report);
    }
    report.blank();
    report.heading(match texts.team {
        None => "Or paste these commands into a shell with the Azure CLI",
        Some(_) => {
            "Or paste these commands into a shell with the Azure CLI: application, consent, \
             assignments, groups"
        }
    });
    report.blank();
    match &texts.team {
        Some(team) => report.verbatim(team),
        None => report.verbatim(&in_another_shell(&texts.script)),
    }
    for (heading, text) in [
        (
            "Admin consent: an admin opens this address",
            &texts.consent_url,
        ),
        ("Message to the admin", &texts.message),
    ] {
        report.blank();
        report.heading(heading);
        report.blank();
        report.paragraph(text);
    }
    report.blank();
    report.heading("Notes");
    report.blank();
    for note in &texts.notes {
        report.row("-", NOTE_COLUMNS, note);
    }
}

fn write_steps(heading: &str, steps: &[String], report: &mut Report) {
    report.heading(heading);
    report.blank();
    for (number, step) in (1..).zip(steps) {
        report.row(&format!("{number}."), STEP_COLUMNS, step);
    }
}

/// Names the settings that are missing, for which the texts have words in capitals.
fn print_gaps(plan: &Plan, is_script_only: bool, output: &Output) {
    let missing = [
        (plan.tenant.is_none(), "`acspass config set tenant TENANT`"),
        (
            plan.client_id.is_none() && !is_script_only,
            "`acspass config set client-id GUID`",
        ),
    ];
    let missing = missing.into_iter().filter(|(is_missing, _)| *is_missing);
    let commands: Vec<&str> = missing.map(|(_, command)| command).collect();
    if !commands.is_empty() {
        output.messages.print(&format!(
            "Replace the words in capitals. Or run {}, then `acspass setup` again.",
            commands.join(" and ")
        ));
    }
}
