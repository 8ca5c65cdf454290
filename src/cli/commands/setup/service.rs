//! The exchange service of a plan: its registration, and the settings of the desktops that use it.

use crate::config::Config;
use crate::exchange_client::ServiceUrl;
use crate::input::guid;
use crate::loopback::is_loopback_host;

/// The scope of a registration that the script makes.
const DEFAULT_SCOPE: &str = "access_as_user";

/// An exchange service, which has an application of its own.
pub(super) struct ServicePlan {
    /// The application, if the configured scope names it.
    pub(super) registered: Option<Registered>,
    /// The address, if it is configured.
    url: Option<ServiceUrl>,
    is_on_behalf_of: bool,
}

/// An application that exists already.
pub(super) struct Registered {
    /// The whole scope, as it is configured.
    scope: String,
    /// The part of the scope before its name: an Application ID URI, or the client id.
    pub(super) resource: String,
    name: String,
    /// The client id, if the resource contains it.
    pub(super) client_id: Option<String>,
}

impl Registered {
    fn new(scope: &str) -> Option<Self> {
        let (resource, name) = scope.rsplit_once('/')?;
        // `.default` stands for all scopes of the registration.
        let name = if name == ".default" {
            DEFAULT_SCOPE
        } else {
            name
        };
        Some(Registered {
            scope: scope.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            client_id: guid(resource.strip_prefix("api://").unwrap_or(resource)),
        })
    }
}

impl ServicePlan {
    /// Returns the plan, if the configuration has an exchange service.
    pub(super) fn new(config: &Config) -> Option<Self> {
        config.uses_exchange_service().then(|| ServicePlan {
            registered: config.exchange_service_scope().and_then(Registered::new),
            url: config.exchange_service_url(),
            is_on_behalf_of: config.requests_on_behalf_of(),
        })
    }

    /// Returns the client id, or a placeholder.
    pub(super) fn client_id(&self) -> &str {
        let registered = self.registered.as_ref();
        let id = registered.and_then(|registered| registered.client_id.as_deref());
        id.unwrap_or("SERVICE-ID")
    }

    pub(super) fn scope_name(&self) -> &str {
        let registered = self.registered.as_ref();
        registered.map_or(DEFAULT_SCOPE, |registered| &registered.name)
    }

    /// Returns the query of the Azure CLI for the id of the scope.
    pub(super) fn scope_query(&self) -> String {
        let name = jmespath_string(self.scope_name());
        format!("api.oauth2PermissionScopes[?value=={name}].id")
    }

    /// Returns the scope as a setting of the service, if it is not the default.
    pub(super) fn scope_variable(&self) -> Option<String> {
        let name = self.scope_name();
        let quoted = shell_words::quote(name);
        (name != DEFAULT_SCOPE).then(|| format!("ACSPASS_EXCHANGE_SCOPE={quoted}"))
    }

    /// Returns the permission of the desktops, for a message.
    pub(super) fn permission(&self) -> String {
        let registered = self.registered.as_ref();
        let owner = registered.map_or("acspass-exchange", |registered| &registered.resource);
        format!("{} of {owner}", self.scope_name())
    }

    /// Returns the commands that make a desktop use the service. They can be pasted into a shell.
    pub(super) fn desktop_commands(&self) -> Vec<String> {
        let settings = self.desktop_settings().into_iter();
        let commands = settings.map(|(setting, value)| {
            let value = value.unwrap_or_else(|| format!("api://SERVICE-ID/{DEFAULT_SCOPE}"));
            command(setting, &value)
        });
        commands.collect()
    }

    /// Returns the statements of the script that print these commands. In the script, SERVICE is the client
    /// id. It is the only value that the shell of the admin expands.
    pub(super) fn print_commands(&self) -> Vec<String> {
        let settings = self.desktop_settings().into_iter();
        let statements = settings.map(|(setting, value)| match value {
            Some(value) => {
                let command = command(setting, &value);
                format!(r"printf '%s\n' {}", shell_words::quote(&command))
            }
            None => {
                format!(r#"echo "acspass config set {setting} api://$SERVICE/{DEFAULT_SCOPE}""#)
            }
        });
        statements.collect()
    }

    /// Returns the settings of a desktop. A scope without a value is the one of a new registration.
    fn desktop_settings(&self) -> Vec<(&'static str, Option<String>)> {
        let url = self.url.as_ref();
        let address = url.map_or("https://YOUR-EXCHANGE-SERVICE", ServiceUrl::as_str);
        let registered = self.registered.as_ref();
        let scope = registered.map(|registered| registered.scope.clone());
        let mut settings = vec![
            ("exchange", Some("service".to_owned())),
            ("exchange-service", Some(address.to_owned())),
            ("exchange-service-scope", scope),
        ];
        let host = url.map_or("YOUR-EXCHANGE-SERVICE", ServiceUrl::host);
        if !is_loopback_host(host) {
            settings.push(("allow-endpoint", Some(host.to_owned())));
        }
        if self.is_on_behalf_of {
            settings.push(("on-behalf-of", Some("true".to_owned())));
        }
        settings
    }
}

/// Returns a command whose value can be pasted into a shell.
fn command(setting: &str, value: &str) -> String {
    format!("acspass config set {setting} {}", shell_words::quote(value))
}

/// Returns a raw string of JMESPath, the language of the Azure CLI's queries.
pub(super) fn jmespath_string(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"\'"))
}
