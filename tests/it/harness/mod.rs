//! Fixtures: a home folder for each test, browsers, and the search for secrets in all output.

pub(crate) mod brisk_clock;
pub(crate) mod browser;
pub(crate) mod canned;
pub(crate) mod deadline;
pub(crate) mod hiding_service;
pub(crate) mod home;
pub(crate) mod http;
#[cfg(target_os = "linux")]
pub(crate) mod left;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod relay;
pub(crate) mod secret_service;
pub(crate) mod store_process;
pub(crate) mod sweep;
pub(crate) mod teams_user;
pub(crate) mod terminal;
#[cfg(target_os = "linux")]
pub(crate) mod users;

pub(crate) use browser::TestBrowser;
pub(crate) use deadline::{Deadline, wait_until};
pub(crate) use home::{Home, Run};
pub(crate) use terminal::Terminal;

/// Returns a hint as it is for a [`home::Home`], whose variables hold the tenant and the connection
/// string: a command that saves a setting would not change them.
pub(crate) fn for_variables(hint: &str) -> String {
    let tenant = "acspass config set tenant ";
    let client = "acspass config set client-id ";
    let resource = "`acspass config set connection-string`";
    let variable = "COMMUNICATION_SERVICES_CONNECTION_STRING";
    let authority = "acspass config set authority-host ";
    hint.replace(tenant, "export ACSPASS_TENANT_ID=")
        .replace(client, "export ACSPASS_CLIENT_ID=")
        .replace(authority, "export AZURE_AUTHORITY_HOST=")
        .replace(resource, &format!("`unset {variable}` and {resource}"))
}
