//! Asks for the passphrase of the sealed files, hidden, at the terminal.

use crate::cli::io::messages::Messages;
use crate::cli::runtime::block_on_uninterrupted;
use crate::error::{Error, Kind, Result};
use crate::secret::Passphrase;
use crate::store::Purpose;

use super::input::Input;

/// The number of wrong passphrases that end a command, as with ssh and gpg.
pub(crate) const TRIES: u32 = 3;

/// Asks for the passphrase until it is not empty. Asks twice for a new one.
pub(crate) fn ask(purpose: Purpose) -> Result<Passphrase> {
    let terminal = Input::of_terminal();
    let (input, messages) = terminal.map_err(|cause| no_terminal().caused_by(cause))?;
    // A caller can be inside a runtime, which allows no other one on its thread.
    let asking = || block_on_uninterrupted(asked(purpose, &input, &messages));
    std::thread::scope(|scope| scope.spawn(asking).join())
        .unwrap_or_else(|_| Err(Error::internal("the passphrase could not be asked for")))
}

async fn asked(purpose: Purpose, input: &Input, messages: &Messages) -> Result<Passphrase> {
    let question = match purpose {
        Purpose::Choose => "New passphrase for the token store (not shown): ",
        Purpose::Open | Purpose::OpenAgain { .. } => "Passphrase of the token store (not shown): ",
    };
    if let Purpose::OpenAgain { tries_left } = purpose {
        let tries = if tries_left == 1 { "try" } else { "tries" };
        messages.print_always(&format!(
            "this is not the passphrase of the token store; {tries_left} more {tries}, and Ctrl-C \
             ends this"
        ));
    }
    let typed = async |question| {
        let line = input.ask_hidden(messages, question).await?;
        line.ok_or_else(no_terminal)
    };
    loop {
        let first = typed(question).await?;
        if first.expose().is_empty() {
            messages.print_always("the passphrase is empty; Ctrl-C ends this");
        } else if purpose == Purpose::Choose
            && typed("The same once more: ").await?.expose() != first.expose()
        {
            messages.print_always("the two passphrases differ; Ctrl-C ends this");
        } else {
            return Ok(Passphrase::new(first.expose()));
        }
    }
}

fn no_terminal() -> Error {
    Error::new(
        Kind::Store,
        "the token store needs its passphrase, and none was typed at a terminal",
        "name a key file in ACSPASS_STORE_KEY_FILE, or run this in a terminal",
    )
}
