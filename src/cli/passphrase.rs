//! The passphrase of the sealed files, asked for at the terminal and never shown.

use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::secret::Passphrase;
use crate::store::Purpose;

use super::keyboard::interrupted;

/// Asks for the passphrase; one that is new is asked for twice.
pub(super) fn ask(purpose: Purpose) -> Result<Passphrase> {
    let first = prompt(match purpose {
        Purpose::Open => "Passphrase of the token store (not shown): ",
        Purpose::Choose => "New passphrase for the token store (not shown): ",
    })?;
    if first.is_empty() {
        return Err(Error::new(
            Kind::Store,
            "the passphrase is empty",
            "run the command again and type one, or name a key file in ACSPASS_STORE_KEY_FILE",
        ));
    }
    if purpose == Purpose::Choose && prompt("The same once more: ")? != first {
        return Err(Error::new(
            Kind::Store,
            "the two passphrases differ: nothing was stored",
            "run the command again",
        ));
    }
    Ok(Passphrase::new(first.as_str()))
}

fn prompt(text: &str) -> Result<Zeroizing<String>> {
    rpassword::prompt_password(text)
        .map(Zeroizing::new)
        .map_err(|error| {
            if error.kind() == std::io::ErrorKind::Interrupted {
                return interrupted();
            }
            Error::new(
                Kind::Store,
                "the token store needs its passphrase, and there is no terminal to ask at",
                "name a key file in ACSPASS_STORE_KEY_FILE, or run this in a terminal",
            )
            .caused_by(error)
        })
}
