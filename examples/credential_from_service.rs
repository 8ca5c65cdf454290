//! Tokens from a running `acspass serve`, for programs that do not sign in users themselves.
//!
//! `acspass exec --server -- cargo run --example credential_from_service`. Beside a running
//! `acspass serve` it needs no `--server`. `exec` sets two variables: the URL of the service, and the
//! path of its secret file.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use acspass::credential::{
    AHEAD, CommunicationTokenCredential, Options, RefreshedToken, Refresher, Refreshing,
};
use acspass::secret::CommunicationToken;
use acspass::serve::Client;
use acspass::time::Timestamp;
use acspass::{Error, Kind};
use reqwest::Method;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "a program of its own")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let service = env::var("ACSPASS_SERVE_URL")?;
    let secret_file = env::var("ACSPASS_SERVE_SECRET_FILE")?;
    run(&service, secret_file.into(), &mut io::stdout()).await
}

/// Gets a token that is refreshed; it is not printed.
pub(crate) async fn run(
    service: &str,
    secret_file: PathBuf,
    out: &mut impl Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let refresher = Service(Client::new(service, secret_file)?);
    let credential = CommunicationTokenCredential::new(refresher, Options::default());
    let token = credential.get(AHEAD).await?;
    writeln!(out, "The token expires at {}.", token.expires_on)?;
    Ok(())
}

/// The token service. The client reads its secret for every request, since each run has another
/// one, and sends it to that service and to no other program.
struct Service(Client);

impl Refresher for Service {
    fn refresh(&self, min_validity: Duration) -> Refreshing<'_> {
        Box::pin(self.ask(min_validity))
    }
}

impl Service {
    async fn ask(&self, min_validity: Duration) -> acspass::Result<RefreshedToken> {
        let target = format!("/token?min-validity={}", min_validity.as_secs());
        let answer = self.0.send(Method::GET, &target).await?;
        let body: Value = serde_json::from_slice(&answer.body)
            .map_err(|_| unexpected("the response of the token service is not JSON"))?;
        if answer.status != 200 {
            let text = |name: &str| body["error"][name].as_str().unwrap_or_default();
            let kind = match text("kind") {
                "sign_in_needed" => Kind::SignInNeeded,
                "unreachable" => Kind::Unreachable,
                _ => Kind::Refused,
            };
            return Err(Error::new(kind, text("message"), text("hint")));
        }
        let missing = || unexpected("the response of the token service has no token");
        let expires_on = body["expiresOn"].as_str().ok_or_else(missing)?;
        let token = CommunicationToken::new(body["token"].as_str().ok_or_else(missing)?);
        let expires_on = Timestamp::parse_rfc3339(expires_on).ok_or_else(missing)?;
        let left = body["expiresInSeconds"].as_u64().map(Duration::from_secs);
        Ok(RefreshedToken::new(token, expires_on).with_expires_in(left))
    }
}

fn unexpected(what: &str) -> Error {
    let hint = "Check that ACSPASS_SERVE_URL and ACSPASS_SERVE_SECRET_FILE belong together.";
    Error::new(Kind::Refused, what, hint)
}
