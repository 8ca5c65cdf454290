//! Confines `serve` after it listens, and reports the extent.

use std::path::PathBuf;

use crate::acs::resource_credential;
use crate::cli::context::Context;
use crate::cli::env_vars as var;
use crate::cli::environment::Environment;
use crate::config::{self, KeySource};
use crate::error::Result;
use crate::hardening::{Confined, Plan, confine};
use crate::serve::Server;

/// Confines this process permanently: it can start no program afterwards. A part that fails is
/// reported, and the service runs without it.
pub(crate) fn serve(context: &Context, server: &mut Server) {
    server.note_confinement(confined(context));
    #[cfg(debug_assertions)]
    super::confinement_probe::act(&context.env);
}

fn confined(context: &Context) -> Confined {
    if !cfg!(target_os = "linux") {
        return Confined::default();
    }
    if needs_programs(context) {
        tracing::info!(
            "The service is not confined, because the resource's credential runs `az` or `azd`."
        );
        return Confined::default();
    }
    let plan = match plan(&context.env) {
        Ok(plan) => plan,
        Err(error) => {
            tracing::debug!("The service is not confined: {error}.");
            return Confined::default();
        }
    };
    let outcome = confine(&plan);
    match &outcome.files {
        Ok(0) => tracing::debug!("The service opens only its own files and the system's."),
        Ok(threads) => tracing::debug!(
            "The service opens only its own files and the system's. {threads} earlier threads are \
             not limited."
        ),
        Err(reason) => tracing::debug!("The service's files are not limited: {reason}."),
    }
    match &outcome.programs {
        Ok(()) => tracing::debug!("The service can start no program."),
        Err(reason) => tracing::debug!("The service's system calls are not limited: {reason}."),
    }
    outcome.confined()
}

/// Whether a request can start an Azure tool.
fn needs_programs(context: &Context) -> bool {
    let resource = context.config.resource_unchecked();
    let has_no_key = resource.is_ok_and(|resource| matches!(resource.key, KeySource::None));
    let has_tool = |folder: PathBuf| ["az", "azd"].iter().any(|name| folder.join(name).exists());
    let env = &context.env;
    has_no_key
        && resource_credential::is_developer_tool(&env.variables)
        && env
            .path_variable(var::PATH)
            .is_some_and(|folders| std::env::split_paths(&folders).any(has_tool))
}

/// Returns the folders of the program, and the files that its settings name.
fn plan(env: &Environment) -> Result<Plan> {
    let state = env.state_folder()?;
    let ca_files = config::ca_files(|name| env.path_variable(name)).into_iter();
    let mut named: Vec<(&str, PathBuf)> = ca_files.map(|file| (file.named_by, file.path)).collect();
    let files = var::SERVE_FILES.into_iter();
    named.extend(files.filter_map(|name| Some((name, env.path_variable(name)?))));
    let folders = env.path_variable(var::SSL_CERT_DIR).unwrap_or_default();
    named.extend(std::env::split_paths(&folders).map(|folder| (var::SSL_CERT_DIR, folder)));
    let config = env.config_folder().ok();
    // The settings can be a link, as tools for such files create it.
    let existing = config.iter().filter(|folder| folder.exists());
    named.extend(existing.map(|folder| ("the settings", folder.clone())));
    // The managed identity of Azure Arc responds with the name of a file there.
    let arc = PathBuf::from("/var/opt/azcmagent/tokens");
    Ok(Plan {
        writes: vec![state.path()],
        reads: config.into_iter().chain([arc]).collect(),
        named,
        home: env.path_variable(var::HOME),
    })
}
