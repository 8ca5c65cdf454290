//! Saves an imported session.

use super::session::PortableSession;
use crate::account::EntraApplication;
use crate::error::{Error, Kind, Result};
use crate::session::renewal::locks;
use crate::session::sessions::Sessions;
use crate::store::{Activity, LockTarget, Record};
use crate::text::{quoted, shell_word};

/// The result of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Whether the session was saved; `false` if the store has this refresh token already.
    pub is_saved: bool,
    /// Whether the account is the active one now.
    pub is_active: bool,
}

impl Sessions {
    /// Checks that the store can save a session, and that it keeps the session after this command.
    ///
    /// # Errors
    /// [`Kind::Store`] if the store fails; [`Kind::Usage`] if it is in memory.
    pub fn check_import(&self) -> Result<()> {
        match self.store.is_persistent() {
            true => self.store.probe(),
            false => Err(Error::usage(
                "the store `memory` loses the session when this command ends",
                "Run `acspass config set store file`, then run the command again.",
            )),
        }
    }

    /// Saves an imported session. The account becomes active if none is. A saved session of the same
    /// account that is newer, or whose age is unknown, is replaced only with `replaces_newer`.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the session is bound to another application, or a saved one would be
    /// replaced; [`Kind::Store`] if the store fails.
    pub async fn import(
        &self,
        session: &PortableSession,
        replaces_newer: bool,
    ) -> Result<Imported> {
        self.check_application(session.application())?;
        let record = &session.record;
        let key = record.key();
        let target = LockTarget::Session(key.clone());
        let guard = locks::lock(&self.store, &target, Activity::Renewing, None).await?;
        let saved = self.store.load_under(&key, &guard)?;
        let is_same = |saved: &Record| saved.refresh_token == record.refresh_token;
        let is_listed = self.index()?.entry(&key).is_some();
        let is_saved = !(is_listed && saved.as_ref().is_some_and(is_same));
        if is_saved {
            if let Some(saved) = saved.filter(|saved| !is_same(saved))
                && !replaces_newer
                && !is_older(&saved, record)
            {
                return Err(would_replace(&saved, record));
            }
            self.store.save(record, &guard)?;
        }
        let index = self.index()?;
        let is_active = index.entry(&key).is_some_and(|entry| entry.active);
        Ok(Imported {
            is_saved,
            is_active,
        })
    }

    /// Refuses a session of another authority, tenant or application, with the settings that it needs.
    fn check_application(&self, exported: &EntraApplication) -> Result<()> {
        let EntraApplication {
            authority_host,
            tenant,
            client_id,
        } = &self.application;
        let settings = [
            ("authority-host", authority_host, &exported.authority_host),
            ("tenant", tenant, &exported.tenant),
            ("client-id", client_id, &exported.client_id),
        ];
        let differing: Vec<_> = settings
            .iter()
            .filter(|(_, ours, its)| ours != its)
            .collect();
        let Some((first, _, its)) = differing.first() else {
            return Ok(());
        };
        let commands = differing.iter().map(|(setting, _, its)| {
            format!(
                "`acspass config set {setting} {}`",
                shell_word(its, "VALUE")
            )
        });
        let commands = commands.collect::<Vec<_>>().join(" and ");
        Err(Error::new(
            Kind::Usage,
            format!(
                "the exported session needs the {} {}",
                first.replace('-', " "),
                quoted(its)
            ),
            format!("Run {commands}, then import the session again."),
        ))
    }
}

/// Whether the saved session is known to be older than the imported one.
fn is_older(saved: &Record, imported: &Record) -> bool {
    match (saved.refresh_token_issue, imported.refresh_token_issue) {
        (Some(saved), Some(imported)) => saved < imported,
        _ => saved.refresh_token.is_none(),
    }
}

fn would_replace(saved: &Record, imported: &Record) -> Error {
    let imported = imported.refresh_token_issue;
    let age = match imported.is_some() && saved.refresh_token_issue > imported {
        true => "is newer than the export",
        false => "may be newer than the export",
    };
    Error::usage(
        format!("the saved session of {} {age}", saved.account.username),
        "Keep the saved session, or add --force to replace it.",
    )
}
