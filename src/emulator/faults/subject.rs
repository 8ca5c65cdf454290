//! The caller of a request, before it is handled.

use std::sync::Arc;

use serde_json::Value;

use super::route::Route;
use super::table::Subject;
use crate::emulator::entra::apps::basic;
use crate::emulator::entra::params::Params;
use crate::emulator::entra::tokens::RefreshClaims;
use crate::emulator::http::Request;
use crate::emulator::pages::USER_FIELD;
use crate::emulator::world::user::User;

/// Returns the names of the faults that each request of a user has.
pub(crate) fn faults_of(user: &User) -> &[String] {
    &user.faults
}

/// Returns the caller of a request, and the user if there is one. Checks nothing but signatures.
pub(crate) fn subject(request: &Request, route: Route) -> (Subject, Option<Arc<User>>) {
    let (user, client_id) = match route.is_of_resource() {
        true => of_resource(request),
        false => of_entra(request),
    };
    let names = user.as_ref().map(|user| {
        let ids = user.accounts().map(|account| account.oid.clone());
        ids.chain([user.username.clone()]).collect()
    });
    let resource = request.resource();
    let subject = Subject {
        user: names.unwrap_or_default(),
        client_id,
        resource: vec![resource.name.clone(), resource.id.clone()],
    };
    (subject, user)
}

/// Returns the caller of the authorize page or of the token endpoint.
fn of_entra(request: &Request) -> (Option<Arc<User>>, Option<String>) {
    let encoded = match request.is_post() {
        true => request.form(),
        false => request.query().as_bytes(),
    };
    let Ok(params) = Params::parse(encoded) else {
        return (None, None);
    };
    let client_id = params.get("client_id").map(str::to_owned);
    let client_id = client_id.or_else(|| Some(basic(request).ok()??.0));
    let named = || {
        request
            .world
            .user_named(params.get(USER_FIELD).or(params.get("login_hint"))?)
            .cloned()
    };
    let refreshed = || {
        let token = params.get("refresh_token")?;
        let claims: RefreshClaims = request.context.signer.unseal(token)?;
        request.world.user_with_home_oid(&claims.user).cloned()
    };
    let redeemed = || {
        Some(Arc::clone(
            &request.state().codes.get(params.get("code")?)?.sign_in.user,
        ))
    };
    let approved = || request.state().devices.user_of(params.get("device_code")?);
    let user = named().or_else(refreshed).or_else(redeemed);
    (user.or_else(approved), client_id)
}

/// Returns the caller that an Entra token of the header or the body names.
fn of_resource(request: &Request) -> (Option<Arc<User>>, Option<String>) {
    let bearer = request.header("authorization");
    let bearer = bearer.and_then(|sent| sent.strip_prefix("Bearer ").map(str::to_owned));
    let in_body = || {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        Some(body["token"].as_str()?.to_owned())
    };
    let token = bearer.or_else(in_body).unwrap_or_default();
    let claims: Option<Value> = request.context.signer.read(&token);
    let claims = claims.unwrap_or_default();
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let user = request
        .world
        .user_in_tenant(text("oid"), text("tid"))
        .cloned();
    let client_id = Some(text("appid").to_owned()).filter(|id| !id.is_empty());
    (user, client_id)
}
