//! On-behalf-of requests: Entra issues a token for ACS to this service, for the caller's token. So no
//! token for ACS leaves the user's machine.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use azure_identity::ClientAssertion as _;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::Deserialize;
use tracing::Instrument as _;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::entra_refusal as refusal;
use super::reason::Reason;
use super::refusal::Refusal;
use crate::acs::resource_credential::CertificateAssertion;
use crate::error::{Error, Kind, Result};
use crate::exchange_service::settings::{Proof, ProofKind};
use crate::exchange_service::traces;
use crate::files::read_named;
use crate::http::{Http, Request, Response};
use crate::input;
use crate::secret::{EntraToken, is_b64token};
use crate::time::Clock;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SCOPES: &str = "https://auth.msft.communication.azure.com/Teams.ManageCalls \
     https://auth.msft.communication.azure.com/Teams.ManageChats";

/// The scope of the application's own token; the double slash is real.
const OWN_SCOPE: &str = "https://communication.azure.com//.default";

/// The longest file of a federated token, in bytes.
const MAX_TOKEN_BYTES: u64 = 64 * 1024;

/// Requests tokens on behalf of users.
pub(in crate::exchange_service) struct OnBehalfOf {
    http: Arc<Http>,
    authority: Url,
    proof: Proof,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Issued {
    access_token: EntraToken,
}

impl OnBehalfOf {
    /// Checks that the credential can be used.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage) if its file cannot.
    pub(in crate::exchange_service) fn new(
        proof: Proof,
        authority: Url,
        http: Arc<Http>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let on_behalf_of = OnBehalfOf {
            http,
            authority,
            proof,
            clock,
        };
        match &on_behalf_of.proof.kind {
            ProofKind::Certificate(path) => drop(on_behalf_of.certificate(path, "common")?),
            ProofKind::Federated(path) => drop(read_federated(path)?),
        }
        Ok(on_behalf_of)
    }

    /// The application that the tokens are issued to.
    pub(super) fn client_id(&self) -> &str {
        &self.proof.client_id
    }

    fn certificate(&self, path: &Path, tenant: &str) -> Result<CertificateAssertion> {
        let authority = Some(self.authority.as_str());
        let clock = self.clock.clone();
        CertificateAssertion::read(path, authority, tenant, &self.proof.client_id, clock)
    }

    /// Returns what proves this service's identity. Files are read for each request, so that a new
    /// certificate or token is used at once.
    async fn assertion(&self, tenant: &str) -> Result<Zeroizing<String>> {
        match &self.proof.kind {
            ProofKind::Federated(path) => read_federated(path),
            ProofKind::Certificate(path) => {
                let assertion = self.certificate(path, tenant)?.secret(None).await;
                let assertion = assertion
                    .map_err(|_| Error::internal("the client assertion could not be signed"))?;
                Ok(Zeroizing::new(assertion))
            }
        }
    }

    /// Requests a token for ACS on behalf of the user of this token.
    pub(super) async fn token(
        &self,
        tenant: &str,
        user_token: &EntraToken,
    ) -> Result<EntraToken, Refusal> {
        let proof = self
            .assertion(tenant)
            .await
            .map_err(|error| unusable(&error))?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT)
            .append_pair("requested_token_use", "on_behalf_of")
            .append_pair("assertion", user_token.expose())
            .append_pair("scope", SCOPES)
            .finish();
        let response = self.request(tenant, &proof, form);
        let response = response.instrument(traces::of_client("on_behalf_of")).await;
        read(&response.map_err(|_| refusal::entra_unavailable(None))?)
    }

    /// Checks that Entra accepts the credential in this tenant: it issues a token of the application
    /// itself, which is not used.
    ///
    /// # Errors
    /// If it does not.
    pub(in crate::exchange_service) async fn check(&self, tenant: &str) -> Result<()> {
        let proof = self.assertion(tenant).await?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", OWN_SCOPE)
            .finish();
        let response = self.request(tenant, &proof, form).await?;
        if response.status.is_success() {
            return Ok(());
        }
        let refusal = refusal::of_entra(&response);
        let code = refusal.details.and_then(|details| details.upstream_code);
        let status = response.status.as_u16();
        let code = code.unwrap_or_else(|| format!("HTTP status {status}"));
        let kind = match response.is_transient_error() {
            true => Kind::Unreachable,
            false => Kind::Refused,
        };
        Err(Error::new(
            kind,
            format!("Entra ID did not accept the credential ({code})"),
            "Check AZURE_CLIENT_ID, the certificate or the federated credential of this service's \
             registration, and that the registration exists in this tenant.",
        ))
    }

    /// Sends a token request with the proof of this service's identity.
    async fn request(&self, tenant: &str, proof: &str, form: String) -> Result<Response> {
        let address = self.authority.join(&format!("{tenant}/oauth2/v2.0/token"));
        let address = address.map_err(|_| Error::internal("the address of tokens is not a URL"))?;
        let body = form_urlencoded::Serializer::new(form)
            .append_pair("client_id", &self.proof.client_id)
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", proof)
            .finish();
        let media = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = Request {
            method: Method::POST,
            url: address,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, media)]),
            body: body.into_bytes(),
        };
        self.http.send_once(request).await
    }
}

fn read(response: &Response) -> Result<EntraToken, Refusal> {
    if !response.status.is_success() {
        return Err(refusal::of_entra(response));
    }
    let issued: Option<Issued> = serde_json::from_slice(&response.body).ok();
    let token = issued.map(|issued| issued.access_token);
    let token = token.filter(|token| is_b64token(token.expose()));
    token.ok_or_else(|| refusal::entra_unavailable(None))
}

fn unusable(error: &Error) -> Refusal {
    tracing::warn!("The credential for on-behalf-of requests cannot be used: {error}.");
    Refusal::unavailable(
        Reason::OnBehalfOfCredential,
        "The credential of this service cannot be used.",
    )
}

fn read_federated(path: &Path) -> Result<Zeroizing<String>> {
    let unreadable = |error: io::Error| {
        Error::usage(
            "could not read the file in AZURE_FEDERATED_TOKEN_FILE",
            "Check the variable and the mode of the file.",
        )
        .caused_by(error)
    };
    let bytes = read_named(path, MAX_TOKEN_BYTES).map_err(unreadable)?;
    let text = input::text(&bytes).ok_or_else(|| unreadable(ErrorKind::InvalidData.into()))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}
