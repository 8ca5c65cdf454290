//! The quickstart for Teams users: sign in, and exchange the Entra token for a Communication token
//! with the resource's access key.
//!
//! `cargo run --example teams_user_exchange`. It starts an emulator, whose own user agent walks the
//! sign-in pages. An app of yours lets a [`Session`](acspass::session::Session) take care of all
//! this, as the front page of the crate's documentation shows.

mod sign_in;

use std::io::{self, Write};
use std::sync::Arc;

use acspass::acs::IdentityClient;
use acspass::emulator::{Emulator, Options};
use acspass::http::{self, Http};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&mut io::stdout()).await
}

/// Sign-in and exchange; no token is printed.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options::default())?;
    let http = Arc::new(Http::new(http::Options::default()));
    let (account, entra) = sign_in::sign_in(&emulator, &http).await?;
    writeln!(out, "{} is signed in", account.username)?;

    let resource =
        IdentityClient::from_connection_string(&emulator.connection_string())?.with_http(http);
    let exchanged = resource
        .exchange_teams_user_token(&entra.token, emulator.client_id(), &account.object_id)
        .await?;
    let (length, until) = (exchanged.token.expose().len(), exchanged.expires_on);
    writeln!(
        out,
        "exchanged for a token of {length} bytes, good until {until}"
    )?;
    writeln!(
        out,
        "as long as the Entra token: {}",
        until == entra.expires_on
    )?;
    Ok(())
}
