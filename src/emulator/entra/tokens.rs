//! Entra's tokens with its claims, and the claim `emulator` that real tokens do not have.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::EntraError;
use super::params::Params;
use super::{aadsts, claims};
use crate::emulator::directory::{CLIENT_ID, Tenant, User};
use crate::emulator::http::Request;
use crate::emulator::scopes::{GRAPH, Resource, Scopes};
use crate::emulator::state::Inner;
use crate::emulator::state::codes::SignIn;

/// The life of an id_token.
const ID_TOKEN_LIFE: Duration = Duration::from_secs(3600);

/// A request at the token endpoint.
pub(crate) struct TokenRequest<'a> {
    pub(crate) http: &'a Request,
    pub(crate) tenant: Tenant,
    pub(crate) params: &'a Params,
}

/// A valid grant at the token endpoint.
pub(crate) struct Granted {
    pub(crate) sign_in: SignIn,
    /// The scopes of this request, if they differ from those of the sign-in.
    pub(crate) requested: Option<Scopes>,
    pub(crate) nonce: Option<String>,
    /// The id of all refresh tokens of one sign-in.
    pub(crate) family: String,
}

/// The content of a refresh token. The emulator keeps no other record of a session, so a token is
/// valid across restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshClaims {
    /// The id of this token.
    pub(crate) id: String,
    pub(crate) family: String,
    /// The user's home object id.
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) scopes: String,
    pub(crate) issued: i64,
    /// The sign-in had a second factor.
    #[serde(default)]
    pub(crate) proved: bool,
    /// A claim that real tokens do not have.
    pub(crate) emulator: bool,
}

/// Issues the tokens of a valid grant, as the JSON of RFC 6749, section 5.1.
pub(crate) fn issue(
    token_request: &TokenRequest<'_>,
    state: &mut Inner,
    granted: Granted,
) -> Result<Value, EntraError> {
    let (request, params) = (token_request.http, token_request.params);
    let Granted {
        mut sign_in,
        requested,
        nonce,
        family,
    } = granted;
    // The claims of the sign-in apply unless this request has capabilities.
    let claims = claims::requested(params)?;
    if !claims.capabilities.is_empty() {
        sign_in.claims = claims;
    }
    let original = &sign_in.scopes;
    let scopes = requested.map_or_else(
        || original.clone(),
        |wanted| wanted.with_openid_of(original),
    );
    // Without a resource scope Entra issues a Graph token.
    let resource = scopes.first_resource().or(original.first_resource());
    let resource = resource.unwrap_or(GRAPH);
    let mut names = scopes.granted_on(resource);
    if names.is_empty() {
        names = original.granted_on(resource);
    }
    names.retain(|name| !state.withheld.contains(*name));
    if names.is_empty() && scopes.first_resource().is_some() {
        return Err(aadsts::CONSENT_REQUIRED.with_suberror("consent_required"));
    }
    let life = state.token_life;
    let signer = &request.context.signer;
    let access = access_token(request, &sign_in, resource, &names, life);
    state.keep_secret(&access);
    let mut body = json!({
        "token_type": "Bearer",
        "scope": scopes.echo(resource, &names),
        "expires_in": life.as_secs(),
        "ext_expires_in": life.as_secs(),
        "access_token": access,
    });
    if scopes.has("offline_access") {
        let refresh = signer.seal(&RefreshClaims {
            id: uuid::Uuid::new_v4().to_string(),
            family,
            user: sign_in.user.home().oid.to_owned(),
            client: CLIENT_ID.to_owned(),
            scopes: original.clone().with_openid_of(&scopes).to_text(),
            issued: request.now.unix_seconds(),
            proved: sign_in.has_mfa,
            emulator: true,
        });
        state.keep_secret(&refresh);
        body["refresh_token"] = refresh.into();
    }
    if scopes.has("openid") {
        let id_token = id_token(request, state, &sign_in, nonce, scopes.has("email"));
        state.keep_secret(&id_token);
        body["id_token"] = id_token.into();
    }
    if params.get("client_info") == Some("1") {
        body["client_info"] = client_info(sign_in.user).into();
    }
    Ok(body)
}

fn access_token(
    request: &Request,
    sign_in: &SignIn,
    resource: &Resource,
    scopes: &[&str],
    life: Duration,
) -> String {
    let SignIn { user, member, .. } = sign_in;
    let amr: &[&str] = match sign_in.has_mfa {
        true => &["pwd", "mfa"],
        false => &["pwd"],
    };
    let capabilities = &sign_in.claims.capabilities;
    let mut claims = json!({
        // Entra's v1 issuer is https://sts.windows.net/{tid}/.
        "iss": format!("{}/{}/", request.base, member.directory.id),
        "acr": "1", "amr": amr, "appid": CLIENT_ID, "appidacr": "0", "idtyp": "user",
        "scp": scopes.join(" "), "unique_name": user.username, "upn": user.username, "ver": "1.0",
    });
    if !capabilities.is_empty() {
        claims["xms_cc"] = capabilities.as_slice().into();
    }
    add_common(&mut claims, request, sign_in, resource.audience, life);
    request.context.signer.access_token(&claims)
}

fn id_token(
    request: &Request,
    state: &Inner,
    sign_in: &SignIn,
    nonce: Option<String>,
    email: bool,
) -> String {
    let SignIn { user, member, .. } = sign_in;
    let (tenant, home) = (member.directory.id, user.home().directory.id);
    let mut claims = json!({
        "iss": format!("{}/{tenant}/v2.0", request.base),
        "preferred_username": user.username, "rh": random(), "sid": uuid::Uuid::new_v4().to_string(),
        "ver": "2.0",
    });
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    if email {
        claims["email"] = user.username.into();
    }
    if home != tenant {
        claims["idp"] = format!("{}/{home}/", request.base).into();
    }
    add_common(&mut claims, request, sign_in, CLIENT_ID, ID_TOKEN_LIFE);
    if let Value::Object(claims) = &mut claims {
        for (name, value) in &state.id_token_claims {
            match value {
                Some(value) => claims.insert(name.clone(), value.clone()),
                None => claims.remove(name),
            };
        }
    }
    request.context.signer.id_token(&claims)
}

/// Adds the claims of both tokens. The `sub` differs by audience.
fn add_common(
    claims: &mut Value,
    request: &Request,
    sign_in: &SignIn,
    audience: &str,
    life: Duration,
) {
    let SignIn { user, member, .. } = sign_in;
    let text = format!("{}|{audience}", member.oid);
    let now = request.now.unix_seconds();
    let common = json!({
        "aud": audience, "iat": now, "nbf": now, "exp": request.now.plus(life).unix_seconds(),
        "name": user.name, "oid": member.oid, "tid": member.directory.id, "uti": random(),
        "sub": URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes())),
        "emulator": true,
    });
    if let (Value::Object(claims), Value::Object(common)) = (claims, common) {
        claims.extend(common);
    }
}

/// Returns the `client_info` of a user: object id and tenant at home.
pub(crate) fn client_info(user: &User) -> String {
    let home = user.home();
    let info = json!({"uid": home.oid, "utid": home.directory.id});
    URL_SAFE_NO_PAD.encode(info.to_string())
}

/// Returns 244 random bits as text.
pub(crate) fn random() -> String {
    let [a, b] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    URL_SAFE_NO_PAD.encode([a.into_bytes(), b.into_bytes()].concat())
}
