//! Asks for the passphrase of the sealed files or of an export, hidden, at the terminal.

use crate::cli::io::messages::Messages;
use crate::cli::runtime::block_on_uninterrupted;
use crate::error::{Error, Kind, Result};
use crate::secret::Passphrase;
use crate::store::{Purpose, new_export_key_file, new_key_file};

use super::input::Input;

/// The number of wrong passphrases that end a command, as with ssh and gpg.
pub(crate) const TRIES: u32 = 3;

/// Asks for the passphrase of the store until it is not empty. Asks twice for a new one.
pub(crate) fn ask(purpose: Purpose) -> Result<Passphrase> {
    ask_for(Subject::Store, purpose)
}

/// Asks for the passphrase of an export, as [`ask`] does.
pub(crate) fn ask_for_export(purpose: Purpose) -> Result<Passphrase> {
    ask_for(Subject::Export, purpose)
}

/// The files that the passphrase opens.
#[derive(Clone, Copy)]
enum Subject {
    Store,
    Export,
}

fn ask_for(subject: Subject, purpose: Purpose) -> Result<Passphrase> {
    let terminal = Input::of_terminal();
    let (input, messages) =
        terminal.map_err(|cause| no_terminal(subject, purpose).caused_by(cause))?;
    // A caller can be inside a runtime, which allows no other one on its thread.
    let asking = || block_on_uninterrupted(asked(subject, purpose, &input, &messages));
    std::thread::scope(|scope| scope.spawn(asking).join())
        .unwrap_or_else(|_| Err(Error::internal("the prompt for the passphrase failed")))
}

async fn asked(
    subject: Subject,
    purpose: Purpose,
    input: &Input,
    messages: &Messages,
) -> Result<Passphrase> {
    let question = match (subject, purpose) {
        (Subject::Store, Purpose::Choose) => "New passphrase for the token store (not shown): ",
        (Subject::Store, _) => "Passphrase of the token store (not shown): ",
        (Subject::Export, Purpose::Choose) => "New passphrase for the export (not shown): ",
        (Subject::Export, _) => "Passphrase of the export (not shown): ",
    };
    if let Purpose::OpenAgain { tries_left } = purpose {
        let tries = if tries_left == 1 { "try" } else { "tries" };
        messages.print_always(&format!(
            "Wrong passphrase. {tries_left} more {tries}; press Ctrl-C to cancel."
        ));
    }
    let typed = async |question| {
        let line = input.ask_passphrase(messages, question).await?;
        line.ok_or_else(|| no_terminal(subject, purpose))
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

fn no_terminal(subject: Subject, purpose: Purpose) -> Error {
    let message = match subject {
        Subject::Store => {
            "the token store needs a passphrase, and there is no terminal to ask for it"
        }
        Subject::Export => "the export needs a passphrase, and there is no terminal to ask for it",
    };
    let hint = match (subject, purpose) {
        (Subject::Store, Purpose::Choose) => format!(
            "To use a key file, {} To use a passphrase, run the command in a terminal.",
            new_key_file()
        ),
        // Another key does not open the files.
        (Subject::Store, Purpose::Open | Purpose::OpenAgain { .. }) => {
            "Run the command in a terminal. To use a key file instead, delete all encrypted sessions \
             first: `acspass logout --all`."
                .to_owned()
        }
        (Subject::Export, Purpose::Choose) => format!(
            "To use a key file, {} To use a passphrase, run the command in a terminal.",
            new_export_key_file()
        ),
        (Subject::Export, Purpose::Open | Purpose::OpenAgain { .. }) => {
            "Run the command in a terminal, or add `--key-file FILE` if the export has a key file."
                .to_owned()
        }
    };
    match subject {
        Subject::Store => Error::new(Kind::Store, message, hint),
        Subject::Export => Error::usage(message, hint),
    }
}
