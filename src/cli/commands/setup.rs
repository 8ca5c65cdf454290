//! `setup`: how the application is registered and consented to, filled in with what is configured.
//! It asks nobody and changes nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use url::Url;

use crate::cli::output::Output;
use crate::cli::parts::{Parts, World};
use crate::config::{Cloud, Setting};
use crate::error::Result;
use crate::exchange::ExchangeKind;

pub(super) fn run(world: &World, output: &mut Output) -> Result<u8> {
    let parts = Parts::new(world, &BTreeMap::new())?;
    let (_, profile) = world.profile()?;
    let plan = Plan::new(&parts, profile.value(Setting::RedirectUri));
    let (portal, script, message) = (plan.portal(), plan.script(), plan.message());
    let url = plan.consent_url();
    let notes = plan.notes();
    let mut text = String::from("In the portal\n\n");
    for (number, step) in (1..).zip(&portal) {
        let _ = writeln!(text, "{number}. {step}");
    }
    let _ = write!(
        text,
        "\nOr by script, in a shell with the Azure CLI\n\n{script}\n\
         Admin consent, as an address that an admin opens\n\n{url}\n\n\
         A message to send to the admin\n\n{message}\n\nGood to know\n"
    );
    for note in &notes {
        let _ = write!(text, "\n- {note}");
    }
    let json = json!({
        "portal": portal,
        "script": script,
        "adminConsentUrl": url,
        "message": message,
        "notes": notes,
    });
    output.result(&text, &json)?;
    if plan.has_gaps() {
        output.talk().say(
            "the words in capitals are yours to fill in; `acspass config set tenant …` and \
             `acspass config set client-id …` fill them in here",
        );
    }
    Ok(0)
}

/// What is to be set up, in the words of the portal.
struct Plan {
    authority: Url,
    tenant: Option<String>,
    client_id: Option<String>,
    redirect_uri: String,
    api: Api,
    permissions: Vec<String>,
}

/// The API whose permissions the application asks for.
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
    fn new(parts: &Parts<'_>, redirect_uri: Option<String>) -> Plan {
        let config = &parts.config;
        let tenant = config.authority.tenant();
        let is_clients = config.exchange == ExchangeKind::Entra;
        let named = config.scopes.iter().filter_map(|scope| {
            let name = scope.rsplit('/').next()?;
            // `.default` stands for whatever the registration lists.
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

    /// The cloud's portal and its name in `az`, by the authority's host.
    fn cloud(&self) -> (&'static str, Option<&'static str>) {
        match self.authority.host_str().and_then(Cloud::of_authority) {
            Some(Cloud::UsGovernment) => ("https://portal.azure.us", Some("AzureUSGovernment")),
            Some(Cloud::China) => ("https://portal.azure.cn", Some("AzureChinaCloud")),
            _ => ("https://entra.microsoft.com", None),
        }
    }

    fn consent_url(&self) -> String {
        let mut url = self.authority.clone();
        url.set_path(&format!("/{}/adminconsent", self.tenant()));
        url.query_pairs_mut()
            .append_pair("client_id", self.client_id());
        url.into()
    }

    fn portal(&self) -> Vec<String> {
        let (portal, _) = self.cloud();
        let Api { name, id } = self.api;
        let registration = match &self.client_id {
            Some(client_id) => format!("App registrations > the one with client id {client_id}"),
            None => "App registrations > New registration: any name, accounts in this \
                     organizational directory only"
                .to_owned(),
        };
        vec![
            format!(
                "Open {portal} as an Application Administrator of the tenant {}",
                self.tenant()
            ),
            registration,
            format!(
                "Authentication > Add a platform > Mobile and desktop applications, with the \
                 redirect URI {}; not Web, not Single-page application; every port is then allowed",
                self.redirect_uri
            ),
            "Authentication > Allow public client flows > Yes, which device codes need; no client \
             secret is made or used"
                .to_owned(),
            format!(
                "API permissions > Add a permission > APIs my organization uses > {name} ({id}) > \
                 Delegated permissions > {}; where it is not in the list, first run `az ad sp \
                 create --id {id}`",
                self.permissions.join(" and ")
            ),
            "API permissions > Grant admin consent".to_owned(),
            "Overview > Application (client) ID: run `acspass config set client-id` with it"
                .to_owned(),
        ]
    }

    fn script(&self) -> String {
        let Api { name, id } = self.api;
        let mut script = String::from(
            "#!/bin/sh\n\
             # Registers the application, its permissions and their consent. Needs the Azure CLI and an\n\
             # Application Administrator, Cloud Application Administrator or Global Administrator.\n\
             set -eu\n\n",
        );
        if let (_, Some(cloud)) = self.cloud() {
            let _ = writeln!(script, "az cloud set --name {cloud}");
        }
        let tenant = shell_words::quote(self.tenant());
        // A command in a script that prints it is quoted twice.
        let set_tenant = format!("acspass config set tenant {tenant}");
        let set_tenant = shell_words::quote(&set_tenant);
        let redirect = shell_words::quote(&self.redirect_uri);
        let _ = write!(
            script,
            "az login --tenant {tenant} --allow-no-subscriptions\nAPI={id}\n\n"
        );
        let desktop = format!(
            "  --public-client-redirect-uris {redirect} \\\n  --is-fallback-public-client true \\\n  \
             --enable-id-token-issuance false --enable-access-token-issuance false"
        );
        let _ = match &self.client_id {
            Some(client_id) => write!(
                script,
                "# The application: for the desktop, without a secret. This replaces the redirect URIs\n\
                 # that it has for desktops.\nAPP={client_id}\n\
                 az ad app update --id \"$APP\" \\\n{desktop}\n\n"
            ),
            None => write!(
                script,
                "# The application: for the desktop, without a secret.\n\
                 APP=$(az ad app create --display-name acspass --sign-in-audience AzureADMyOrg \\\n\
                 {desktop} \\\n  --query appId --output tsv)\n\n"
            ),
        };
        let _ = write!(
            script,
            "# {name}, where the tenant does not have it yet.\n\
             az ad sp show --id \"$API\" >/dev/null 2>&1 || az ad sp create --id \"$API\"\n\n\
             # The delegated permissions, by the ids that this tenant has for them.\n\
             for NAME in {}; do\n  \
             ID=$(az ad sp show --id \"$API\" \\\n    \
             --query \"oauth2PermissionScopes[?value=='$NAME'].id\" --output tsv)\n  \
             [ -n \"$ID\" ] || {{ echo \"this tenant has no permission $NAME\" >&2; exit 1; }}\n  \
             az ad app permission add --id \"$APP\" --api \"$API\" --api-permissions \"$ID=Scope\"\n\
             done\n\n\
             # Consent for every user of the tenant. A new application takes a minute to be known\n\
             # everywhere: where this says that it is not there, run this line again.\n\
             az ad sp show --id \"$APP\" >/dev/null 2>&1 || az ad sp create --id \"$APP\"\n\
             az ad app permission admin-consent --id \"$APP\"\n\n\
             echo {set_tenant}\n\
             echo \"acspass config set client-id $APP\"\n",
            self.permissions
                .iter()
                .map(|name| shell_words::quote(name))
                .collect::<Vec<_>>()
                .join(" ")
        );
        script
    }

    /// What is decided elsewhere and stops tokens later: the cloud, assignments, the resource's keys.
    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "GCC tenants use the worldwide authority https://login.microsoftonline.com; GCC High and \
             DoD use https://login.microsoftonline.us (`acspass config set authority-host …`) and are \
             registered in https://portal.azure.us. An account of another cloud than the authority \
             meets AADSTS900382"
                .to_owned(),
        ];
        if self.api.id == CLIENTS.id {
            notes.push(format!(
                "The resource's owner assigns users, groups or a tenant. A group needs Entra ID P1 or \
                 P2, and its assignment to the enterprise application {} in the users' tenant (Entra \
                 admin center > Enterprise applications > Users and groups)",
                CLIENTS.name
            ));
        }
        notes.push(
            "A resource with `disableLocalAuth` refuses every connection string: let an Entra \
             principal with a role act, or set `exchange` to `entra` or `teams-extension`"
                .to_owned(),
        );
        notes.push(
            "Regenerating an access key of the resource ends every token that was issued under it: \
             set the new connection string, then run `acspass get --force-refresh`"
                .to_owned(),
        );
        notes
    }

    fn message(&self) -> String {
        let Api { name, id } = self.api;
        format!(
            "Subject: Consent for an application that gets {name} tokens\n\n\
             Hello,\n\n\
             I would like to sign in to {name} with the application whose client id is\n{}, in our \
             tenant {}. It runs on my own machine, has no secret, and acts\nas me only, with these \
             delegated permissions: {}.\n\n\
             Two things are needed, once, by a Global, Application or Cloud Application\n\
             Administrator:\n\n\
             1. The service principal of {name}, where the tenant does\n   not have it:\n   \
             az ad sp create --id {id}\n\
             2. Consent, by opening this address:\n   {}\n\n\
             An error \"AADSTS650052\" or \"AADSTS500011\" there means that step 1 is missing.\n\n\
             Thank you",
            self.client_id(),
            self.tenant(),
            self.permissions.join(" and "),
            self.consent_url(),
        )
    }
}

/// A redirect URI as it is registered: Entra ignores the port.
fn without_port(uri: &str) -> Option<String> {
    let mut url = Url::parse(uri).ok()?;
    url.set_port(None).ok()?;
    let text = String::from(url);
    Some(match uri.ends_with('/') {
        true => text,
        false => text.trim_end_matches('/').to_owned(),
    })
}
