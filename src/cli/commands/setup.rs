//! `setup`: prints how to register the application and grant consent, with the configured values.
//! Sends no request and changes nothing.

use std::sync::Arc;

use askama::Template;
use serde_json::json;
use url::Url;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::{Output, render};
use crate::config::{Cloud, Setting, default_scopes, parse_scopes};
use crate::error::Result;
use crate::exchange::ExchangeKind;
use crate::exchange_client::ServiceUrl;
use crate::input::guid;
use crate::loopback::is_loopback_host;

pub(crate) fn run(is_script_only: bool, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let (_, profile) = env.profile()?;
    let plan = Plan::new(&context, profile.value(Setting::RedirectUri))?;
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let portal = lines(render(&plan.as_portal())?);
    let script = render(&plan.as_script())?;
    let team = match context.config.exchange {
        ExchangeKind::Key | ExchangeKind::Service => None,
        ExchangeKind::Entra | ExchangeKind::TeamsExtension => {
            let team = render(&plan.as_team())?;
            Some(in_another_shell(&format!("{script}\n{team}")))
        }
    };
    let message = render(&plan.as_message())?.trim_end().to_owned();
    let notes = lines(render(&plan.as_notes())?);
    let service = match plan.is_service {
        true => Some(lines(render(&plan.as_service())?)),
        false => None,
    };
    let url = plan.consent_url();
    if is_script_only {
        output.print_result(script.trim_end(), &json!({"script": script}))?;
    } else if output.is_json {
        output.print_json(&json!({
            "portal": portal,
            "script": script,
            "team": team,
            "service": service,
            "adminConsentUrl": url,
            "message": message,
            "notes": notes,
        }))?;
    } else {
        let mut report = output.report();
        report.heading("Register the application in the portal");
        report.blank();
        for (number, step) in (1..).zip(&portal) {
            report.row(&format!("{number}."), STEP_COLUMNS, step);
        }
        if let Some(steps) = &service {
            report.blank();
            report.heading("Register the exchange service in the portal");
            report.blank();
            for (number, step) in (1..).zip(steps) {
                report.row(&format!("{number}."), STEP_COLUMNS, step);
            }
        }
        report.blank();
        report.heading(match team {
            None => "Or paste these commands into a shell with the Azure CLI",
            Some(_) => {
                "Or paste these commands into a shell with the Azure CLI: application, consent, \
                 assignments, groups"
            }
        });
        report.blank();
        report.verbatim(&team.clone().unwrap_or_else(|| in_another_shell(&script)));
        report.blank();
        report.heading("Admin consent: an admin opens this address");
        report.blank();
        report.paragraph(&url);
        report.blank();
        report.heading("Message to the admin");
        report.blank();
        report.paragraph(&message);
        report.blank();
        report.heading("Notes");
        report.blank();
        for note in &notes {
            report.row("-", NOTE_COLUMNS, note);
        }
        output.print_report(report)?;
    }
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
    if team.is_some() && !is_script_only {
        output.messages.print(
            "Replace the users of TEAM_USERS in the commands for the team by your own before you run \
             them.",
        );
    }
    Ok(0)
}

/// Returns a script as commands to paste. Another shell reads all of it: the user's own may be of another
/// kind, and stays open.
fn in_another_shell(script: &str) -> String {
    format!("sh <<'EOF'\n{}\nEOF\n", script.trim_end())
}

/// The width of the number of a step, and of the mark of a note, in columns.
const STEP_COLUMNS: usize = 3;
const NOTE_COLUMNS: usize = 2;

/// The values to set up, in the terms of the portal, and the texts with them: the steps in the portal,
/// a script, the commands for a team without access keys, a message to the admin, and notes about settings of the tenant that can prevent tokens.
#[derive(Template)]
#[template(
    path = "setup.txt",
    blocks = ["portal", "service", "script", "team", "message", "notes"]
)]
struct Plan {
    authority: Url,
    cloud: Option<Cloud>,
    tenant: Option<String>,
    client_id: Option<String>,
    redirect_uri: String,
    is_entra_exchange: bool,
    /// An exchange service has an application of its own.
    is_service: bool,
    /// That application needs the permissions of ACS, in place of this one.
    is_on_behalf_of: bool,
    /// The client id of that application, if the configured scope names it.
    service_id: Option<String>,
    /// The address of the service, if it is configured.
    service_url: Option<ServiceUrl>,
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
    fn new(context: &Context, redirect_uri: Option<String>) -> Result<Plan> {
        let config = &context.config;
        let authority = config.authority.url().clone();
        let tenant = config.authority.tenant();
        let is_entra_exchange = config.exchange == ExchangeKind::Entra;
        let (api_name, api_id) = match is_entra_exchange {
            true => (
                "Azure Communication Services Clients",
                "2a04943b-b6a7-4f65-8786-2bb6131b59f6",
            ),
            false => (
                "Azure Communication Services",
                "1fd5118e-2576-4263-8130-9503064c837a",
            ),
        };
        let is_service = config.uses_exchange_service();
        let is_on_behalf_of = is_service && config.requests_on_behalf_of();
        // The scopes on the desktop are then those of the service.
        let scopes = match is_on_behalf_of {
            true => parse_scopes(default_scopes(config.exchange))?,
            false => config.scopes.clone(),
        };
        let permissions = scopes.iter().filter_map(|scope| {
            let name = scope.rsplit('/').next()?;
            // `.default` stands for all permissions of the registration.
            Some(if name == ".default" { "VoIP" } else { name }.to_owned())
        });
        Ok(Plan {
            cloud: authority.host_str().and_then(Cloud::of_authority),
            authority,
            tenant: (tenant != "organizations").then(|| tenant.to_owned()),
            client_id: config.client_id.clone(),
            redirect_uri: redirect_uri
                .and_then(|uri| without_port(&uri))
                .unwrap_or_else(|| "http://localhost".to_owned()),
            is_entra_exchange,
            is_service,
            is_on_behalf_of,
            service_id: config.exchange_service_id(),
            service_url: config.exchange_service_url(),
            exchange: match config.exchange {
                ExchangeKind::Key => "key",
                ExchangeKind::Entra => "entra",
                ExchangeKind::TeamsExtension => "teams-extension",
                ExchangeKind::Service => "service",
            },
            graph: context.config.graph()?.api(),
            api_name,
            api_id,
            permissions: permissions.collect(),
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

    fn service_id(&self) -> &str {
        self.service_id.as_deref().unwrap_or("SERVICE-ID")
    }

    /// Returns the commands that make a desktop use the service with this client id.
    fn desktop_commands(&self, service_id: &str) -> Vec<String> {
        let url = self.service_url.as_ref();
        let address = url.map_or("https://YOUR-EXCHANGE-SERVICE", ServiceUrl::as_str);
        let mut settings = vec![
            "exchange service".to_owned(),
            format!("exchange-service {address}"),
            format!("exchange-service-scope api://{service_id}/access_as_user"),
        ];
        match url.map(ServiceUrl::host) {
            Some(host) if is_loopback_host(host) => {}
            host => {
                let host = host.unwrap_or("YOUR-EXCHANGE-SERVICE");
                settings.push(format!("allow-endpoint {host}"));
            }
        }
        if self.is_on_behalf_of {
            settings.push("on-behalf-of true".to_owned());
        }
        let commands = settings.into_iter();
        commands
            .map(|setting| format!("acspass config set {setting}"))
            .collect()
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
