//! Confines `serve` once it listens and needs no program any more, and reports how far.

use std::path::PathBuf;

use crate::acs::resource_credential;
use crate::config::{self, KeySource};
use crate::hardening::{Confined, Plan, confine};
use crate::serve::Server;

use super::context::{Context, Environment};

/// Confines this process, for good: no program can be started afterwards. What cannot be confined is
/// reported and keeps nothing from running.
pub(super) fn serve(context: &Context<'_>, server: &mut Server) {
    server.note_confinement(confined(context));
    #[cfg(debug_assertions)]
    super::confinement_probe::act(context.env);
}

fn confined(context: &Context<'_>) -> Confined {
    let nothing = Confined {
        files: false,
        programs: false,
    };
    if !cfg!(target_os = "linux") {
        return nothing;
    }
    if needs_programs(context) {
        tracing::info!(
            "the service is not confined: the resource's credential is that of `az` or `azd`, \
             which are programs"
        );
        return nothing;
    }
    let Some(plan) = plan(context.env) else {
        return nothing;
    };
    let outcome = confine(&plan);
    match &outcome.files {
        Ok(0) => tracing::debug!("the service opens only its own files and the system's"),
        Ok(threads) => tracing::debug!(
            "the service opens only its own files and the system's; {threads} earlier threads are \
             not limited"
        ),
        Err(reason) => tracing::debug!("the service's files are not limited: {reason}"),
    }
    match &outcome.programs {
        Ok(()) => tracing::debug!("the service can start no program"),
        Err(reason) => tracing::debug!("the service's system calls are not limited: {reason}"),
    }
    outcome.confined()
}

/// Whether a request may lead to a start of the Azure tools.
fn needs_programs(context: &Context<'_>) -> bool {
    let resource = context.config.any_resource();
    let has_no_key = resource.is_ok_and(|resource| matches!(resource.key, KeySource::None));
    let env = context.env;
    has_no_key
        && resource_credential::is_developer_tool(&env.variables)
        && env.path_variable("PATH").is_some_and(|folders| {
            std::env::split_paths(&folders)
                .any(|folder| ["az", "azd"].iter().any(|name| folder.join(name).exists()))
        })
}

/// The folders of the program, and the files that its settings name.
fn plan(env: &Environment) -> Option<Plan> {
    let state = env
        .state_folder()
        .inspect_err(|error| tracing::debug!("the service is not confined: {error}"))
        .ok()?;
    let authorities = config::authority_files(|name| env.path_variable(name));
    let authorities = authorities
        .into_iter()
        .map(|file| (file.named_by, file.path));
    let mut named: Vec<(&str, PathBuf)> = authorities.collect();
    let settings = [
        "ACSPASS_STORE_KEY_FILE",
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_FEDERATED_TOKEN_FILE",
    ];
    named.extend(
        settings
            .iter()
            .filter_map(|name| Some((*name, env.path_variable(name)?))),
    );
    // The loader of certificates takes a list of folders.
    let folders = env.path_variable("SSL_CERT_DIR").unwrap_or_default();
    named.extend(std::env::split_paths(&folders).map(|folder| ("SSL_CERT_DIR", folder)));
    let config = env.config_folder().ok();
    // The settings may be a link, as the tools for such files make it.
    let existing = config.iter().filter(|folder| folder.exists());
    named.extend(existing.map(|folder| ("the settings", folder.clone())));
    let mut reads: Vec<PathBuf> = config.into_iter().collect();
    // The managed identity of Azure Arc answers with the name of a file here.
    reads.push(PathBuf::from("/var/opt/azcmagent/tokens"));
    Some(Plan {
        writes: vec![state.path()],
        reads,
        named,
        home: env.path_variable("HOME"),
    })
}
