//! The identity quickstarts' sequence with a connection string: create, issue, refresh, revoke,
//! delete, and exchange a Teams user's token.
//!
//! `cargo run --example identity_quickstart`. It starts an emulator and needs nothing else; with a
//! resource of your own, take its connection string instead.

mod sign_in;

use std::io::{self, Write};
use std::time::Duration;

use acspass::acs::{IdentityClient, TokenLifetime, TokenScope};
use acspass::emulator::{Emulator, Options};
use acspass::secret::EntraToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&mut io::stdout()).await
}

/// The whole sequence; no token is printed.
pub(crate) async fn run(out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Options::default())?;
    let client = IdentityClient::from_connection_string(&emulator.connection_string())?;

    let user = client.create_user().await?;
    writeln!(out, "Created {user}.")?;

    let scopes = [TokenScope::Chat, TokenScope::Voip];
    let hour = TokenLifetime::new(Duration::from_secs(3600))?;
    let token = client.issue_token(&user, &scopes, Some(hour)).await?;
    writeln!(
        out,
        "Issued a token for chat and voip, which expires at {}.",
        token.expires_on
    )?;

    // To refresh is to issue again: the earlier token stays valid until it expires.
    let refreshed = client.issue_token(&user, &scopes, None).await?;
    writeln!(
        out,
        "Issued another token, which expires at {}.",
        refreshed.expires_on
    )?;

    let created = client.create_user_with_token(&scopes, None).await?;
    writeln!(out, "Created {} with a token in one request.", created.id)?;

    client.revoke_tokens(&user).await?;
    let is_good = emulator.is_token_valid(refreshed.token.expose());
    writeln!(out, "Revoked the tokens. Is a token still valid: {is_good}")?;

    for user in [&user, &created.id] {
        client.delete_user(user).await?;
        writeln!(out, "Deleted {user}.")?;
    }

    let signed_in = sign_in::sign_in(&emulator).await?;
    let (app, user) = (emulator.client_id(), &signed_in.account.object_id);
    let entra = EntraToken::new(signed_in.secret.expose());
    let exchanged = client.exchange_teams_user_token(&entra, app, user).await?;
    let (name, until) = (&signed_in.account.username, exchanged.expires_on);
    writeln!(
        out,
        "Exchanged the token of {name} for one that expires at {until}."
    )?;
    Ok(())
}
