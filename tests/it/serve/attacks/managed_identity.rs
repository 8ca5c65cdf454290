//! The managed identity of `exec --managed-identity`: requests that a program could be made to send,
//! for other resources and identities, with another secret, and from another user.

use std::os::unix::net::UnixStream;

use serde_json::Value;

use super::other_user::{PYTHON, send_as_usual};
use super::{AttackedService, home};
use crate::harness::http::{self, Response};
use crate::harness::users::EVE;

/// The resource of the emulator's default scopes.
const RESOURCE: &str = "https://auth.msft.communication.azure.com";
const PATH: &str = "/msi/token";

/// The path with these parameters.
fn target(version: &str, resource: &str) -> String {
    let resource = resource.replace(':', "%3A").replace('/', "%2F");
    format!("{PATH}?api-version={version}&resource={resource}")
}

/// A request with the right parameters.
pub(super) fn right() -> String {
    target("2019-08-01", RESOURCE)
}

impl AttackedService<'_> {
    fn identity_header(&self) -> String {
        let secret = self.identity.as_ref().expect("a managed identity");
        format!("X-IDENTITY-HEADER: {secret}")
    }

    /// The Entra token that a request with everything right gets.
    fn entra_token(&self) -> String {
        let text = self.ask("GET", &right(), &[&self.host(), &self.identity_header()]);
        let json = Response::parse(&text).assert_status(200).json();
        assert_eq!(json["resource"], RESOURCE);
        assert_eq!(json["token_type"], "Bearer");
        let expires_on = json["expires_on"].as_str().expect("text");
        assert!(expires_on.parse::<u64>().is_ok(), "{expires_on}");
        json["access_token"].as_str().expect("a token").to_owned()
    }

    /// Fails if this is not the protocol's error with this status.
    #[track_caller]
    fn assert_failure(&self, what: &str, text: &str, status: u16) {
        let json: Value = self.assert_refused(what, text, status).json();
        assert_eq!(json["statusCode"], status, "{what}: {text}");
        let message = json["message"].as_str();
        assert!(message.is_some_and(|text| !text.is_empty()), "{what}");
    }
}

#[test]
fn managed_identity_gives_nothing_without_its_own_header() {
    let home = home();
    let attacked = AttackedService::of_command(&home);
    let token = attacked.entra_token();
    let (host, header, bearer) = (
        attacked.host(),
        attacked.identity_header(),
        attacked.bearer(),
    );
    let secret = header.split(' ').nth(1).expect("a secret").to_owned();
    let identity_as_bearer = format!("Authorization: Bearer {secret}");
    let service_secret = bearer.replace("Authorization: Bearer", "X-IDENTITY-HEADER:");
    // The socket has no rule of its own.
    let at_socket = |headers: &[&str]| {
        let socket = attacked.service.socket.as_ref().expect("a socket");
        let stream = UnixStream::connect(socket).expect("it listens");
        let headers = [&["Host: localhost"], headers].concat();
        http::exchange(stream, http::request("GET", &right(), &headers, ""))
    };
    assert!(at_socket(&[&header]).contains(&token), "the socket answers");
    let (short, long) = (header[..header.len() - 1].to_owned(), format!("{header}x"));
    let other_name = format!("Secret: {secret}");
    for headers in [
        vec![],
        vec!["Metadata: true"],
        vec![bearer.as_str()],
        vec![&identity_as_bearer],
        vec![&service_secret],
        vec![&short],
        vec![&long],
        vec![&other_name],
        vec!["X-IDENTITY-HEADER:"],
        vec![header.as_str(), &header],
        vec![header.as_str(), "X-IDENTITY-HEADER: x"],
    ] {
        let all = [&[host.as_str()], &headers[..]].concat();
        let text = attacked.ask("GET", &right(), &all);
        attacked.assert_failure(&format!("{headers:?}"), &text, 401);
        assert!(!text.contains(&token), "{headers:?}");
        let text = at_socket(&headers);
        attacked.assert_failure(&format!("{headers:?} at the socket"), &text, 401);
        assert!(!text.contains(&token), "{headers:?} at the socket");
    }
    // In a parameter, as a forged request could carry it, or for another route.
    let in_query = format!("{}&X-IDENTITY-HEADER={secret}", right());
    let text = attacked.ask("GET", &in_query, &[&host]);
    attacked.assert_failure("in the query", &text, 401);
    for target in ["/token", "/status", "/api/token/teams"] {
        for sent in [&header, &identity_as_bearer] {
            let text = attacked.ask("GET", target, &[&host, sent]);
            attacked.assert_refused(target, &text, 401);
        }
    }
    for path in [
        "/msi/token/",
        "//msi/token",
        "/msi",
        "/MSI/token",
        "/msi/%74oken",
    ] {
        let target = right().replace(PATH, path);
        let text = attacked.ask("GET", &target, &[&host, &header]);
        attacked.assert_refused(path, &text, 401);
        let text = attacked.ask("GET", &target, &[&host, &header, &bearer]);
        attacked.assert_refused(path, &text, 404);
    }
    for method in ["POST", "PUT", "HEAD", "DELETE", "OPTIONS"] {
        let text = attacked.ask(method, &right(), &[&host, &header]);
        attacked.assert_refused(method, &text, 405);
    }
    attacked.end();
}

#[test]
fn managed_identity_gives_nothing_to_another_host_page_or_user() {
    let home = home();
    let attacked = AttackedService::of_command(&home);
    let token = attacked.entra_token();
    let (host, header) = (attacked.host(), attacked.identity_header());
    for foreign in [
        "Host: evil.test",
        "Host: 169.254.169.254",
        "Host: localhost",
    ] {
        let text = attacked.ask("GET", &right(), &[foreign, &header]);
        attacked.assert_refused(foreign, &text, 421);
    }
    for page in [
        "Origin: http://localhost:3000",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
    ] {
        let text = attacked.ask("GET", &right(), &[&host, page, &header]);
        attacked.assert_refused(page, &text, 403);
    }
    let port = attacked.service.port;
    let request = format!(
        "GET {} HTTP/1.1\r\n{host}\r\n{header}\r\nConnection: close\r\n\r\n",
        right()
    );
    let own = send_as_usual(std::process::Command::new(PYTHON), port, &request);
    assert!(own.contains(&token), "the client works");
    assert_eq!(send_as_usual(EVE.command(PYTHON), port, &request), "");
    attacked.end();
}

#[test]
fn managed_identity_gives_no_token_for_another_resource_identity_or_version() {
    let home = home();
    let attacked = AttackedService::of_command(&home);
    let token = attacked.entra_token();
    let headers = [attacked.host(), attacked.identity_header()];
    let headers = headers.each_ref().map(String::as_str);
    let version = "2019-08-01";
    let other_identity = |name: &str| format!("{}&{name}=ac5ba55e-05e4", right());
    for target in [
        PATH.to_owned(),
        target(version, "https://graph.microsoft.com"),
        target(version, "https://management.azure.com/"),
        target(version, "https://communication.azure.com"),
        target(
            version,
            "https://auth.msft.communication.azure.com.evil.test",
        ),
        target(
            version,
            "https://auth.msft.communication.azure.com/.default%20x",
        ),
        target(version, ""),
        format!("{}&resource=https%3A%2F%2Fgraph.microsoft.com", right()),
        target("2017-09-01", RESOURCE),
        target("2018-02-01", RESOURCE),
        format!("{PATH}?resource={RESOURCE}"),
        format!("{PATH}?api-version={version}"),
        other_identity("client_id"),
        other_identity("clientid"),
        other_identity("principal_id"),
        other_identity("object_id"),
        other_identity("mi_res_id"),
    ] {
        let text = attacked.ask("GET", &target, &headers);
        attacked.assert_failure(&target, &text, 400);
        assert!(!text.contains(&token), "{target}");
    }
    attacked.end();
}

#[test]
fn service_without_a_managed_identity_has_no_such_route() {
    let home = home();
    let attacked = AttackedService::start(&home);
    let (host, bearer) = (attacked.host(), attacked.bearer());
    let header = bearer.replace("Authorization: Bearer", "X-IDENTITY-HEADER:");
    let text = attacked.ask("GET", &right(), &[&host, &header]);
    attacked.assert_refused("a header", &text, 401);
    let text = attacked.ask("GET", &right(), &[&host, &bearer]);
    attacked.assert_refused("the secret", &text, 404);
    attacked.end();
}
