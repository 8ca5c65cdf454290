//! Asks for the passphrase of the sealed files, hidden, at the terminal.

use crate::cli::io::messages::Messages;
use crate::cli::runtime::block_on_uninterrupted;
use crate::error::{Error, Kind, Result};
use crate::secret::Passphrase;
use crate::store::{Purpose, new_key_file};

use super::input::Input;

/// The number of wrong passphrases that end a command, as with ssh and gpg.
pub(crate) const TRIES: u32 = 3;

/// Asks for the passphrase until it is not empty. Asks twice for a new one.
pub(crate) fn ask(purpose: Purpose) -> Result<Passphrase> {
    let terminal = Input::of_terminal();
    let (input, messages) = terminal.map_err(|cause| no_terminal(purpose).caused_by(cause))?;
    // A caller can be inside a runtime, which allows no other one on its thread.
    let asking = || block_on_uninterrupted(asked(purpose, &input, &messages));
    std::thread::scope(|scope| scope.spawn(asking).join())
        .unwrap_or_else(|_| Err(Error::internal("the prompt for the passphrase failed")))
}

async fn asked(purpose: Purpose, input: &Input, messages: &Messages) -> Result<Passphrase> {
    let question = match purpose {
        Purpose::Choose => "New passphrase for the token store (not shown): ",
        Purpose::Open | Purpose::OpenAgain { .. } => "Passphrase of the token store (not shown): ",
    };
    if let Purpose::OpenAgain { tries_left } = purpose {
        let tries = if tries_left == 1 { "try" } else { "tries" };
        messages.print_always(&format!(
            "Wrong passphrase. {tries_left} more {tries}; press Ctrl-C to cancel."
        ));
    }
    let typed = async |question| {
        let line = input.ask_passphrase(messages, question).await?;
        line.ok_or_else(|| no_terminal(purpose))
    };
    loop {
        let first = typed(question).await?;
        if first.expose().is_empty() {
            messages.print_always("The passphrase is empty. Try again, or press Ctrl-C to cancel.");
        } else if purpose == Purpose::Choose
            && typed("Confirm passphrase: ").await?.expose() != first.expose()
        {
            messages.print_always("The passphrases differ. Try again, or press Ctrl-C to cancel.");
        } else {
            return Ok(Passphrase::new(first.expose()));
        }
    }
}

fn no_terminal(purpose: Purpose) -> Error {
    let hint = match purpose {
        Purpose::Choose => format!(
            "To use a key file, {} To use a passphrase, run the command in a terminal.",
            new_key_file()
        ),
        // Another key does not open the files.
        Purpose::Open | Purpose::OpenAgain { .. } => {
            "Run the command in a terminal. To use a key file instead, delete all encrypted sessions \
             first: `acspass logout --all`."
                .to_owned()
        }
    };
    let message = "the token store needs a passphrase, and there is no terminal to ask for it";
    Error::new(Kind::Store, message, hint)
}
