//! Checks an id_token's claims and returns the account.
//!
//! The token comes over TLS from the issuer itself, so its signature is not checked (OpenID
//! Connect Core 1.0, section 3.1.3.7, rule 6); audience, issuer, expiry, nonce and tenant are.

use std::time::Duration;

use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::input::is_guid;
use crate::jwt;
use crate::secret::IdToken;
use crate::text::one_line;
use crate::time::Timestamp;
use crate::wire::Members;
use crate::wire::entra::ClientInfo;

use super::authority;
use super::client::Entra;

/// The tolerance for an expired id_token, since clocks differ.
const EXPIRY_TOLERANCE: Duration = Duration::from_secs(300);

impl Entra {
    /// Returns the account of an id_token and its `client_info`. `issuer` is that of the metadata,
    /// perhaps with `{tenantid}` in it; `nonce` that of the authorization request, and `None` after a
    /// refresh, which carries none; `now` the time by the service's clock.
    ///
    /// # Errors
    /// [`Kind::Refused`] naming the claim that does not hold.
    pub(super) fn account(
        &self,
        token: &IdToken,
        client_info: Option<&str>,
        issuer: &str,
        nonce: Option<&str>,
        now: Timestamp,
    ) -> Result<Account> {
        let decoded = jwt::decode(token.expose()).ok_or_else(|| refused("cannot be read"))?;
        let mut claims = Members::from(decoded.claims);
        let guid = |text: Option<String>| {
            let guid = text.filter(|text| is_guid(text))?;
            Some(guid.to_ascii_lowercase())
        };
        // Of a list of audiences, only a single one counts.
        let mut audiences = claims.words("aud").unwrap_or_default();
        let audience = audiences.pop().filter(|_| audiences.is_empty());
        if !audience.is_some_and(|aud| aud.eq_ignore_ascii_case(&self.client_id)) {
            return Err(refused("is for another application (aud)"));
        }
        let tenant = self.authority.tenant();
        let tid = guid(claims.text("tid")).ok_or_else(|| refused("has no tenant (tid)"))?;
        if is_guid(tenant) && tid != tenant {
            return Err(refused(
                "is from another tenant than the requested one (tid)",
            ));
        }
        // The metadata's issuer contains the tenant id of a domain.
        if authority::issuer_tenant(issuer)
            .is_some_and(|tenant| is_guid(tenant) && !tenant.eq_ignore_ascii_case(&tid))
        {
            return Err(refused("is from another tenant than the authority's (tid)"));
        }
        if claims.text("iss") != Some(issuer.replace("{tenantid}", &tid)) {
            return Err(refused("is from another issuer than the authority (iss)"));
        }
        let expiry = claims.number("exp").map(Timestamp::from_unix_seconds);
        if expiry.is_none_or(|expiry| expiry.plus(EXPIRY_TOLERANCE) <= now) {
            return Err(refused("has expired, or has no expiry (exp)"));
        }
        if nonce.is_some() && claims.text("nonce").as_deref() != nonce {
            return Err(refused("does not belong to this sign-in (nonce)"));
        }
        let oid = guid(claims.text("oid")).ok_or_else(|| refused("has no user (oid)"))?;
        let home = client_info
            .and_then(jwt::decode_part::<ClientInfo>)
            .filter(|info| is_guid(&info.uid) && is_guid(&info.utid))
            .map(|info| format!("{}.{}", info.uid, info.utid).to_ascii_lowercase());
        // Guests may have an e-mail address only.
        let username = claims
            .text("preferred_username")
            .or_else(|| claims.text("email"));
        let username = username
            .map(|name| one_line(&name, 256))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| oid.clone());
        Ok(Account {
            home_account_id: home.unwrap_or_else(|| format!("{oid}.{tid}")),
            username,
            tenant_id: tid,
            object_id: oid,
        })
    }
}

fn refused(what: &str) -> Error {
    Error::new(
        Kind::Refused,
        format!("the id_token {what}: nothing was stored"),
        "Check the authority, the tenant and the client id in `acspass config list`, then run `acspass \
         login`.",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::entra::authority::Authority;
    use crate::http::{Http, Options};
    use crate::time::SystemClock;
    use serde_json::{Value, json};

    const TID: &str = "aaaaaaaa-0000-4000-8000-00000000000a";
    const OID: &str = "bbbbbbbb-0000-4000-8000-00000000000b";

    fn outcome(
        change: &[(&str, Value)],
        client_info: Option<&str>,
        tenant: &str,
    ) -> Result<Account> {
        let mut claims = json!({
            "aud": "app", "iss": format!("https://login.test/{TID}/v2.0"), "exp": 2000,
            "nonce": "n", "oid": OID, "tid": TID, "preferred_username": "ada@contoso.example",
        });
        for (name, value) in change {
            claims[*name] = value.clone();
        }
        let token = format!("e30.{}.x", jwt::encode_part(claims.to_string().as_bytes()));
        let authority = Authority::new("https://login.test", tenant).expect("an authority");
        let http = Arc::new(Http::new(Options::default()));
        let entra = Entra::new(http, Arc::new(SystemClock), authority, "app".to_owned());
        let issuer = "https://login.test/{tenantid}/v2.0";
        let now = Timestamp::from_unix_seconds(2200);
        entra.account(&IdToken::new(token), client_info, issuer, Some("n"), now)
    }

    #[test]
    fn the_account_is_named_by_client_info_or_else_by_oid_and_tid() {
        let plain = outcome(&[], None, "organizations").expect("good");
        assert_eq!(plain.home_account_id, format!("{OID}.{TID}"));
        assert_eq!(plain.username, "ada@contoso.example");
        let info = jwt::encode_part(json!({"uid": TID, "utid": OID}).to_string().as_bytes());
        let guest = outcome(&[], Some(&info), TID).expect("good");
        assert_eq!(guest.home_account_id, format!("{TID}.{OID}"));
        assert_eq!(guest.object_id, OID);
    }

    #[test]
    fn each_claim_that_does_not_hold_is_refused_by_name() {
        for (change, name) in [
            (("aud", json!("other")), "aud"),
            (("iss", json!("https://evil.test/x/v2.0")), "iss"),
            (("iss", json!("https://login.test/{tenantid}/v2.0")), "iss"),
            (("exp", json!(1900)), "exp"),
            (("nonce", json!("other")), "nonce"),
            (("nonce", Value::Null), "nonce"),
            (("tid", Value::Null), "tid"),
            (("tid", json!("not-a-guid")), "tid"),
            (("oid", Value::Null), "oid"),
            (("aud", json!(["app", "other"])), "aud"),
            (("aud", json!(7)), "aud"),
            (("iss", Value::Null), "iss"),
            (("exp", json!("soon")), "exp"),
            (("nonce", json!(["n"])), "nonce"),
            (("oid", json!(7)), "oid"),
        ] {
            let error = outcome(&[change], None, "organizations").expect_err(name);
            assert_eq!(error.kind(), Kind::Refused);
            let named = format!("({name})");
            assert!(error.message().contains(&named), "{}", error.message());
        }
        let error = outcome(&[], None, OID).expect_err("another tenant");
        assert!(error.message().contains("tid"));
    }

    #[test]
    fn a_claim_in_another_shape_that_is_readable_or_not_needed_is_accepted() {
        for change in [
            ("aud", json!(["app"])),
            ("exp", json!("2000")),
            ("exp", json!(2000.5)),
            ("preferred_username", json!(7)),
            ("email", json!([])),
            ("new", json!({"a": null})),
        ] {
            let account = outcome(std::slice::from_ref(&change), None, "organizations");
            let account = account.unwrap_or_else(|error| panic!("{change:?}: {error}"));
            assert_eq!(account.object_id, OID, "{change:?}");
        }
    }

    #[test]
    fn the_clock_has_five_minutes_of_grace() {
        assert!(outcome(&[("exp", json!(1901))], None, "organizations").is_ok());
    }
}
