//! The values of `setup`, and the texts with them.

use askama::Template;
use url::Url;

use super::service::{ServicePlan, jmespath_string};
use crate::cli::context::Context;
use crate::cli::io::output::render;
use crate::config::{Cloud, Config, default_scopes, parse_scopes};
use crate::error::Result;
use crate::exchange::ExchangeKind;
use crate::input::guid;

/// The texts of a plan.
pub(super) struct Texts {
    /// The steps in the portal.
    pub(super) portal: Vec<String>,
    /// The script for the Azure CLI.
    pub(super) script: String,
    /// The script with the commands for a team without access keys, to paste.
    pub(super) team: Option<String>,
    /// The steps in the portal for the exchange service.
    pub(super) service: Option<Vec<String>>,
    /// The address at which an admin grants consent.
    pub(super) consent_url: String,
    /// The message to the admin.
    pub(super) message: String,
    /// Notes about settings of the tenant that can prevent tokens.
    pub(super) notes: Vec<String>,
}

/// The values to set up, in the terms of the portal, and the texts with them.
#[derive(Template)]
#[template(
    path = "setup.txt",
    blocks = ["portal", "service", "script", "team", "message", "notes"]
)]
pub(super) struct Plan {
    authority: Url,
    cloud: Option<Cloud>,
    pub(super) tenant: Option<String>,
    pub(super) client_id: Option<String>,
    redirect_uri: String,
    is_entra_exchange: bool,
    service: Option<ServicePlan>,
    /// The application of the service needs the permissions of ACS, in place of this one.
    is_on_behalf_of: bool,
    /// The setting `exchange`.
    exchange: &'static str,
    /// The address of Microsoft Graph.
    graph: &'static str,
    /// The API that the application needs permissions of.
    api_name: &'static str,
    api_id: &'static str,
    permissions: Vec<String>,
}

impl Plan {
    pub(super) fn new(context: &Context, redirect_uri: Option<String>) -> Result<Plan> {
        let config = &context.config;
        let authority = config.authority.url().clone();
        let tenant = config.authority.tenant();
        let (api_name, api_id) = api(config.exchange);
        Ok(Plan {
            cloud: authority.host_str().and_then(Cloud::of_authority),
            authority,
            tenant: (tenant != "organizations").then(|| tenant.to_owned()),
            client_id: config.client_id.clone(),
            redirect_uri: redirect_uri
                .and_then(|uri| without_port(&uri))
                .unwrap_or_else(|| "http://localhost".to_owned()),
            is_entra_exchange: config.exchange == ExchangeKind::Entra,
            service: ServicePlan::new(config),
            is_on_behalf_of: is_on_behalf_of(config),
            exchange: match config.exchange {
                ExchangeKind::Key => "key",
                ExchangeKind::Entra => "entra",
                ExchangeKind::TeamsExtension => "teams-extension",
                ExchangeKind::Service => "service",
            },
            graph: config.graph()?.api(),
            api_name,
            api_id,
            permissions: permissions(config)?,
        })
    }

    /// Renders the texts.
    pub(super) fn texts(&self) -> Result<Texts> {
        let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let script = render(&self.as_script())?;
        let team = match self.exchange {
            "entra" | "teams-extension" => {
                let team = render(&self.as_team())?;
                Some(in_another_shell(&format!("{script}\n{team}")))
            }
            _ => None,
        };
        let service = match &self.service {
            Some(_) => Some(lines(render(&self.as_service())?)),
            None => None,
        };
        Ok(Texts {
            portal: lines(render(&self.as_portal())?),
            script,
            team,
            service,
            consent_url: self.consent_url(),
            message: render(&self.as_message())?.trim_end().to_owned(),
            notes: lines(render(&self.as_notes())?),
        })
    }

    fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or("YOUR-TENANT")
    }

    /// Returns the part after the @ of the users' names. The id of a tenant is in no name.
    fn domain(&self) -> &str {
        match guid(self.tenant()) {
            None => self.tenant(),
            Some(_) => "YOUR-DOMAIN",
        }
    }

    fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or("YOUR-CLIENT-ID")
    }

    /// Returns the query of the Azure CLI for the redirect URIs that this plan does not add.
    fn other_uris_query(&self) -> String {
        let uri = jmespath_string(&self.redirect_uri);
        format!("publicClient.redirectUris[?@!={uri}]")
    }

    /// Returns a command that the script prints: the template quotes it once more.
    fn set_tenant(&self) -> String {
        let tenant = shell_words::quote(self.tenant());
        format!("acspass config set tenant {tenant}")
    }

    fn consent_url(&self) -> String {
        let mut url = self.authority.clone();
        url.set_path(&format!("/{}/adminconsent", self.tenant()));
        url.query_pairs_mut()
            .append_pair("client_id", self.client_id());
        url.into()
    }
}

/// Returns the name and the id of the API that the application needs permissions of.
fn api(exchange: ExchangeKind) -> (&'static str, &'static str) {
    match exchange {
        ExchangeKind::Entra => (
            "Azure Communication Services Clients",
            "2a04943b-b6a7-4f65-8786-2bb6131b59f6",
        ),
        _ => (
            "Azure Communication Services",
            "1fd5118e-2576-4263-8130-9503064c837a",
        ),
    }
}

fn is_on_behalf_of(config: &Config) -> bool {
    config.uses_exchange_service() && config.requests_on_behalf_of()
}

/// Returns the names of the permissions.
fn permissions(config: &Config) -> Result<Vec<String>> {
    // The scopes on the desktop are then those of the service.
    let scopes = match is_on_behalf_of(config) {
        true => parse_scopes(default_scopes(config.exchange))?,
        false => config.scopes.clone(),
    };
    let names = scopes.iter().filter_map(|scope| scope.rsplit('/').next());
    // `.default` stands for all permissions of the registration.
    let names = names.map(|name| if name == ".default" { "VoIP" } else { name });
    Ok(names.map(str::to_owned).collect())
}

/// Returns a script as commands to paste. Another shell reads all of it: the user's own may be of another
/// kind, and stays open.
pub(super) fn in_another_shell(script: &str) -> String {
    format!("sh <<'EOF'\n{}\nEOF\n", script.trim_end())
}

/// Returns a redirect URI as it is registered: Entra ignores the port.
fn without_port(uri: &str) -> Option<String> {
    let mut url = Url::parse(uri).ok()?;
    url.set_port(None).ok()?;
    let text = String::from(url);
    Some(match uri.ends_with('/') {
        true => text,
        false => text.trim_end_matches('/').to_owned(),
    })
}
