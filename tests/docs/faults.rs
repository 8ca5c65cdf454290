//! `docs/reference/emulator-faults.md`, from the catalogue.

use acspass::emulator::{NamedFault, Parameter, Route};

use crate::markdown::{code, table};

pub(crate) fn page() -> String {
    let rows: Vec<[String; 5]> = NamedFault::all()
        .map(|fault| {
            let routes = match fault.routes.len() == Route::ALL.len() {
                true => "all".to_owned(),
                false => fault
                    .routes
                    .iter()
                    .map(|at| at.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            [
                code(fault.name),
                routes,
                fault.summary.to_owned(),
                fault.response.to_owned(),
                fault.source.to_owned(),
            ]
        })
        .collect();
    let parameters: Vec<[String; 4]> = NamedFault::all()
        .filter_map(|fault| {
            let (default, max) = match fault.parameter? {
                Parameter::Number { default, max, .. } => (default.to_string(), max.to_string()),
                _ => (String::new(), String::new()),
            };
            Some([
                code(fault.name),
                code(fault.parameter?.name()),
                default,
                max,
            ])
        })
        .collect();
    let routes: Vec<[String; 2]> = Route::ALL
        .iter()
        .map(|route| [code(route.as_str()), endpoints(*route).to_owned()])
        .collect();
    format!(
        "# Faults of the emulator\n\n\
         The emulator simulates each fault of this table. [The emulator](../guides/emulator.md#faults)\n\
         describes how to select one.\n\n\
         {}\n\
         ## Parameters\n\n\
         {}\n\
         ## Routes\n\n\
         {}",
        table(
            ["fault", "routes", "condition", "response", "source"],
            &rows
        ),
        table(["fault", "parameter", "default", "maximum"], &parameters),
        table(["route", "endpoints"], &routes),
    )
}

fn endpoints(route: Route) -> &'static str {
    match route {
        Route::Metadata => "`/TENANT/v2.0/.well-known/openid-configuration`",
        Route::Keys => "`/TENANT/discovery/v2.0/keys`, `/TENANT/discovery/keys`",
        Route::InstanceDiscovery => "`/common/discovery/instance`",
        Route::Authorize => "`/TENANT/oauth2/v2.0/authorize`",
        Route::Device => "`/TENANT/oauth2/v2.0/devicecode`",
        Route::Token => "`/TENANT/oauth2/v2.0/token`",
        Route::Exchange => {
            "`/teamsUser/:exchangeAccessToken`, `/access/entra/:exchangeAccessToken`, `/access/teamsExtension/:exchangeAccessToken`"
        }
        Route::Identities => "`/identities` and all below",
        Route::Assignments => {
            "`/access/entra/assignments` and `/access/teamsExtension/tenants/TENANT/assignments`, with all below"
        }
        Route::ManagedIdentity => "`/emulator/managed-identity`",
        other => unreachable!("{other:?} has no endpoint"),
    }
}
