//! The session in an export.

use crate::account::{Account, EntraApplication};
use crate::error::{Error, Kind, Result};
use crate::store::{ExportKey, Record};
use crate::text::shell_word;
use crate::time::Timestamp;

/// A session outside a store: the account, its application and its refresh token.
#[derive(Debug, Clone, PartialEq)]
pub struct PortableSession {
    pub(super) record: Record,
}

impl PortableSession {
    /// Removes what belongs to one machine: access tokens, and the comparison of its clock with the
    /// service's.
    ///
    /// # Errors
    /// [`Kind::SignInNeeded`] if the session has no refresh token.
    pub(super) fn of(mut record: Record) -> Result<Self> {
        if record.refresh_token.is_none() {
            let username = &record.account.username;
            return Err(Error::new(
                Kind::SignInNeeded,
                format!(
                    "the session of {username} has no refresh token, so there is nothing to export"
                ),
                format!(
                    "Run `acspass login --account {}`. If that does not help, allow the scope \
                     `offline_access` in the Entra application.",
                    shell_word(username, "USER")
                ),
            ));
        }
        record.entra_tokens.clear();
        record.communication_tokens.clear();
        record.time_sample = None;
        Ok(PortableSession { record })
    }

    /// Returns the bytes of the export.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the key file cannot be used; the error of the prompt for a passphrase.
    pub fn seal(&self, key: &ExportKey) -> Result<Vec<u8>> {
        key.seal(&self.record.to_bytes()?)
    }

    /// Opens an export.
    ///
    /// # Errors
    /// [`Kind::Usage`] if these bytes are not an export, are damaged or from another version, or if
    /// the key is another one; the error of the prompt for a passphrase.
    pub fn open(bytes: &[u8], key: &ExportKey) -> Result<Self> {
        let record = Record::from_bytes(&key.open(bytes)?).ok();
        let record = record.and_then(|record| PortableSession::of(record).ok());
        record.ok_or_else(|| {
            Error::usage(
                "the export is from another version of acspass",
                "Use the same version on both machines, or export the session again.",
            )
        })
    }

    /// Checks that these bytes have the form of an export, before a key is requested.
    ///
    /// # Errors
    /// As [`PortableSession::open`].
    pub fn check_form(bytes: &[u8]) -> Result<()> {
        ExportKey::check_form(bytes)
    }

    /// Returns the account.
    pub fn account(&self) -> &Account {
        &self.record.account
    }

    /// Returns the application to which the session is bound.
    pub fn application(&self) -> &EntraApplication {
        &self.record.application
    }

    /// Returns the time at which the refresh token was issued, if it is known.
    pub fn refresh_token_issued_on(&self) -> Option<Timestamp> {
        self.record.refresh_token_issue.map(|issue| issue.on)
    }
}
