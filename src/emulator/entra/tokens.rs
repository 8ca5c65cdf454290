//! The tokens of users with Entra's claims, and the claim `emulator` that real tokens do not have.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::params::Params;
use super::v1;
use crate::emulator::aadsts::{self, EntraError};
use crate::emulator::http::{Request, random_id, without_nulls};
use crate::emulator::journal::decoded::Kept;
use crate::emulator::scopes::Scopes;
use crate::emulator::state::State;
use crate::emulator::state::sign_ins::{Requested, SignIn};
use crate::emulator::world::api::Api;
use crate::emulator::world::application::Platform;
use crate::emulator::world::user::User;
use crate::time::Timestamp;

/// The life of an id_token.
const ID_TOKEN_LIFE: Duration = Duration::from_secs(3600);
/// The life of the refresh tokens of a browser app, from the sign-in.
pub(crate) const SPA_LIFE: Duration = Duration::from_secs(86_400);
/// The claim `appidacr` of an app without a credential.
pub(crate) const PUBLIC: &str = "0";

/// A valid grant at the token endpoint.
pub(crate) struct Granted {
    pub(crate) sign_in: SignIn,
    /// The scopes of this request, if they differ from those of the sign-in.
    pub(crate) requested: Option<Scopes>,
    pub(crate) nonce: Option<String>,
    /// The id of all refresh tokens of one sign-in.
    pub(crate) family: String,
    /// The platform of the redirect URI.
    pub(crate) platform: Platform,
    /// The claim `appidacr` for the application's credential, if the request had one.
    pub(crate) proof: Option<&'static str>,
    pub(crate) signed_in: Timestamp,
}

/// The content of a refresh token. The emulator keeps no other record of a session, so a token is
/// valid across restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefreshClaims {
    /// The id of this token.
    pub(crate) id: String,
    pub(crate) family: String,
    /// The sign-in's id in the journal.
    #[serde(default)]
    pub(crate) flow: String,
    /// The user's home object id.
    pub(crate) user: String,
    pub(crate) client: String,
    /// The platform of the sign-in's redirect URI.
    #[serde(default)]
    pub(crate) platform: Platform,
    pub(crate) scopes: String,
    pub(crate) issued: i64,
    /// The time of the sign-in; a token of an earlier version has none.
    #[serde(default)]
    pub(crate) signed_in: Option<i64>,
    /// The sign-in had a second factor.
    #[serde(default)]
    pub(crate) proved: bool,
    /// The application ids of the APIs that the user has given consent to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) consents: Vec<String>,
    /// A claim that real tokens do not have.
    pub(crate) emulator: bool,
}

/// Issues the tokens of a valid grant, as the JSON of RFC 6749, section 5.1.
pub(crate) fn issue(
    request: &Request,
    params: &Params,
    state: &mut State,
    granted: Granted,
) -> Result<Value, EntraError> {
    let mut sign_in = granted.sign_in;
    // The claims of the sign-in apply unless this request has capabilities.
    let requested = Requested::parse(params.get("claims"))?;
    if !requested.capabilities.is_empty() {
        sign_in.claims = requested;
    }
    let original = &sign_in.scopes;
    let scopes = match granted.requested {
        Some(requested) => requested.with_openid_of(original),
        None => original.clone(),
    };
    // Without a resource scope Entra issues a Graph token.
    let resource = scopes.first_resource().or(original.first_resource());
    let resource = resource.unwrap_or(request.world.graph());
    let (user, client) = (&sign_in.user, &sign_in.application);
    state.consents.check(user, client, resource)?;
    let mut names = scopes.granted_on(resource);
    if names.is_empty() {
        names = original.granted_on(resource);
    }
    names.retain(|name| !state.withheld.contains(name));
    if names.is_empty() && scopes.first_resource().is_some() {
        return Err(aadsts::CONSENT_REQUIRED.with_suberror("consent_required"));
    }
    let (signer, life) = (&request.context.signer, state.token_life);
    let issuer = Issuer {
        base: &request.base,
        v1_base: request.context.v1_base(&request.base),
        now: request.now,
        is_v1: v1::is_v1(request),
    };
    let proof = granted.proof.unwrap_or(PUBLIC);
    let own = access_claims(issuer, &sign_in, resource, proof, life, &names);
    let access_token = match resource.has_v2_tokens {
        false => signer.v1_token(&own),
        true => signer.v2_token(&own),
    };
    let refresh_token = scopes.has("offline_access").then(|| {
        signer.seal(&RefreshClaims {
            id: random_id(),
            family: granted.family.clone(),
            flow: sign_in.flow.to_string(),
            user: sign_in.user.home.oid.clone(),
            client: sign_in.application.client_id.clone(),
            platform: granted.platform,
            scopes: original.clone().with_openid_of(&scopes).to_text(),
            issued: request.now.unix_seconds(),
            signed_in: Some(granted.signed_in.unix_seconds()),
            proved: sign_in.has_mfa,
            consents: state.consents.given(user, client),
            emulator: true,
        })
    });
    let id_token = scopes.has("openid").then(|| {
        let (nonce, email) = (granted.nonce, scopes.has("email"));
        let mut claims = id_claims(issuer, &sign_in, ID_TOKEN_LIFE, nonce, email);
        for (name, value) in &state.id_token_claims {
            match value {
                Some(value) => claims.insert(name.clone(), value.clone()),
                None => claims.remove(name),
            };
        }
        match issuer.is_v1 {
            true => signer.v1_token(&claims),
            false => signer.v2_token(&claims),
        }
    });
    let issued = [
        Some(&access_token),
        refresh_token.as_ref(),
        id_token.as_ref(),
    ];
    for token in issued.into_iter().flatten() {
        state.keep_secret(token);
    }
    let mut notes = request.notes();
    notes.issued("access_token", &access_token);
    let id_token_text = id_token.as_deref().into_iter();
    id_token_text.for_each(|token| notes.issued("id_token", token));
    if refresh_token.is_some() {
        notes
            .issued
            .push(Kept::refresh(&sign_in.user.home.oid, &granted.family));
    }
    notes.resource = Some(resource.audience.to_owned());
    notes.scopes = Some(names.join(" "));
    drop(notes);
    let wants_info = params.get("client_info") == Some("1");
    let is_limited = granted.platform == Platform::Spa && refresh_token.is_some();
    let refresh_life = is_limited.then(|| {
        let end = granted.signed_in.plus(SPA_LIFE);
        end.since(request.now).as_secs()
    });
    let body = without_nulls(json!({
        "token_type": "Bearer",
        "scope": scopes.echo(resource, &names),
        "expires_in": life.as_secs(),
        "ext_expires_in": life.as_secs(),
        "access_token": access_token,
        "refresh_token": refresh_token,
        "refresh_token_expires_in": refresh_life,
        "id_token": id_token,
        "client_info": wants_info.then(|| client_info(&sign_in.user)),
    }));
    Ok(v1::shaped(request, body, resource, &names))
}

/// The issuer of a token, and the time of the issue.
#[derive(Clone, Copy)]
pub(crate) struct Issuer<'a> {
    /// Scheme and host.
    pub(crate) base: &'a str,
    /// Scheme and host of the issuer of version 1.
    pub(crate) v1_base: &'a str,
    pub(crate) now: Timestamp,
    /// Whether its id_tokens have version 1.
    pub(crate) is_v1: bool,
}

/// Returns the claims of an access token for an API. `proof` is the claim for the kind of the
/// application's credential.
pub(crate) fn access_claims(
    issuer: Issuer<'_>,
    sign_in: &SignIn,
    api: &Api,
    proof: &str,
    life: Duration,
    scopes: &[String],
) -> Map<String, Value> {
    let SignIn { user, member, .. } = sign_in;
    let amr: &[&str] = match sign_in.has_mfa {
        true => &["pwd", "mfa"],
        false => &["pwd"],
    };
    let capabilities = &sign_in.claims.capabilities;
    let capabilities = (!capabilities.is_empty()).then_some(capabilities);
    let client = &sign_in.application.client_id;
    // Real tokens do not have the claim: an on-behalf-of request repeats it in this way.
    let proved = sign_in.has_mfa.then_some(true);
    let tenant = &member.tenant.id;
    let own = match api.has_v2_tokens {
        true => json!({
            "iss": format!("{}/{tenant}/v2.0", issuer.base),
            "aio": random(), "azp": client, "azpacr": proof, "preferred_username": user.username,
            "rh": random(), "scp": scopes.join(" "), "ver": "2.0", "xms_cc": capabilities,
            "emulatorProved": proved,
        }),
        false => json!({
            "iss": format!("{}/{tenant}/", issuer.v1_base),
            "acr": "1", "amr": amr, "appid": client, "appidacr": proof, "idtyp": "user",
            "scp": scopes.join(" "), "unique_name": user.username, "upn": user.username,
            "ver": "1.0", "xms_cc": capabilities, "emulatorProved": proved,
        }),
    };
    claims(issuer, sign_in, &api.audience, life, own)
}

/// Returns the claims of an id_token.
pub(crate) fn id_claims(
    issuer: Issuer<'_>,
    sign_in: &SignIn,
    life: Duration,
    nonce: Option<String>,
    email: bool,
) -> Map<String, Value> {
    let SignIn { user, member, .. } = sign_in;
    let (tenant, home) = (&member.tenant.id, &user.home.tenant.id);
    let (base, v1_base) = (issuer.base, issuer.v1_base);
    let idp = (home != tenant).then(|| format!("{v1_base}/{home}/"));
    let email = email.then_some(&user.username);
    let own = match issuer.is_v1 {
        true => json!({
            "iss": format!("{v1_base}/{tenant}/"),
            "upn": user.username, "unique_name": user.username, "ver": "1.0",
            "nonce": nonce, "email": email, "idp": idp,
        }),
        false => json!({
            "iss": format!("{base}/{tenant}/v2.0"),
            "preferred_username": user.username, "rh": random(), "sid": random_id(),
            "ver": "2.0", "nonce": nonce, "email": email, "idp": idp,
        }),
    };
    let audience = &sign_in.application.client_id;
    claims(issuer, sign_in, audience, life, own)
}

/// Returns the claims of both tokens and those of one kind that are not null. The `sub` differs by
/// audience.
fn claims(
    issuer: Issuer<'_>,
    SignIn {
        user, member, flow, ..
    }: &SignIn,
    audience: &str,
    life: Duration,
    own: Value,
) -> Map<String, Value> {
    let text = format!("{}|{audience}", member.oid);
    let now = issuer.now.unix_seconds();
    let common = json!({
        "aud": audience, "iat": now, "nbf": now, "exp": issuer.now.plus(life).unix_seconds(),
        "name": user.name, "oid": member.oid, "tid": member.tenant.id, "uti": flow.token_id(),
        "sub": URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes())),
        "emulator": true,
    });
    let members = [common, own].map(|claims| match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    });
    let members = members.into_iter().flatten();
    members.filter(|(_, value)| !value.is_null()).collect()
}

/// Returns the `client_info` of a user: object id and tenant at home.
pub(crate) fn client_info(user: &User) -> String {
    let info = json!({"uid": user.home.oid, "utid": user.home.tenant.id});
    URL_SAFE_NO_PAD.encode(info.to_string())
}

/// Returns 244 random bits as text.
pub(crate) fn random() -> String {
    let [a, b] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    URL_SAFE_NO_PAD.encode([a.into_bytes(), b.into_bytes()].concat())
}
