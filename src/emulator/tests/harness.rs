//! A raw HTTP client, which can send invalid requests.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{digest, hmac};
use serde_json::Value;

use crate::emulator::{Emulator, Options};
use crate::time::{Clock, SettableClock, Timestamp};

/// Ids and the key of the published seed.
pub(in crate::emulator) mod published {
    pub(in crate::emulator) const TENANT_ID: &str = "ac5ba55e-7e4a-4000-8000-000000000001";
    pub(in crate::emulator) const CLIENT_ID: &str = "ac5ba55e-0c11-4000-8000-0000000000a1";
    pub(in crate::emulator) const RESOURCE_ID: &str = "ac5ba55e-0ac5-4000-8000-0000000000e1";
    pub(in crate::emulator) const ACCESS_KEY: &str =
        "d29ydGhsZXNzLWVtdWxhdG9yLWFjY2Vzcy1rZXkta25vd24tdG8tZXZlcnlvbmUtbmV2ZXItdHJ1c3QtaXQhIQ==";
    pub(in crate::emulator) const ACCESS_KEY_BYTES: &[u8; 64] =
        b"worthless-emulator-access-key-known-to-everyone-never-trust-it!!";
}

pub(in crate::emulator) const VERIFIER: &str = "a-verifier-that-is-long-enough-0123456789-abcdef";
pub(in crate::emulator) const TEAMS: &str = "openid profile offline_access https://auth.msft.communication.azure.com/Teams.ManageCalls https://auth.msft.communication.azure.com/Teams.ManageChats";
pub(in crate::emulator) const REDIRECT: &str = "http://localhost:4711";
pub(in crate::emulator) const NOW: i64 = 1_780_000_000;

/// Parameters that replace those of a valid request; an empty value removes one.
pub(in crate::emulator) type Changes<'a> = &'a [(&'a str, &'a str)];

/// An emulator with a stopped clock.
pub(in crate::emulator) struct Fixture {
    pub(in crate::emulator) emulator: Emulator,
    pub(in crate::emulator) clock: SettableClock,
}

#[derive(Debug)]
pub(in crate::emulator) struct Answer {
    pub(in crate::emulator) status: u16,
    pub(in crate::emulator) head: String,
    pub(in crate::emulator) body: String,
}

impl Answer {
    pub(in crate::emulator) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(in crate::emulator) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// Returns the number in `error_codes`.
    pub(in crate::emulator) fn aadsts(&self) -> i64 {
        self.json()["error_codes"][0].as_i64().expect("a number")
    }

    pub(in crate::emulator) fn error(&self) -> String {
        self.json()["error"].as_str().expect("a word").to_owned()
    }

    /// Returns the parameters of a redirect in query mode.
    pub(in crate::emulator) fn redirected(&self) -> Vec<(String, String)> {
        let to = self.header("location").expect("a redirect");
        let url = url::Url::parse(to).expect("a URL");
        url.query_pairs().into_owned().collect()
    }

    pub(in crate::emulator) fn redirected_with(&self, name: &str) -> Option<String> {
        let (_, value) = self.redirected().into_iter().find(|(key, _)| key == name)?;
        Some(value)
    }
}

impl Fixture {
    pub(in crate::emulator) fn new() -> Fixture {
        Fixture::with(Options::default())
    }

    pub(in crate::emulator) fn with(options: Options) -> Fixture {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(NOW));
        let emulator = Emulator::start(Options {
            clock: Arc::new(clock.clone()),
            ..options
        })
        .expect("the emulator starts");
        Fixture { emulator, clock }
    }

    pub(in crate::emulator) fn host(&self) -> String {
        format!("localhost:{}", self.emulator.context.main_ports().http)
    }

    pub(in crate::emulator) fn send(
        &self,
        method: &str,
        target: &str,
        headers: &str,
        body: &str,
    ) -> Answer {
        let host = self.host();
        self.raw(&format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
             Content-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        ))
    }

    pub(in crate::emulator) fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.emulator.context.main_ports().http))
            .expect("the emulator listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).expect("it answers");
        let response = String::from_utf8(response).expect("text");
        let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(in crate::emulator) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, "", "")
    }

    /// Sends a valid authorization request with these parameters changed.
    pub(in crate::emulator) fn authorize(&self, tenant: &str, changes: &[(&str, &str)]) -> Answer {
        let challenge = challenge(VERIFIER);
        let query = encode(
            &[
                ("client_id", published::CLIENT_ID),
                ("response_type", "code"),
                ("redirect_uri", REDIRECT),
                ("scope", TEAMS),
                ("state", "state/with=odd+chars|&"),
                ("nonce", "nonce-0123456789"),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
                ("login_hint", "ada@contoso.example"),
            ],
            changes,
        );
        self.get(&format!("/{tenant}/oauth2/v2.0/authorize?{query}"))
    }

    pub(in crate::emulator) fn code(&self, changes: &[(&str, &str)]) -> String {
        let response = self.authorize("organizations", changes);
        response.redirected_with("code").expect("a code")
    }

    /// Redeems `code` with these parameters changed.
    pub(in crate::emulator) fn redeem(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        self.token(
            "organizations",
            &encode(
                &[
                    ("client_id", published::CLIENT_ID),
                    ("grant_type", "authorization_code"),
                    ("code", code),
                    ("redirect_uri", REDIRECT),
                    ("code_verifier", VERIFIER),
                ],
                changes,
            ),
        )
    }

    pub(in crate::emulator) fn refresh(&self, token: &str, changes: &[(&str, &str)]) -> Answer {
        self.token(
            "organizations",
            &encode(
                &[
                    ("client_id", published::CLIENT_ID),
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                ],
                changes,
            ),
        )
    }

    pub(in crate::emulator) fn token(&self, tenant: &str, form: &str) -> Answer {
        self.send(
            "POST",
            &format!("/{tenant}/oauth2/v2.0/token"),
            "Content-Type: application/x-www-form-urlencoded\r\n",
            form,
        )
    }

    /// Returns an Entra token of this user for these scopes.
    pub(in crate::emulator) fn entra_token(&self, user: &str, scope: &str) -> String {
        let code = self.code(&[("login_hint", user), ("scope", scope)]);
        let response = self.redeem(&code, &[]);
        response.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Sends a valid exchange, changed by `tamper` after it was signed.
    pub(in crate::emulator) fn exchange(
        &self,
        body: &str,
        tamper: impl FnOnce(&mut Signed),
    ) -> Answer {
        let target = "/teamsUser/:exchangeAccessToken?api-version=2023-10-01";
        self.tampered("POST", target, body, tamper)
    }

    /// Sends a signed request at version 2023-10-01.
    pub(in crate::emulator) fn signed(&self, method: &str, path: &str, body: &str) -> Answer {
        self.signed_at("2023-10-01", method, path, body)
    }

    /// Sends a signed request at any version.
    pub(in crate::emulator) fn signed_at(
        &self,
        version: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let target = format!("{path}?api-version={version}");
        self.tampered(method, &target, body, |_| {})
    }

    /// Sends a signed request, changed by `tamper` after it was signed.
    pub(in crate::emulator) fn tampered(
        &self,
        method: &str,
        target: &str,
        body: &str,
        tamper: impl FnOnce(&mut Signed),
    ) -> Answer {
        let mut signed = Signed {
            method: method.to_owned(),
            target: target.to_owned(),
            host: self.host(),
            date: self.clock.now().to_http_date(),
            body: body.to_owned(),
            ..Signed::default()
        };
        signed.sign();
        tamper(&mut signed);
        self.raw(&format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/json\r\nx-ms-date: {}\r\nx-ms-content-sha256: {}\r\n\
             Authorization: {}\r\n\r\n{}",
            signed.method,
            signed.target,
            signed.host,
            signed.body.len(),
            signed.date,
            signed.hash,
            signed.authorization,
            signed.body
        ))
    }

    /// Creates an identity. Returns its id percent-encoded.
    pub(in crate::emulator) fn identity(&self) -> String {
        let response = self.signed("POST", "/identities", "");
        let id = response.json()["identity"]["id"].clone();
        id.as_str().expect("an id").replace(':', "%3A")
    }

    /// Requests a token of this identity.
    pub(in crate::emulator) fn issue(&self, id: &str, body: &Value) -> Answer {
        let path = format!("/identities/{id}/:issueAccessToken");
        self.signed("POST", &path, &body.to_string())
    }
}

/// The parts of a signed request.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Signed {
    pub(in crate::emulator) method: String,
    pub(in crate::emulator) target: String,
    pub(in crate::emulator) host: String,
    pub(in crate::emulator) date: String,
    pub(in crate::emulator) hash: String,
    pub(in crate::emulator) authorization: String,
    pub(in crate::emulator) body: String,
}

impl Signed {
    pub(in crate::emulator) fn sign(&mut self) {
        self.sign_with(published::ACCESS_KEY_BYTES);
    }

    pub(in crate::emulator) fn sign_with(&mut self, key: &[u8]) {
        self.hash = STANDARD.encode(digest::digest(&digest::SHA256, self.body.as_bytes()));
        let text = format!(
            "{}\n{}\n{};{};{}",
            self.method, self.target, self.date, self.host, self.hash
        );
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        self.authorization = format!(
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
        );
    }
}

pub(in crate::emulator) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// Returns the claims of a token without verification.
pub(in crate::emulator) fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("three parts");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    serde_json::from_slice(&claims).expect("JSON")
}

pub(in crate::emulator) fn encode(good: &[(&str, &str)], changes: &[(&str, &str)]) -> String {
    let unchanged = good
        .iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(unchanged.chain(changes.iter().filter(|(_, value)| !value.is_empty())))
        .finish()
}
