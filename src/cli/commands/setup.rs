//! `setup`: prints how to register the application and grant consent, with the configured values.
//! Sends no request and changes nothing.

use std::borrow::Cow;
use std::sync::Arc;

use askama::Template;
use serde_json::json;
use url::Url;

use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::output::Output;
use crate::cli::io::template::render;
use crate::config::{Cloud, Setting};
use crate::error::Result;
use crate::exchange::ExchangeKind;

pub(super) fn run(env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let (_, profile) = env.profile()?;
    let plan = Plan::new(&context, profile.value(Setting::RedirectUri));
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let portal = lines(render(&Portal { plan: &plan })?);
    let script = plan.script()?;
    let message = render(&Message { plan: &plan })?.trim_end().to_owned();
    let notes = lines(render(&Notes { plan: &plan })?);
    let url = plan.consent_url();
    let numbered = (1..)
        .zip(&portal)
        .map(|(number, step)| format!("{number}. {step}\n"));
    let numbered: String = numbered.collect();
    let text = format!(
        "In the portal\n\n{numbered}\nOr by script, in a shell with the Azure CLI\n\n{script}\n\
         Admin consent, as an address that an admin opens\n\n{url}\n\n\
         A message to send to the admin\n\n{message}\n\nGood to know\n\n- {}",
        notes.join("\n- ")
    );
    let json = json!({
        "portal": portal,
        "script": script,
        "adminConsentUrl": url,
        "message": message,
        "notes": notes,
    });
    output.result(&text, &json)?;
    if plan.has_gaps() {
        output.messages.print(
            "the words in capitals are yours to fill in; `acspass config set tenant …` and \
             `acspass config set client-id …` fill them in here",
        );
    }
    Ok(0)
}

#[derive(Template)]
#[template(path = "setup/portal.txt")]
struct Portal<'p> {
    plan: &'p Plan,
}

#[derive(Template)]
#[template(path = "setup/script.sh", escape = "none")]
struct Script<'p> {
    plan: &'p Plan,
    // Quoted for a shell.
    tenant: Cow<'p, str>,
    redirect_uri: Cow<'p, str>,
    permissions: String,
    set_tenant: String,
}

#[derive(Template)]
#[template(path = "setup/message.txt")]
struct Message<'p> {
    plan: &'p Plan,
}

/// Settings of the tenant that can prevent tokens: the cloud, assignments, the resource's keys.
#[derive(Template)]
#[template(path = "setup/notes.txt")]
struct Notes<'p> {
    plan: &'p Plan,
}

/// The values to set up, in the terms of the portal.
struct Plan {
    authority: Url,
    tenant: Option<String>,
    client_id: Option<String>,
    redirect_uri: String,
    api: Api,
    permissions: Vec<String>,
}

/// The API that the application needs permissions of.
struct Api {
    name: &'static str,
    id: &'static str,
}

const TEAMS: Api = Api {
    name: "Azure Communication Services",
    id: "1fd5118e-2576-4263-8130-9503064c837a",
};
const CLIENTS: Api = Api {
    name: "Azure Communication Services Clients",
    id: "2a04943b-b6a7-4f65-8786-2bb6131b59f6",
};

impl Plan {
    fn new(context: &Context, redirect_uri: Option<String>) -> Plan {
        let config = &context.config;
        let tenant = config.authority.tenant();
        let is_clients = config.exchange == ExchangeKind::Entra;
        let named = config.scopes.iter().filter_map(|scope| {
            let name = scope.rsplit('/').next()?;
            // `.default` stands for all permissions of the registration.
            Some(match name {
                ".default" => "VoIP",
                name => name,
            })
        });
        Plan {
            authority: config.authority.address().clone(),
            tenant: (tenant != "organizations").then(|| tenant.to_owned()),
            client_id: config.client_id.clone(),
            redirect_uri: redirect_uri
                .and_then(|uri| without_port(&uri))
                .unwrap_or_else(|| "http://localhost".to_owned()),
            api: if is_clients { CLIENTS } else { TEAMS },
            permissions: named.map(str::to_owned).collect(),
        }
    }

    fn has_gaps(&self) -> bool {
        self.tenant.is_none() || self.client_id.is_none()
    }

    fn tenant(&self) -> &str {
        self.tenant.as_deref().unwrap_or("YOUR-TENANT")
    }

    fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or("YOUR-CLIENT-ID")
    }

    fn cloud(&self) -> Option<Cloud> {
        self.authority.host_str().and_then(Cloud::of_authority)
    }

    fn portal(&self) -> &'static str {
        match self.cloud() {
            Some(Cloud::UsGovernment) => "https://portal.azure.us",
            Some(Cloud::China) => "https://portal.azure.cn",
            _ => "https://entra.microsoft.com",
        }
    }

    /// The cloud's name in `az`, if it is not the default.
    fn azure_cli_cloud(&self) -> Option<&'static str> {
        match self.cloud()? {
            Cloud::UsGovernment => Some("AzureUSGovernment"),
            Cloud::China => Some("AzureChinaCloud"),
            _ => None,
        }
    }

    fn consent_url(&self) -> String {
        let mut url = self.authority.clone();
        url.set_path(&format!("/{}/adminconsent", self.tenant()));
        url.query_pairs_mut()
            .append_pair("client_id", self.client_id());
        url.into()
    }

    fn script(&self) -> Result<String> {
        let tenant = shell_words::quote(self.tenant());
        // The script prints this command, so it is quoted twice.
        let set_tenant = format!("acspass config set tenant {tenant}");
        render(&Script {
            plan: self,
            set_tenant: shell_words::quote(&set_tenant).into_owned(),
            tenant,
            redirect_uri: shell_words::quote(&self.redirect_uri),
            permissions: shell_words::join(&self.permissions),
        })
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
