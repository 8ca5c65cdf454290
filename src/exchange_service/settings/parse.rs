//! Checks the text of each setting.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::names as name;
use super::source::Source;
use super::values::{
    Budget, Drain, ListenOn, Proof, ProofKind, ResourceSettings, Settings, TlsFiles, TokenRules,
    UserRate,
};
use crate::acs::Endpoint;
use crate::acs::resource_credential::is_developer_tool;
use crate::error::{Error, Result};
use crate::http::{BaseAddress, CaFile};
use crate::secret::ServiceSecret;
use crate::text::quoted;
use crate::time::parse_duration;

const BEHIND_A_PROXY: &str = "behind-a-proxy";
/// The window of the resource: what an earlier process sent does not count any more.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const MAX_BUDGET: u32 = 1_000_000;
const MAX_REPLICAS: u32 = 1_000;

impl Settings {
    /// Reads the settings from the environment, and those that it lacks from the file.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) names the setting that is missing or invalid.
    pub fn read(environment: &BTreeMap<String, String>, file: Option<&Path>) -> Result<Settings> {
        Settings::read_with_all_faults(environment, file).map_err(|first_of| first_of.0)
    }

    /// As [`Settings::read`], with the first fault and all others.
    ///
    /// # Errors
    /// Each is of [`Kind::Usage`](crate::Kind::Usage).
    pub(in crate::exchange_service) fn read_with_all_faults(
        environment: &BTreeMap<String, String>,
        file: Option<&Path>,
    ) -> Result<Settings, (Error, Vec<Error>)> {
        let read = Source::new(environment, file).map_err(|error| (error, Vec::new()));
        let (source, faults) = read?;
        let mut faults = Faults(faults);
        let settings = settings(&source, &mut faults);
        if let Some(settings) = settings.filter(|_| faults.0.is_empty()) {
            return Ok(settings);
        }
        // Valid settings' files are read by the parts that use them.
        faults.0.extend(source.unreadable_files());
        let mut faults = faults.0.into_iter();
        let missing = || Error::internal("the settings cannot be read");
        Err((faults.next().unwrap_or_else(missing), faults.collect()))
    }
}

/// The faults of settings that were read so far.
#[derive(Default)]
struct Faults(Vec<Error>);

impl Faults {
    /// Keeps the error of a setting, so that the others are read too.
    fn note<T>(&mut self, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.0.push(error)).ok()
    }
}

fn settings(source: &Source, faults: &mut Faults) -> Option<Settings> {
    let resource = faults.note(resource(source));
    let on_behalf_of = faults.note(on_behalf_of(source));
    let database = source.text(name::DATABASE_URL).map(database).transpose();
    let database = faults.note(database);
    let uses_custom_ids = faults.note(switch(source, name::CUSTOM_ID));
    let listen = faults.note(listen(source));
    let rules = rules(source, faults);
    let authority = faults.note(authority(source));
    let budget = faults.note(budget(source));
    let user_rate = faults.note(user_rate(source));
    let minimum = faults.note(duration(source, name::MIN_DRAIN, Duration::from_secs(5)));
    let maximum = faults.note(duration(source, name::MAX_DRAIN, Duration::from_secs(30)));
    let first_wait = match cfg!(debug_assertions) {
        true => faults.note(duration(source, name::TEST_FIRST_WAIT, FIRST_WAIT)),
        false => Some(FIRST_WAIT),
    };
    let ca_files = ca_files(source);
    // They are read again at the first connection with TLS, which can be much later.
    for file in ca_files.iter().filter(|file| file.is_required()) {
        faults.note(file.read());
    }
    Some(Settings {
        listen: listen?,
        rules: rules?,
        authority: authority?,
        resource: resource?,
        budget: budget?,
        user_rate: user_rate?,
        database: database?,
        on_behalf_of: on_behalf_of?,
        uses_custom_ids: uses_custom_ids?,
        drain: Drain {
            minimum: minimum?,
            maximum: maximum?,
        },
        first_wait: first_wait?,
        ca_files,
    })
}

fn wrong(name: &str, value: &str, hint: &str) -> Error {
    let value = quoted(value);
    Error::usage(format!("invalid value {value} for {name}"), hint)
}

fn required<'s>(source: &'s Source, name: &str, hint: &str) -> Result<&'s str> {
    let missing = || Error::usage(format!("{name} is not set"), hint);
    source.text(name).ok_or_else(missing)
}

fn listen(source: &Source) -> Result<ListenOn> {
    let service = address(source, name::LISTEN, "127.0.0.1:8488")?;
    let metrics = address(source, name::METRICS_LISTEN, "127.0.0.1:8489")?;
    let path = |name| source.text(name).map(PathBuf::from);
    let client_authorities = path(name::TLS_CLIENT_CA);
    let tls = match (path(name::TLS_CERT), path(name::TLS_KEY)) {
        (Some(certificate), Some(key)) => Some(TlsFiles {
            certificate,
            key,
            client_authorities,
        }),
        (None, None) if client_authorities.is_none() => None,
        _ => {
            return Err(Error::usage(
                "TLS needs a certificate and a key",
                format!("Set both {} and {}.", name::TLS_CERT, name::TLS_KEY),
            ));
        }
    };
    let is_plain = match source.text(name::PLAIN) {
        None => false,
        Some(BEHIND_A_PROXY) => true,
        Some(other) => {
            let hint = format!("Set it to `{BEHIND_A_PROXY}`, or unset it.");
            return Err(wrong(name::PLAIN, other, &hint));
        }
    };
    let mut addresses = [service, metrics].into_iter();
    let remote = addresses.find(|address| !address.ip().is_loopback());
    if let Some(remote) = remote.filter(|_| tls.is_none() && !is_plain) {
        return Err(Error::usage(
            format!("{remote} is not loopback, and there are no files for TLS"),
            format!(
                "Set {} and {}. If a proxy in front of the service speaks TLS, set {}={BEHIND_A_PROXY}.",
                name::TLS_CERT,
                name::TLS_KEY,
                name::PLAIN
            ),
        ));
    }
    Ok(ListenOn {
        service,
        metrics,
        tls,
    })
}

fn address(source: &Source, name: &str, default: &str) -> Result<SocketAddr> {
    let text = source.text(name).unwrap_or(default);
    let hint = "Use an IP address and a port, such as `127.0.0.1:8488` or `[::]:8488`.";
    text.parse().map_err(|_| wrong(name, text, hint))
}

fn rules(source: &Source, faults: &mut Faults) -> Option<TokenRules> {
    let scope = faults.note(scope(source));
    let audiences = faults.note(audiences(source));
    let tenants = faults.note(ids(
        source,
        name::TENANTS,
        "Set it to the ids (GUIDs) of the allowed tenants, separated by commas.",
    ));
    let clients = faults.note(ids(
        source,
        name::CLIENTS,
        "Set it to the ids (GUIDs) of the allowed applications, separated by commas.",
    ));
    Some(TokenRules {
        tenants: tenants?,
        clients: clients?,
        audiences: audiences?,
        scope: scope?,
    })
}

fn scope(source: &Source) -> Result<String> {
    let text = source.text(name::SCOPE).unwrap_or("access_as_user");
    // An application permits `scope` alone; the whole URI is a common mistake.
    let scope = text.rsplit('/').next().unwrap_or(text);
    match scope.is_empty() || scope.contains([' ', ',']) {
        true => Err(wrong(
            name::SCOPE,
            text,
            "Use one scope, such as `access_as_user`.",
        )),
        false => Ok(scope.to_owned()),
    }
}

fn ids(source: &Source, name: &str, hint: &str) -> Result<Vec<String>> {
    let texts = list(required(source, name, hint)?);
    let ids = texts.map(|id| match uuid::Uuid::try_parse(id) {
        Ok(id) => Ok(id.hyphenated().to_string()),
        Err(_) => Err(wrong(name, id, hint)),
    });
    let ids: Vec<String> = ids.collect::<Result<_>>()?;
    match ids.is_empty() {
        true => Err(Error::usage(format!("{name} is empty"), hint)),
        false => Ok(ids),
    }
}

fn audiences(source: &Source) -> Result<Vec<String>> {
    let hint = "Set it to the Application ID URI (`api://…`) of this service's registration, \
         or to its client id if its tokens have version 2.";
    let audiences = list(required(source, name::AUDIENCE, hint)?).map(str::to_owned);
    let audiences: Vec<String> = audiences.collect();
    if audiences.is_empty() {
        return Err(Error::usage(format!("{} is empty", name::AUDIENCE), hint));
    }
    let mut all = audiences.iter();
    match all.find(|own| crate::acs::teams_token::is_audience(own)) {
        Some(acs) => Err(wrong(name::AUDIENCE, acs, hint)),
        None => Ok(audiences),
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split([',', ' ']).map(str::trim);
    parts.filter(|part| !part.is_empty())
}

fn authority(source: &Source) -> Result<Url> {
    let text = source.text(name::AUTHORITY_HOST);
    let text = text.unwrap_or("https://login.microsoftonline.com");
    // The text may contain a password, so it is not quoted.
    let wrong = |what: &str| {
        Error::usage(
            format!("the authority in {} {what}", name::AUTHORITY_HOST),
            "Use a URL such as https://login.microsoftonline.com, without a tenant.",
        )
    };
    let address = BaseAddress::parse(text, wrong)?;
    match address.has_path() {
        true => Err(wrong("has a path")),
        false => Ok(address.url().clone()),
    }
}

fn resource(source: &Source) -> Result<ResourceSettings> {
    let hint =
        "Set it to the endpoint of the resource, such as https://contoso.communication.azure.com.";
    let endpoint = Endpoint::parse(required(source, name::ENDPOINT, hint)?)?;
    let allowed_hosts = source.text(name::ALLOW_ENDPOINT).unwrap_or_default();
    let allowed_hosts: Vec<String> = list(allowed_hosts).map(str::to_owned).collect();
    endpoint
        .check_may_receive(&allowed_hosts)
        .map_err(|error| {
            let hint = format!(
                "Check {}. {} permits another host.",
                name::ENDPOINT,
                name::ALLOW_ENDPOINT
            );
            error.with_hint(hint)
        })?;
    let mut principal: BTreeMap<String, String> = name::PRINCIPAL
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), source.text(name)?.to_owned())))
        .collect();
    if source.text(name::AUTHORITY_HOST).is_some()
        && let Ok(authority) = authority(source)
    {
        let authority = authority.as_str().trim_end_matches('/');
        principal.insert(name::AUTHORITY_HOST.to_owned(), authority.to_owned());
    }
    let key_file = source.text(name::KEY_FILE).map(PathBuf::from);
    if key_file.is_none() && is_developer_tool(&principal) {
        return Err(Error::usage(
            "there is no credential for the ACS resource",
            format!(
                "Set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_FEDERATED_TOKEN_FILE (or \
                 AZURE_CLIENT_CERTIFICATE_PATH, or AZURE_CLIENT_SECRET), or \
                 AZURE_TOKEN_CREDENTIALS=managedidentitycredential, or {} with the access key in a file.",
                name::KEY_FILE
            ),
        ));
    }
    Ok(ResourceSettings {
        endpoint,
        key_file,
        allowed_hosts,
        principal,
    })
}

fn budget(source: &Source) -> Result<Budget> {
    let budget = Budget {
        per_window: number(source, name::BUDGET, 500, MAX_BUDGET)?,
        replicas: number(source, name::REPLICAS, 1, MAX_REPLICAS)?,
        has_replicas: source.text(name::REPLICAS).is_some(),
    };
    match budget.fixed_share() {
        0 => Err(Error::usage(
            format!("{} is smaller than {}", name::BUDGET, name::REPLICAS),
            "Set a budget of at least one request for each replica.",
        )),
        _ => Ok(budget),
    }
}

fn user_rate(source: &Source) -> Result<UserRate> {
    let text = source.text(name::USER_RATE).unwrap_or("12");
    let hint = "Use requests per minute, such as `12`, or with the number at once, such as `12,5`.";
    let numbers: Option<Vec<u32>> = text
        .split(',')
        .map(|part| part.trim().parse().ok().filter(|number| *number > 0))
        .collect();
    match numbers.as_deref() {
        Some([per_minute]) => Ok(UserRate {
            per_minute: *per_minute,
            burst: 5.min(*per_minute),
        }),
        Some([per_minute, burst]) => Ok(UserRate {
            per_minute: *per_minute,
            burst: *burst,
        }),
        _ => Err(wrong(name::USER_RATE, text, hint)),
    }
}

fn number(source: &Source, name: &str, default: u32, most: u32) -> Result<u32> {
    let Some(text) = source.text(name) else {
        return Ok(default);
    };
    let number = text.parse().ok();
    let number = number.filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| wrong(name, text, &format!("Use a number from 1 to {most}.")))
}

fn duration(source: &Source, name: &str, default: Duration) -> Result<Duration> {
    let Some(text) = source.text(name) else {
        return Ok(default);
    };
    parse_duration(text).map_err(|_| wrong(name, text, "Use a duration such as `90s` or `2m`."))
}

fn switch(source: &Source, name: &str) -> Result<bool> {
    match source.text(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(wrong(name, other, "Use `true` or `false`.")),
    }
}

fn database(text: &str) -> Result<ServiceSecret> {
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    match is_url && text.parse::<tokio_postgres::Config>().is_ok() {
        true => Ok(ServiceSecret::new(text)),
        // It contains a password, so it is not quoted.
        false => Err(Error::usage(
            format!(
                "{} is not the URL of a PostgreSQL database",
                name::DATABASE_URL
            ),
            "Use a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE.",
        )),
    }
}

fn on_behalf_of(source: &Source) -> Result<Option<Proof>> {
    if !switch(source, name::ON_BEHALF_OF)? {
        return Ok(None);
    }
    let hint = "Set AZURE_CLIENT_ID to the client id of this service's registration, and \
         AZURE_CLIENT_CERTIFICATE_PATH or AZURE_FEDERATED_TOKEN_FILE to its credential.";
    let client_id = required(source, name::CLIENT_ID, hint)?.to_owned();
    let path = |name| source.text(name).map(PathBuf::from);
    let certificate = path(name::CERTIFICATE_PATH).map(ProofKind::Certificate);
    let federated = path(name::FEDERATED_TOKEN_FILE).map(ProofKind::Federated);
    let kind = certificate.or(federated).ok_or_else(|| {
        let message = format!(
            "{} needs a certificate or a federated token",
            name::ON_BEHALF_OF
        );
        Error::usage(message, hint)
    })?;
    Ok(Some(Proof { client_id, kind }))
}

fn ca_files(source: &Source) -> Vec<CaFile> {
    let files = [name::CA_FILE, name::SSL_CERT_FILE].map(|named_by| {
        Some(CaFile {
            path: source.text(named_by)?.into(),
            named_by,
            required: named_by == name::CA_FILE,
        })
    });
    files.into_iter().flatten().collect()
}
