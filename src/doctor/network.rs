//! Checks of the way to Entra ID and the ACS resource, and of both. They request no token and send none.

use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Method;
use url::Url;

use super::check::{Check, Outcome};
use crate::acs::{CommunicationUserId, Endpoint, IdentityClient, TokenScope};
use crate::config::Cloud;
use crate::entra::Authority;
use crate::error::{Error, Kind, Result};
use crate::exchange_client::ExchangeClient;
use crate::http::{self, CaFile, Http, Request, Response, Route};
use crate::time::{Clock, MAX_CLOCK_SKEW_SECONDS, Timestamp, in_words};

/// An identity that no resource has: its resource's id is the nil GUID.
const NO_IDENTITY: &str =
    "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000";

/// The response to the request for Entra's metadata, which several checks use.
pub struct MetadataProbe {
    address: Url,
    response: Result<Response>,
    /// This machine's time before the request and after the response.
    period: RangeInclusive<Timestamp>,
    issuer: Option<String>,
}

/// The credential for the resource.
pub enum Owner {
    /// A key; or why it could not be had.
    Key(Box<Result<IdentityClient>>),
    /// An Entra principal that the environment names.
    Principal,
    /// None: the user's token is the credential.
    User,
}

/// Asks Entra for the tenant's metadata, and looks at the certificate that is shown on the way.
pub async fn probe_metadata(
    authority: &Authority,
    http: &Http,
    clock: &dyn Clock,
) -> MetadataProbe {
    let mut address = authority.url().clone();
    address.set_path(&format!(
        "/{}/v2.0/.well-known/openid-configuration",
        authority.tenant()
    ));
    let start = clock.now();
    let response = http.send(|| Ok(Request::get(address.clone()))).await;
    let period = start..=clock.now();
    let is_https = address.scheme() == "https";
    let issuer = is_https.then(|| http.issuer(&address)).flatten();
    MetadataProbe {
        address,
        response,
        period,
        issuer,
    }
}

/// Shows the proxy, and whether it is the cause of a failure to reach Entra. Shows no credentials.
pub fn proxy(route: Result<Route>, probe: Option<&MetadataProbe>) -> Check {
    const NAME: &str = "proxy";
    let error = probe.and_then(|probe| probe.response.as_ref().err());
    if let Some(error) = error.filter(|error| http::is_proxy_error(error)) {
        return Check::failed(NAME, error);
    }
    match route {
        Ok(Route::Direct { why }) => Check::ok(NAME, format!("none: {why}")),
        Ok(Route::Through(route)) => {
            let address = route.address.as_str().trim_end_matches('/');
            let credentials = match route.has_credentials() {
                true => ", with credentials",
                false => "",
            };
            Check::ok(NAME, format!("{address}, set by {}{credentials}", route.by))
        }
        Err(error) => Check::failed(NAME, &error),
    }
}

/// Checks the files of certificate authorities, and names the issuer of Entra's certificate.
pub fn tls(files: &[CaFile], probe: Option<&MetadataProbe>) -> Check {
    const NAME: &str = "tls";
    let mut unreadable = None;
    let mut readable = Vec::new();
    for file in files {
        match file.read() {
            Ok(_) => readable.push(file.named_by),
            Err(error) if file.is_required() => return Check::failed(NAME, &error),
            Err(error) => unreadable = unreadable.or(Some(error)),
        }
    }
    let trust = match readable.is_empty() {
        true => "trusts the system's certificates".to_owned(),
        false => format!(
            "trusts the system's certificates and {}",
            readable.join(", ")
        ),
    };
    let seen = match probe {
        None => String::new(),
        Some(probe) if probe.address.scheme() != "https" => {
            "; the authority is on loopback, without TLS".to_owned()
        }
        Some(probe) => {
            let host = probe.address.host_str().unwrap_or_default();
            match (&probe.response, &probe.issuer) {
                (Err(error), _) if http::is_certificate_error(error) => {
                    return Check {
                        outcome: Outcome::Fail(error.kind()),
                        ..Check::warn(NAME, error.message(), error.hint())
                    };
                }
                (Err(_), _) => "; no certificate was received".to_owned(),
                (Ok(_), Some(by)) => format!("; the certificate of {host} was issued by {by}"),
                (Ok(_), None) => format!("; the certificate of {host} is valid"),
            }
        }
    };
    let finding = format!("{trust}{seen}");
    match unreadable {
        Some(error) => Check::warn(NAME, format!("{error}; {finding}"), error.hint()),
        None => Check::ok(NAME, finding),
    }
}

/// Checks that Entra responds, knows the tenant, and returns the right issuer.
pub async fn entra(probe: &MetadataProbe, authority: &Authority, http: &Http) -> Check {
    const NAME: &str = "entra";
    match &probe.response {
        Err(error) if http::is_certificate_error(error) => {
            return Check::skipped(NAME, "its certificate is not accepted: see `tls`");
        }
        Err(error) if http::is_proxy_error(error) => {
            return Check::skipped(NAME, "the proxy does not connect to it: see `proxy`");
        }
        Err(error) => return Check::failed(NAME, error),
        Ok(_) => {}
    }
    let metadata = match authority.discover(http).await {
        Ok(metadata) => metadata,
        Err(error) => return Check::failed(NAME, &error),
    };
    // The kinds of US Government tenants that are at this authority. An account that is not is
    // refused with AADSTS900382.
    let host = authority.url().host_str();
    let tenants = match host.and_then(Cloud::of_authority) {
        Some(Cloud::Public) => {
            "; GCC tenants are here, GCC High and DoD tenants are not (AADSTS900382)"
        }
        Some(Cloud::UsGovernment) => {
            "; GCC High and DoD tenants are here, GCC tenants are not (AADSTS900382)"
        }
        _ => "",
    };
    let finding = format!(
        "{} responds and knows the tenant {}{tenants}",
        authority.host_and_port(),
        authority.tenant()
    );
    let issuer = Url::parse(&metadata.issuer.replace(['{', '}'], ""));
    match issuer.is_ok_and(|issuer| issuer.host_str() == host) {
        true => Check::ok(NAME, finding),
        false => Check::warn(
            NAME,
            format!("{finding}; its issuer is on another host"),
            "Run `acspass config set authority-host https://login.microsoftonline.com`, or with the main \
             address of your cloud.",
        ),
    }
}

/// How far this machine's clock is at least from Entra's, whose `Date` was set between the request
/// and the response.
pub fn clock(probe: &MetadataProbe) -> Check {
    const NAME: &str = "clock";
    let Some(theirs) = probe.response.as_ref().ok().and_then(Response::date) else {
        return Check::skipped(NAME, "no response with a time");
    };
    let ahead = clock_offset(&probe.period, theirs);
    let apart = in_words(Duration::from_secs(ahead.unsigned_abs()));
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    match ahead.unsigned_abs() {
        0 => Check::ok(NAME, "0 s from Entra's"),
        1..=MAX_CLOCK_SKEW_SECONDS => Check::ok(NAME, format!("{apart} {side} Entra's")),
        _ => Check::warn(
            NAME,
            format!("this machine's clock is {apart} {side} Entra's"),
            "Turn on network time. In WSL, run `sudo hwclock -s`.",
        ),
    }
}

/// Returns the least number of seconds by which this machine is ahead of a service that sent the time
/// `theirs` within `period`.
fn clock_offset(period: &RangeInclusive<Timestamp>, theirs: Timestamp) -> i64 {
    let nearest = theirs.clamp(*period.start(), *period.end());
    nearest.seconds_since(theirs)
}

/// Whether the resource is there, and its key the right one. Nothing there is changed.
pub async fn resource(endpoint: &Endpoint, owner: Owner, http: &Http) -> Check {
    const NAME: &str = "resource";
    let host = endpoint.host_header();
    let good = match &owner {
        Owner::User => Check::ok(
            NAME,
            format!(
                "{host} responds; this kind of exchange needs no access key, but an assignment by \
                 the resource's owner"
            ),
        ),
        Owner::Principal => Check::warn(
            NAME,
            format!("{host} responds; without an access key, an Entra principal is used"),
            "Run `acspass user create` to check that the principal in the AZURE_* variables has a \
             role on the resource. It creates an identity, so `doctor` does not try it.",
        ),
        Owner::Key(_) => Check::ok(NAME, format!("{host} responds and accepts the access key")),
    };
    match ask_resource(endpoint, owner, http).await {
        Ok(()) => good,
        Err(error) => Check::failed(NAME, &error),
    }
}

/// Whether the exchange service is there, with a valid certificate, and ready.
pub async fn exchange_service(client: &ExchangeClient) -> Check {
    const NAME: &str = "service";
    let url = client.url();
    match client.check_ready().await {
        Ok(()) => {
            let certificate = match client.certificate_issuer() {
                Some(by) => format!("; its certificate was issued by {by}"),
                None => String::new(),
            };
            let finding = format!("the exchange service at {url} is ready{certificate}");
            Check::ok(NAME, finding)
        }
        Err(error) => Check::failed(NAME, &error),
    }
}

/// Like [`resource`], with the error as a result.
///
/// # Errors
/// [`Kind::Unreachable`] if no resource answers there, [`Kind::Refused`] if it does not
/// accept the key, and the owner's own error.
pub async fn ask_resource(endpoint: &Endpoint, owner: Owner, http: &Http) -> Result<()> {
    // Asks for something without a signature: the resource itself says 401.
    let address = format!("{}/identities?api-version=2023-10-01", endpoint.as_str());
    let url = Url::parse(&address)
        .map_err(|_| Error::internal("an endpoint is not a URL after it was checked"))?;
    let request = Request {
        method: Method::POST,
        ..Request::get(url)
    };
    let response = http.send(|| Ok(request.clone())).await?;
    let status = response.status.as_u16();
    if status != 401 || !(response.is_json() || response.body.is_empty()) {
        return Err(http::foreign(
            &endpoint.host_header(),
            &response,
            &format!("{status} in place of 401 for a request without a signature"),
            "Check the endpoint. A proxy or a captive portal can also send this response.",
        ));
    }
    match owner {
        Owner::User | Owner::Principal => Ok(()),
        Owner::Key(client) => proves_the_key(&(*client)?).await,
    }
}

/// Sends a signed request for an impossible identity. Its refusal shows that the key is right.
async fn proves_the_key(client: &IdentityClient) -> Result<()> {
    let user = CommunicationUserId::parse(NO_IDENTITY)?;
    let Err(error) = client.issue_token(&user, &[TokenScope::Chat], None).await else {
        return Err(Error::internal(
            "a token was issued for an identity that cannot be",
        ));
    };
    // How a keyless resource refuses a key is not published: 401 or 403.
    let is_refused_as_owner = error.service_response().is_some_and(|response| {
        matches!(response.status, 401 | 403) && response.code.as_deref() != Some("IdentityNotOwned")
    });
    match error.kind() {
        Kind::Refused if !is_refused_as_owner => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree_if_the_date_is_within_the_request() {
        let at = Timestamp::from_unix_seconds;
        let request = at(1_000)..=at(1_002);
        let offsets = [998, 999, 1_000, 1_001, 1_002, 1_003, 1_302]
            .map(|theirs| clock_offset(&request, at(theirs)));
        assert_eq!(offsets, [2, 1, 0, 0, 0, -1, -300]);
    }
}
