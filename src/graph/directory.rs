//! The look-up.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use url::Url;

use super::address::GraphAddress;
use crate::error::{Error, Kind, Result, ServiceResponse};
use crate::http::{self, Http, Request, Response, host_of};
use crate::input::guid;
use crate::secret::{EntraToken, is_b64token};
use crate::text::{is_unprintable, one_line, quoted, secret_form};
use crate::wire;
use crate::wire::graph::{GraphError, UserEntry, UserPage};

/// The longest name that is looked up, in characters: Entra's limit of a user principal name is lower.
const MAX_NAME_LENGTH: usize = 256;
/// The most candidates that are requested.
const MAX_CANDIDATES: usize = 10;
/// The characters that are not escaped in a query (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The users of the tenant of a token.
pub struct Directory {
    http: Arc<Http>,
    address: GraphAddress,
    token: EntraToken,
}

/// A user of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The object id, in lower case.
    pub object_id: String,
    /// The user principal name.
    pub user_principal_name: String,
}

/// The result of a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserLookup {
    /// The user with this user principal name, which is unique.
    Named(DirectoryUser),
    /// The only user with this mail address or display name. Other users can have it later.
    One(DirectoryUser),
    /// No user has it.
    None,
    /// Several users have it.
    Several(Vec<DirectoryUser>),
}

impl Directory {
    /// Opens the directory at this address with this token. Nothing is contacted until the first call.
    pub fn new(http: Arc<Http>, address: GraphAddress, token: EntraToken) -> Self {
        Directory {
            http,
            address,
            token,
        }
    }

    /// Finds the user with this name: a user principal name or a mail address, or a whole display
    /// name if it has no `@`. A user principal name comes first, since it is unique.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the text cannot be a name; [`Kind::Refused`] if Graph refuses;
    /// [`Kind::Unreachable`] if it does not respond.
    pub async fn find_user(&self, name: &str) -> Result<UserLookup> {
        let name = check_name(name)?;
        let url = self.query(name);
        let host = host_of(&url);
        let mut bearer = match is_b64token(self.token.expose()) {
            true => HeaderValue::from_str(&format!("Bearer {}", self.token.expose())),
            false => return Err(Error::internal("the Entra token is not one")),
        }
        .map_err(|_| Error::internal("a token is not a header value"))?;
        bearer.set_sensitive(true);
        let json = HeaderValue::from_static("application/json");
        let make = || {
            Ok(Request::get(url.clone())
                .with_header(AUTHORIZATION, bearer.clone())
                .with_header(ACCEPT, json.clone()))
        };
        let response = self.http.send(make).await?;
        if response.status.as_u16() != 200 {
            return Err(refusal(&host, &response));
        }
        let page: Option<UserPage> = wire::read(&response.body);
        let unusable = || foreign(&host, &response, "a response that is not Microsoft Graph's");
        let users: Option<Vec<DirectoryUser>> =
            page.and_then(|page| page.value.into_iter().map(user).collect());
        Ok(chosen(users.ok_or_else(unusable)?, name))
    }

    /// Returns the address of the query. OData doubles a quote in a text.
    fn query(&self, name: &str) -> Url {
        let literal = format!("'{}'", name.replace('\'', "''"));
        let properties: &[&str] = match name.contains('@') {
            true => &["userPrincipalName", "mail"],
            false => &["displayName"],
        };
        let comparisons = properties.iter();
        let comparisons = comparisons.map(|property| format!("{property} eq {literal}"));
        let filter = comparisons.collect::<Vec<_>>().join(" or ");
        let filter = utf8_percent_encode(&filter, ESCAPED);
        let mut url = self.address.url().clone();
        url.set_path("/v1.0/users");
        url.set_query(Some(&format!(
            "$filter={filter}&$select=id,userPrincipalName&$top={MAX_CANDIDATES}"
        )));
        url
    }
}

/// Checks a name before any request, and returns it without spaces around.
///
/// # Errors
/// [`Kind::Usage`] if the text cannot be a name.
pub fn check_name(name: &str) -> Result<&str> {
    let name = name.trim();
    let is_wrong = name.is_empty()
        || name.chars().count() > MAX_NAME_LENGTH
        || name.chars().any(is_unprintable)
        || secret_form(name).is_some();
    match is_wrong {
        false => Ok(name),
        true => Err(Error::usage(
            format!("{} is not the name of a user", quoted(name)),
            "Use the name of the sign-in, such as ada@contoso.com, or an object id.",
        )),
    }
}

fn user(entry: UserEntry) -> Option<DirectoryUser> {
    Some(DirectoryUser {
        object_id: guid(&entry.id)?,
        user_principal_name: entry.user_principal_name,
    })
}

fn chosen(mut users: Vec<DirectoryUser>, name: &str) -> UserLookup {
    let is_named =
        |user: &DirectoryUser| user.user_principal_name.to_lowercase() == name.to_lowercase();
    if let Some(named) = users.iter().position(is_named) {
        return UserLookup::Named(users.swap_remove(named));
    }
    match users.len() {
        0 => UserLookup::None,
        1 => UserLookup::One(users.swap_remove(0)),
        _ => UserLookup::Several(users),
    }
}

fn foreign(host: &str, response: &Response, what: &str) -> Error {
    http::foreign(
        host,
        response,
        what,
        "Check for a proxy or a captive portal, or pass object ids without `--resolve`.",
    )
}

/// Returns the error for a response without users.
fn refusal(host: &str, response: &Response) -> Error {
    let status = response.status.as_u16();
    if response.is_transient_error() {
        return Error::unreachable(
            format!("{host} keeps returning HTTP status {status}"),
            "Wait some minutes, then run the command again, or pass object ids without `--resolve`.",
        );
    }
    let Some(details) = wire::read::<GraphError>(&response.body) else {
        let what = format!("HTTP status {status} in another format than Microsoft Graph's");
        return foreign(host, response, &what);
    };
    let (message, hint) = match status {
        401 => (
            "Microsoft Graph does not accept the user's token".to_owned(),
            "Run `acspass login`, then run the command again.",
        ),
        403 => (
            "Microsoft Graph refused to look up users".to_owned(),
            "Ask an admin of the tenant to consent to the delegated permission User.ReadBasic.All \
             for the application, or pass object ids without `--resolve`.",
        ),
        _ => (
            format!("Microsoft Graph refused the look-up with HTTP status {status}"),
            "Pass object ids without `--resolve`.",
        ),
    };
    let text = |text: &str| (!text.is_empty()).then(|| one_line(text, 300));
    let said = text(&details.message);
    let mut error = Error::new(Kind::Refused, message, hint);
    if let Some(said) = &said {
        error = error.caused_by(format!("the service says: {said}"));
    }
    let id = response.headers.get("request-id");
    error.with_service_response(ServiceResponse {
        status,
        code: text(&details.code),
        target: None,
        message: said,
        request_id: id.and_then(|id| text(id.to_str().ok()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        let url = Url::parse("https://graph.microsoft.com").expect("a URL");
        let address = GraphAddress::new(url, "https://graph.microsoft.com");
        let http = Arc::new(Http::new(http::Options::default()));
        Directory::new(http, address, EntraToken::new("a.b.c"))
    }

    #[test]
    fn a_name_is_escaped_for_odata_and_for_the_address() {
        let tail = "&$select=id,userPrincipalName&$top=10";
        for (name, filter) in [
            (
                "o'neil+x@contoso.com",
                "userPrincipalName%20eq%20%27o%27%27neil%2Bx%40contoso.com%27%20or%20mail%20eq%20\
                 %27o%27%27neil%2Bx%40contoso.com%27",
            ),
            (
                "Zo\u{eb} & #1",
                "displayName%20eq%20%27Zo%C3%AB%20%26%20%231%27",
            ),
        ] {
            let url = directory().query(name);
            let expected = format!("https://graph.microsoft.com/v1.0/users?$filter={filter}{tail}");
            // A URL has no bare quote in its query.
            assert_eq!(url.as_str(), expected, "{name}");
        }
    }

    #[test]
    fn text_that_is_no_name_is_refused() {
        for wrong in ["", "  ", "a\nb", &"x".repeat(257)] {
            let error = check_name(wrong).expect_err("no name");
            assert_eq!(error.kind(), Kind::Usage);
        }
        assert_eq!(check_name(" ada ").ok(), Some("ada"));
    }

    #[test]
    fn a_user_principal_name_decides_between_several() {
        let user = |name: &str| DirectoryUser {
            object_id: name.to_owned(),
            user_principal_name: name.to_owned(),
        };
        let both = vec![user("a@x"), user("b@x")];
        assert_eq!(chosen(both.clone(), "B@X"), UserLookup::Named(user("b@x")));
        assert_eq!(chosen(both.clone(), "ada"), UserLookup::Several(both));
        assert_eq!(
            chosen(vec![user("a@x")], "ada"),
            UserLookup::One(user("a@x"))
        );
        assert_eq!(chosen(Vec::new(), "ada"), UserLookup::None);
    }
}
