//! The tokens that Entra hands out.
//!
//! In comes who signed in and for what, out come access token, id_token, refresh token and
//! client_info with Entra's claims and the one claim it never has: `emulator`. Whether they may be
//! had is decided before.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::directory::{CLIENT_ID, Member, User};
use super::super::scopes::Resource;
use super::super::sign::Signer;
use crate::time::Timestamp;

/// The life of an id_token, which no policy changes.
const ID_TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// Who signed in, as every token of one answer tells it.
pub(super) struct Subject<'a> {
    pub(super) user: &'static User,
    /// As the directory that issues knows them.
    pub(super) member: Member,
    /// Scheme and host of the issuer.
    pub(super) base: &'a str,
    /// A second proof was given.
    pub(super) proved: bool,
    /// What the client says it can do.
    pub(super) capabilities: &'a [String],
    pub(super) now: Timestamp,
}

/// What a refresh token carries; whoever holds one carries the session, as no server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RefreshClaims {
    /// Of this one token.
    pub(super) id: String,
    /// Of all tokens that one sign-in led to.
    pub(super) family: String,
    /// The user's home object id.
    pub(super) user: String,
    pub(super) client: String,
    pub(super) scopes: String,
    pub(super) issued: i64,
    /// The sign-in had a second proof.
    #[serde(default)]
    pub(super) proved: bool,
    /// An id that real tokens do not have, so that both are told apart.
    pub(super) emulator: bool,
}

impl Subject<'_> {
    pub(super) fn access_token(
        &self,
        signer: &Signer,
        resource: &Resource,
        granted: &[&str],
        life: Duration,
    ) -> String {
        let now = self.now.unix_seconds();
        let tenant = self.member.directory.id;
        let mut claims = json!({
            "aud": resource.audience,
            // Entra's v1 issuer is https://sts.windows.net/{tid}/; this one is nobody's.
            "iss": format!("{}/{tenant}/", self.base),
            "iat": now,
            "nbf": now,
            "exp": self.now.plus(life).unix_seconds(),
            "acr": "1",
            "amr": if self.proved { vec!["pwd", "mfa"] } else { vec!["pwd"] },
            "appid": CLIENT_ID,
            "appidacr": "0",
            "idtyp": "user",
            "name": self.user.name,
            "oid": self.member.oid,
            "scp": granted.join(" "),
            "sub": self.pairwise(resource.audience),
            "tid": tenant,
            "unique_name": self.user.username,
            "upn": self.user.username,
            "uti": random(),
            "ver": "1.0",
            "emulator": true,
        });
        if !self.capabilities.is_empty() {
            claims["xms_cc"] = self.capabilities.into();
        }
        signer.access_token(&claims)
    }

    pub(super) fn id_token(
        &self,
        signer: &Signer,
        nonce: Option<&str>,
        email: bool,
        changes: &BTreeMap<String, Option<Value>>,
    ) -> String {
        let now = self.now.unix_seconds();
        let tenant = self.member.directory.id;
        let mut claims = json!({
            "aud": CLIENT_ID,
            "iss": format!("{}/{tenant}/v2.0", self.base),
            "iat": now,
            "nbf": now,
            "exp": self.now.plus(ID_TOKEN_LIFE).unix_seconds(),
            "name": self.user.name,
            "oid": self.member.oid,
            "preferred_username": self.user.username,
            "rh": random(),
            "sid": uuid::Uuid::new_v4().to_string(),
            "sub": self.pairwise(CLIENT_ID),
            "tid": tenant,
            "uti": random(),
            "ver": "2.0",
            "emulator": true,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        if email {
            claims["email"] = self.user.username.into();
        }
        let home = self.user.home().directory.id;
        if home != tenant {
            claims["idp"] = format!("{}/{home}/", self.base).into();
        }
        if let Value::Object(claims) = &mut claims {
            for (name, value) in changes {
                match value {
                    Some(value) => claims.insert(name.clone(), value.clone()),
                    None => claims.remove(name),
                };
            }
        }
        signer.id_token(&claims)
    }

    /// `sub` differs from one audience to the next, so that they cannot compare notes.
    fn pairwise(&self, audience: &str) -> String {
        let text = format!("{}|{audience}", self.member.oid);
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
    }
}

/// Names the account across directories: object id and tenant at home.
pub(super) fn client_info(user: &User) -> String {
    let home = user.home();
    let info = json!({"uid": home.oid, "utid": home.directory.id});
    URL_SAFE_NO_PAD.encode(info.to_string())
}

/// 244 bits that nobody guesses.
pub(super) fn random() -> String {
    let [a, b] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    URL_SAFE_NO_PAD.encode([a.into_bytes(), b.into_bytes()].concat())
}
