//! The files that a key opens, for errors: those of the store, or one export.

use std::path::Path;

use crate::error::{Error, Kind};
#[cfg(unix)]
use crate::files::shell_quoted;

/// Returns the steps to create a key file, for a hint. It has the same form as in the guides.
pub(crate) fn new_key_file() -> &'static str {
    match cfg!(windows) {
        true => {
            "write 32 random bytes to a file that only you can read, and set ACSPASS_STORE_KEY_FILE \
             to that file."
        }
        false => {
            "run `(umask 077; head -c 32 /dev/urandom > FILE)`, then `export \
             ACSPASS_STORE_KEY_FILE=FILE`."
        }
    }
}

/// The files that a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The files of the store, with the key file of ACSPASS_STORE_KEY_FILE.
    Store,
    /// A file that a user named, with the key file of `--key-file`.
    Export,
}

impl Subject {
    /// Returns an error about the key: of the store, or of an argument.
    fn error(self, message: impl Into<String>, hint: impl Into<String>) -> Error {
        let kind = match self {
            Subject::Store => Kind::Store,
            Subject::Export => Kind::Usage,
        };
        Error::new(kind, message, hint)
    }

    /// Returns the error for a key that the files were not sealed with.
    fn wrong_key(self, message: &str, step: &str) -> Error {
        let hint = match self {
            Subject::Store => {
                format!("{step} To delete all encrypted sessions, run `acspass logout --all`.")
            }
            Subject::Export => step.to_owned(),
        };
        self.error(message, hint)
    }

    pub(super) fn unknown_kdf(self) -> Error {
        match self {
            Subject::Store => self.wrong_key(
                "a session file was encrypted by another version of acspass",
                "Use the version that encrypted it.",
            ),
            Subject::Export => self.wrong_key(
                "the export is damaged, or from another version of acspass",
                "Copy the file again, or export the session again with this version.",
            ),
        }
    }

    pub(super) fn needs_passphrase(self) -> Error {
        match self {
            Subject::Store => self.wrong_key(
                "the session files are encrypted with a passphrase, not with a key file",
                "Unset ACSPASS_STORE_KEY_FILE to enter the passphrase.",
            ),
            Subject::Export => self.wrong_key(
                "the export is encrypted with a passphrase, not with a key file",
                "Run the command without --key-file to enter the passphrase.",
            ),
        }
    }

    pub(super) fn needs_key_file(self) -> Error {
        match self {
            Subject::Store => self.wrong_key(
                "the session files are encrypted with a key file, not with a passphrase",
                "Set ACSPASS_STORE_KEY_FILE to that file.",
            ),
            Subject::Export => self.wrong_key(
                "the export is encrypted with a key file, not with a passphrase",
                "Add `--key-file FILE` with that file.",
            ),
        }
    }

    pub(super) fn wrong_key_file(self, path: &Path) -> Error {
        let path = path.display();
        match self {
            Subject::Store => self.wrong_key(
                &format!("the key in `{path}` does not decrypt the session files"),
                "Set ACSPASS_STORE_KEY_FILE to the correct file.",
            ),
            Subject::Export => self.wrong_key(
                &format!("the key in `{path}` does not decrypt the export"),
                "Name the key file of the export with --key-file.",
            ),
        }
    }

    pub(super) fn wrong_passphrase(self) -> Error {
        self.wrong_key(
            "wrong passphrase",
            "Run the command again with the correct passphrase.",
        )
    }

    pub(super) fn refused_key_file(self, refusal: &str) -> Error {
        let place = match self {
            Subject::Store => "Set ACSPASS_STORE_KEY_FILE to",
            Subject::Export => "Name with --key-file",
        };
        self.error(refusal, format!("{place} a key file that belongs to you."))
    }

    pub(super) fn unreadable_key_file(self, path: &Path) -> Error {
        let place = match self {
            Subject::Store => "Set ACSPASS_STORE_KEY_FILE to",
            Subject::Export => "Name with --key-file",
        };
        let steps = self.new_key_file();
        self.error(
            format!("could not read the key file `{}`", path.display()),
            format!("{place} a key file of yours. To create one, {steps}"),
        )
    }

    #[cfg(unix)]
    pub(super) fn open_key_file(self, path: &Path) -> Error {
        self.error(
            format!("other users can read the key file `{}`", path.display()),
            format!(
                "Run `chmod 600 {}`. If another user may have read it, create a new key.",
                shell_quoted(path)
            ),
        )
    }

    pub(super) fn short_key_file(self, path: &Path) -> Error {
        self.error(
            format!("the key file `{}` is too short", path.display()),
            format!("To create another key file, {}", self.new_key_file()),
        )
    }

    fn new_key_file(self) -> &'static str {
        match self {
            Subject::Store => new_key_file(),
            Subject::Export => new_export_key_file(),
        }
    }
}

/// Returns the steps to create the key file of an export, for a hint.
pub(crate) fn new_export_key_file() -> &'static str {
    match cfg!(windows) {
        true => {
            "write 32 random bytes to a file that only you can read, and name it with --key-file."
        }
        false => "run `(umask 077; head -c 32 /dev/urandom > FILE)`, then add `--key-file FILE`.",
    }
}
