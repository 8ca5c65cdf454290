//! The quickstart for Teams users: sign in, and exchange the Entra token for a Communication token
//! with the resource's access key.
//!
//! `cargo run --example teams_user_exchange`. It starts an emulator, whose user signs in
//! without a browser. [`TeamsSession::token`](acspass::TeamsSession::token) does all of this in one
//! call.

mod sign_in;

use std::io::{self, Write};

use acspass::acs::IdentityClient;
use acspass::emulator::{Emulator, Options};
use acspass::secret::EntraToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&mut io::stdout()).await
}

/// Sign-in and exchange; no token is printed.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options::default())?;
    let signed_in = sign_in::sign_in(&emulator).await?;
    let account = &signed_in.account;
    writeln!(out, "Signed in as {}.", account.username)?;

    let resource = IdentityClient::from_connection_string(&emulator.connection_string())?;
    let entra = EntraToken::new(signed_in.secret.expose());
    let exchanged = resource
        .exchange_teams_user_token(&entra, emulator.client_id(), &account.object_id)
        .await?;
    let (length, until) = (exchanged.token.expose().len(), exchanged.expires_on);
    writeln!(
        out,
        "Exchanged the Entra token for a token of {length} bytes, which expires at {until}."
    )?;
    writeln!(
        out,
        "Expires with the Entra token: {}",
        until == signed_in.expires_on
    )?;
    Ok(())
}
