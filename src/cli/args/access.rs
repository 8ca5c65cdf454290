//! The arguments of `access`.

use clap::{Args, Subcommand, ValueEnum};

/// Permit users to get tokens without an access key
#[derive(Debug, Subcommand)]
pub(crate) enum Access {
    List(AccessList),
    Grant(AccessGrant),
    Revoke(AccessRevoke),
}

/// List the assignments of the resource
#[derive(Debug, Args)]
pub(crate) struct AccessList {
    /// Show these only: an object id, or with --resolve a name; `-` reads them from standard input
    #[arg(value_name = "USER")]
    pub(crate) users: Vec<String>,
    #[command(flatten)]
    pub(crate) options: AccessOptions,
}

/// Permit principals to get tokens of applications
#[derive(Debug, Args)]
pub(crate) struct AccessGrant {
    /// Grant access to these: an object id, or with --resolve a name; `-` reads them from standard input
    #[arg(value_name = "USER", required = true)]
    pub(crate) users: Vec<String>,
    /// Set the type of the principals
    #[arg(long = "type", value_enum, value_name = "TYPE", default_value_t)]
    pub(crate) principal: Principal,
    /// Permit this application; repeatable [default: the setting `client-id`]
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Vec<String>,
    #[command(flatten)]
    pub(crate) options: AccessOptions,
}

/// End the permission of principals, without confirmation
#[derive(Debug, Args)]
pub(crate) struct AccessRevoke {
    /// Revoke the access of these: an object id, or with --resolve a name; `-` reads them from
    /// standard input
    #[arg(value_name = "USER", required = true)]
    pub(crate) users: Vec<String>,
    /// End the permission for this application only; repeatable
    #[arg(long, value_name = "GUID")]
    pub(crate) client_id: Vec<String>,
    #[command(flatten)]
    pub(crate) options: AccessOptions,
}

/// The options of all three.
#[derive(Debug, Args)]
pub(crate) struct AccessOptions {
    /// Choose the exchange that the assignments permit [env: ACSPASS_EXCHANGE]
    #[arg(long, value_enum, value_name = "EXCHANGE")]
    pub(crate) exchange: Option<KeylessExchange>,
    /// Use principals of this tenant: a GUID or a domain [env: ACSPASS_TENANT_ID]
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Look up names in Microsoft Graph, as the signed-in user and in that user's tenant
    #[arg(long)]
    pub(crate) resolve: bool,
}

/// An exchange without an access key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeylessExchange {
    Entra,
    TeamsExtension,
}

/// The type of a principal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Principal {
    #[default]
    User,
    Group,
    Tenant,
    ResourceAccount,
}
