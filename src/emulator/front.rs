//! The values on the front page: addresses, ids and the settings of clients, each to be copied.

use std::path::Path;
use std::sync::Arc;

use crate::emulator::client_environment::{Addresses, ClientEnvironment};
use crate::emulator::context::base;
use crate::emulator::http::Request;
use crate::emulator::world::World;
use crate::emulator::world::application::Application;
use crate::emulator::world::resource::connection_string;

/// A text with a name and a button that copies it.
pub(crate) struct Value {
    /// The id of the element with the text.
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) text: String,
}

/// The values of the page.
pub(crate) struct Front {
    /// Addresses and ids.
    pub(crate) values: Vec<Value>,
    /// The name of another user than the first.
    pub(crate) other_user: String,
    /// Settings of acspass and of other programs that need no https.
    pub(crate) http: Value,
    /// Settings of the Azure SDKs, if https is served.
    pub(crate) sdk: Option<SdkSettings>,
    /// The command that checks a token.
    pub(crate) check: Value,
}

/// Settings of the Azure SDKs, which require https.
pub(crate) struct SdkSettings {
    /// With the connection string.
    pub(crate) key: Value,
    /// With the service app, if there is one.
    pub(crate) principal: Option<Value>,
    /// The host of the authority, for `knownAuthorities` of MSAL for Node.
    pub(crate) host: String,
}

impl Front {
    /// Returns the values for a browser that reaches the emulator by the host of this request.
    pub(crate) fn new(request: &Request) -> Front {
        let (context, world) = (&request.context, &*request.world);
        let ports = context.ports()[request.at.resource];
        let key = &request.resource().keys.primary;
        let host = host_name(&request.host);
        // The port of the request may be a published one.
        let url = |scheme, port| match context.options.is_open() && scheme == request.at.scheme {
            true => request.base.clone(),
            false => base(scheme, host, port),
        };
        let http = url("http", ports.http);
        let https = ports.https.map(|port| url("https", port));
        let (ca_file, bundle) = {
            let state = context.state();
            (state.ca_file.clone(), state.bundle.clone())
        };
        let mut values = Vec::new();
        let mut add = |id, name, text: &str| values.push(value(id, name, text));
        if let Some(https) = &https {
            add(
                "connection-string",
                "Connection string",
                &connection_string(https, key),
            );
        }
        add(
            "http-connection-string",
            "Connection string, http",
            &connection_string(&http, key),
        );
        if let Some(https) = &https {
            add("endpoint", "Endpoint", &format!("{https}/"));
        }
        add("http-endpoint", "Endpoint, http", &format!("{http}/"));
        add("tenant", "Tenant id", &world.tenants[0].id);
        add("client", "Client id", &world.main_application().client_id);
        let authority = https.as_ref().unwrap_or(&http);
        let authority = format!("{authority}/{}", world.tenants[0].id);
        add("authority", "Authority", &authority);
        if let Some(path) = &ca_file {
            add("ca", "CA certificate file", path);
        }
        if let Some(app) = world.services().next() {
            add("service-client", "Service app, client id", &app.client_id);
            if let Some(secret) = app.secrets.first() {
                add("service-secret", "Service app, secret", secret);
            }
        }
        let other_user = world.ordinary_users().nth(1).unwrap_or(&world.users[0]);
        let check = format!("acspass get -o header | curl -H @- {http}/emulator/whoami");
        Front {
            values,
            other_user: other_user.username.clone(),
            http: value(
                "http-exports",
                "settings of acspass",
                environment(&http, None, None, world).shell().trim_end(),
            ),
            sdk: https.map(|https| SdkSettings::new(&http, &https, bundle.as_deref(), world)),
            check: value("check", "command that checks a token", &check),
        }
    }
}

impl SdkSettings {
    fn new(http: &str, https: &str, bundle: Option<&Path>, world: &World) -> SdkSettings {
        let key = environment(http, Some(https), bundle, world);
        let block =
            |id, name, settings: &ClientEnvironment| value(id, name, settings.shell().trim_end());
        let of_principal = |app: &Arc<Application>| {
            let mut principal = key.clone();
            principal.remove("COMMUNICATION_SERVICES_CONNECTION_STRING");
            principal.set("COMMUNICATION_SERVICES_ENDPOINT", https);
            principal.set("AZURE_TENANT_ID", &world.tenants[0].id);
            principal.set("AZURE_CLIENT_ID", &app.client_id);
            principal.set("AZURE_CLIENT_SECRET", app.secrets.first()?);
            Some(block(
                "service-exports",
                "settings of the service app",
                &principal,
            ))
        };
        SdkSettings {
            principal: world.services().find_map(of_principal),
            key: block("sdk-exports", "settings of the Azure SDKs", &key),
            host: https.trim_start_matches("https://").to_owned(),
        }
    }
}

/// Returns the variables for clients that use these addresses.
fn environment(
    http: &str,
    https: Option<&str>,
    bundle: Option<&Path>,
    world: &World,
) -> ClientEnvironment {
    let key = &world.resources[0].keys.primary;
    let addresses = Addresses {
        http_url: http.to_owned(),
        authority_url: https.unwrap_or(http).to_owned(),
        tenant_id: world.tenants[0].id.clone(),
        client_id: world.main_application().client_id.clone(),
        connection_string: connection_string(https.unwrap_or(http), key),
    };
    ClientEnvironment::new(addresses, bundle)
}

fn value(id: &'static str, name: &'static str, text: &str) -> Value {
    Value {
        id,
        name,
        text: text.to_owned(),
    }
}

/// Returns the name in a `Host` header, without the port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_not_part_of_the_name() {
        for (host, name) in [
            ("localhost:8443", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:8443", "[::1]"),
            ("[::1]", "[::1]"),
        ] {
            assert_eq!(host_name(host), name);
        }
    }
}
