//! The one route of Microsoft Graph: the look-up of users by name, `GET /v1.0/users?$filter=…`.
//!
//! The filter is one or more comparisons `PROPERTY eq 'TEXT'`, with `or` between them. Every other
//! query is refused.

use serde_json::{Value, json};

use crate::emulator::acs::request::{EntraClaims, bearer};
use crate::emulator::http::{Reply, Request};
use crate::emulator::verify::ensure;
use crate::emulator::world::tenant::Tenant;
use crate::emulator::world::user::{Member, User};

/// The path of the route.
pub(crate) const USERS_PATH: &str = "/v1.0/users";
/// The audiences of Graph's tokens.
const AUDIENCES: [&str; 3] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.com/",
    "00000003-0000-0000-c000-000000000000",
];
const PERMISSION: &str = "User.ReadBasic.All";
/// The properties of a user that a filter and `$select` can name.
const PROPERTIES: [&str; 4] = ["id", "displayName", "mail", "userPrincipalName"];
/// The most users of a response.
const MAX_USERS: usize = 999;
const DEFAULT_USERS: usize = 100;

/// An error: status, code, message, and the reason for the journal.
struct GraphError(u16, &'static str, String, Option<String>);

/// The message has text of the client; `reason` is for the journal, which stores none.
fn bad_request(message: String, reason: &str) -> GraphError {
    GraphError(400, "BadRequest", message, Some(reason.to_owned()))
}

fn unauthenticated(reason: impl Into<String>) -> GraphError {
    let message = "Access token validation failure.".to_owned();
    GraphError(
        401,
        "InvalidAuthenticationToken",
        message,
        Some(reason.into()),
    )
}

/// Responds to a request for users.
pub(crate) fn respond(request: &Request) -> Reply {
    let reply = users(request).unwrap_or_else(|GraphError(status, code, message, reason)| {
        let inner = json!({
            "date": request.now.to_string(),
            "request-id": request.request_id,
            "client-request-id": request.correlation_id,
        });
        let error = json!({"code": code, "message": message, "innerError": inner});
        let reply = Reply::json(status, &json!({"error": error}));
        reply.because(reason.unwrap_or(message))
    });
    reply
        .with("request-id", &request.request_id)
        .with("client-request-id", &request.correlation_id)
        .named("list_users")
}

fn users(request: &Request) -> Result<Reply, GraphError> {
    let claims = caller(request)?;
    let get_only = "Specified HTTP method is not allowed for the request target.";
    let not_allowed = GraphError(405, "Request_BadRequest", get_only.to_owned(), None);
    ensure(request.is_get(), not_allowed)?;
    let filter = request.query_value("$filter").unwrap_or_default();
    let filter = Filter::parse(&filter)?;
    let selected = selected(request)?;
    let top = match request.query_value("$top") {
        None => DEFAULT_USERS,
        Some(text) => {
            let number = text.parse().ok();
            let number = number.filter(|number| (1..=MAX_USERS).contains(number));
            let invalid = format!("Invalid page size specified: '{text}'.");
            number.ok_or_else(|| bad_request(invalid, "$top is not a page size"))?
        }
    };
    let tenants = &request.world.tenants;
    let tenant = tenants.iter().find(|tenant| tenant.id == claims.tid);
    let tenant = tenant.ok_or_else(|| unauthenticated("the token's tenant does not exist"))?;
    let all = request.world.users.iter();
    let all = all.filter_map(|user| Some(entry(user, user.account_in(tenant)?, tenant)));
    let found = all.filter(|user| filter.admits(user)).take(top);
    let found: Vec<Value> = found.map(|user| only(&user, &selected)).collect();
    let context = format!(
        "{}/v1.0/$metadata#users({})",
        request.base,
        selected.join(",")
    );
    let body = json!({"@odata.context": context, "value": found});
    Ok(Reply::json(200, &body))
}

/// Checks the token of the caller.
fn caller(request: &Request) -> Result<EntraClaims, GraphError> {
    let token =
        bearer(request).ok_or_else(|| unauthenticated("the request has no bearer token"))?;
    let claims = EntraClaims::read(request, token).map_err(unauthenticated)?;
    let checked = claims.check_audience(&AUDIENCES);
    checked.map_err(unauthenticated)?;
    let message = "Insufficient privileges to complete the operation.".to_owned();
    let reason = format!("the token has no scope {PERMISSION}");
    let denied = GraphError(403, "Authorization_RequestDenied", message, Some(reason));
    ensure(
        !claims.granted(&[(PERMISSION, PERMISSION)]).is_empty(),
        denied,
    )?;
    claims.accept(request);
    Ok(claims)
}

/// Returns the properties that the request selects.
fn selected(request: &Request) -> Result<Vec<&'static str>, GraphError> {
    let Some(text) = request.query_value("$select") else {
        return Ok(PROPERTIES.to_vec());
    };
    text.split(',').map(property).collect()
}

fn property(name: &str) -> Result<&'static str, GraphError> {
    let mut known = PROPERTIES.into_iter();
    known
        .find(|known| known.eq_ignore_ascii_case(name.trim()))
        .ok_or_else(|| {
            let message =
                format!("Could not find a property named '{name}' on type 'microsoft.graph.user'.");
            bad_request(message, "the query names an unknown property")
        })
}

/// Returns a user as the directory of a tenant has it.
fn entry(user: &User, account: &Member, tenant: &Tenant) -> Value {
    let name = &user.username;
    let principal = match *account.tenant == *user.home.tenant {
        true => name.clone(),
        false => format!("{}#EXT#@{}", name.replace('@', "_"), tenant.domain),
    };
    json!({
        "id": account.oid,
        "displayName": user.name,
        "mail": name,
        "userPrincipalName": principal,
    })
}

fn only(user: &Value, selected: &[&str]) -> Value {
    let members = selected.iter();
    let members = members.map(|name| ((*name).to_owned(), user[*name].clone()));
    Value::Object(members.collect())
}

/// Comparisons, of which one must be true.
#[derive(Debug, PartialEq, Eq)]
struct Filter(Vec<(&'static str, String)>);

impl Filter {
    fn parse(text: &str) -> Result<Filter, GraphError> {
        let message = || format!("Invalid filter clause: '{text}'.");
        let invalid = || bad_request(message(), "$filter is not supported");
        let mut comparisons = Vec::new();
        let mut rest = text.trim();
        loop {
            let (name, value) = rest.split_once(" eq '").ok_or_else(invalid)?;
            let (value, after) = literal(value).ok_or_else(invalid)?;
            comparisons.push((property(name)?, value));
            rest = match after {
                "" => return Ok(Filter(comparisons)),
                after => after.strip_prefix(" or ").ok_or_else(invalid)?,
            };
        }
    }

    fn admits(&self, user: &Value) -> bool {
        self.0.iter().any(|(name, value)| {
            let text = user[*name].as_str().unwrap_or_default();
            text.to_lowercase() == value.to_lowercase()
        })
    }
}

/// Reads a literal after its first quote. A quote in it is doubled (OData 4.01, section 5.1.1.14.1 of
/// the URL conventions). Returns the text and what follows.
fn literal(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('\'')?;
        value.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}
