//! The development authority: one for each user, which outlives the emulator, so that a client can
//! trust it once.
//!
//! The folder has the file with key and certificate, which is replaced as a whole, and files that are
//! made from it: the certificate, and bundles. A process that finds one of those out of date, because
//! another process was killed, writes it again. All of this happens under one lock.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::certificates::{Authority, DAY, not_created};
use super::{bundle, stored, system_trust};
use crate::emulator::host_names::own_names;
use crate::error::{Error, Kind, Result};
use crate::files::{Folder, Refusal, none_if_missing};
use crate::time::Timestamp;

/// The folder in the state folder.
const FOLDER: &str = "emulator-ca";
/// Key, certificate and facts.
const FILE: &str = "authority.json";
/// The certificate, PEM.
const CERTIFICATE: &str = "ca.pem";
const LOCK: &str = "lock";

/// A change takes milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any of the files that this module writes, except bundles.
const LIMIT: u64 = 64 * 1024;

/// An authority that ends within this time is replaced.
const REPLACED: Duration = Duration::from_secs(7 * 86_400);
/// An authority that ends within this time is reported.
const REPORTED: Duration = Duration::from_secs(30 * 86_400);

/// The development authority of a user.
///
/// It is valid for a year, and certifies loopback names and the host names that it was made with. It
/// is made by its first use. One that ends within 7 days is replaced by its next use, with a warning;
/// from 30 days on, each use warns.
#[derive(Debug, Clone)]
pub struct DevelopmentAuthority {
    folder: Folder,
}

impl DevelopmentAuthority {
    /// Returns the authority in this state folder. Reads and writes nothing yet.
    pub fn new(state: impl Into<Folder>) -> DevelopmentAuthority {
        let folder = state.into().subfolder(FOLDER);
        DevelopmentAuthority { folder }
    }

    /// Returns the path of the authority's certificate, PEM.
    pub fn certificate_path(&self) -> PathBuf {
        self.folder.file_path(CERTIFICATE)
    }

    /// Creates the authority if there is none or if it ends soon, and writes its certificate.
    ///
    /// # Errors
    /// [`Kind::Store`] if the folder cannot be used; [`Kind::Usage`] if the authority is damaged.
    pub fn prepare(&self, now: Timestamp) -> Result<()> {
        self.open(now, &[]).map(drop)
    }

    /// Replaces the authority by a new one, for these host names; for those of the present one if
    /// `host_names` is empty. A running emulator keeps its certificate of the old one.
    ///
    /// # Errors
    /// [`Kind::Usage`] if a host name is invalid; [`Kind::Store`] if the folder cannot be used.
    pub fn renew(&self, now: Timestamp, host_names: &[String]) -> Result<()> {
        let mut names = own_names(host_names)?;
        let _lock = self.lock()?;
        if host_names.is_empty() {
            let old = self.read().ok().flatten();
            names = old.map_or(names, |old| old.facts.names);
        }
        self.create(now, &names).map(drop)
    }

    /// Returns the shell command that makes the system trust this authority. Creates the authority if
    /// there is none.
    ///
    /// # Errors
    /// As [`DevelopmentAuthority::prepare`].
    pub fn trust_command(&self, now: Timestamp) -> Result<String> {
        self.prepare(now)?;
        Ok(system_trust::trust_command(
            &self.certificate_path(),
            user(),
        ))
    }

    /// Returns the shell command that removes this authority from the system's list.
    pub fn untrust_command(&self) -> String {
        system_trust::untrust_command(&self.certificate_path(), user())
    }

    /// Returns the shell command that makes browsers of this user trust this authority, if they have a
    /// list of their own.
    pub fn browser_command(&self) -> Option<String> {
        system_trust::browser_command(&self.certificate_path())
    }

    /// Writes the bundle with this authority and the certificates of these files, if it is not up to
    /// date, and returns its path. Each set of files has a bundle of its own. A file that cannot be
    /// read is left out.
    ///
    /// # Errors
    /// As [`DevelopmentAuthority::prepare`].
    pub fn bundle(&self, now: Timestamp, files: &[PathBuf]) -> Result<PathBuf> {
        let sources = bundle::sources(files);
        let name = bundle::name(&sources);
        let _lock = self.lock()?;
        let authority = self.open_locked(now, &[])?;
        let present = self.folder.read(&name, bundle::LIMIT).unwrap_or_default();
        if !bundle::is_current(&present, &sources, &authority.pem) {
            let content = bundle::content(&sources, &authority.pem);
            self.write_if_changed(&name, content.as_bytes())?;
        }
        Ok(self.folder.file_path(name))
    }

    /// Returns the authority, which covers all of these names.
    pub(super) fn open(&self, now: Timestamp, names: &[String]) -> Result<Authority> {
        let _lock = self.lock()?;
        self.open_locked(now, names)
    }

    /// Returns the authority, as [`DevelopmentAuthority::open`] does. The caller has the lock.
    fn open_locked(&self, now: Timestamp, names: &[String]) -> Result<Authority> {
        let Some(authority) = self.read()? else {
            return self.create(now, &merged(&own_names(&[])?, names));
        };
        let facts = &authority.facts;
        if now < facts.from || facts.until < now.plus(REPLACED) {
            tracing::warn!(
                "the emulator's CA was replaced, because its validity ends; if the system trusts \
                 it, run `acspass emulator ca trust`"
            );
            return self.create(now, &merged(&facts.names, names));
        }
        if names.iter().any(|name| !facts.names.contains(name)) {
            return Err(not_covered(&merged(&facts.names, names)));
        }
        if facts.until < now.plus(REPORTED) {
            let days = facts.until.since(now).as_secs() / DAY.as_secs();
            tracing::warn!(
                "the emulator's CA expires in {days} days; run `acspass emulator ca renew`"
            );
        }
        self.derive(&authority)?;
        Ok(authority)
    }

    fn create(&self, now: Timestamp, names: &[String]) -> Result<Authority> {
        let authority = Authority::new(now, names).map_err(not_created)?;
        let content = stored::write(&authority).map_err(not_created)?;
        let written = self.folder.replace_by_private(FILE, &content);
        written.map_err(|cause| self.failure("write", FILE, cause))?;
        self.derive(&authority)?;
        Ok(authority)
    }

    /// Writes the files that follow from the authority, if they differ.
    fn derive(&self, authority: &Authority) -> Result<()> {
        if !self.write_if_changed(CERTIFICATE, authority.pem.as_bytes())? {
            return Ok(());
        }
        let names = self.folder.names().unwrap_or_default();
        for name in names.iter().filter(|name| bundle::is_name(name)) {
            let present = self.folder.read(name, bundle::LIMIT).unwrap_or_default();
            let sources = bundle::sources_of_bundle(&present).unwrap_or_default();
            let content = bundle::content(&sources, &authority.pem);
            self.write_if_changed(name, content.as_bytes())?;
        }
        Ok(())
    }

    fn read(&self) -> Result<Option<Authority>> {
        let content = none_if_missing(self.folder.read(FILE, LIMIT));
        let content = content.map_err(|cause| self.failure("read", FILE, cause))?;
        let Some(content) = content.map(zeroize::Zeroizing::new) else {
            return Ok(None);
        };
        let damaged = || {
            let path = self.folder.file_path(FILE);
            Error::usage(
                format!("the emulator's CA in `{}` is damaged", path.display()),
                "Run `acspass emulator ca renew`.",
            )
        };
        stored::read(&content).map(Some).ok_or_else(damaged)
    }

    /// Replaces a file if its content differs. Returns whether it did. The caller has the lock.
    fn write_if_changed(&self, name: &str, content: &[u8]) -> Result<bool> {
        let present = self.folder.read(name, bundle::LIMIT);
        if present.is_ok_and(|present| present == content) {
            return Ok(false);
        }
        let written = self.folder.replace_by_private(name, content);
        written.map_err(|cause| self.failure("write", name, cause))?;
        Ok(true)
    }

    fn lock(&self) -> Result<File> {
        let file = self.folder.lock(LOCK, LOCK_TIMEOUT);
        let file = file.map_err(|cause| self.failure("lock", LOCK, cause))?;
        file.ok_or_else(|| {
            let path = self.folder.file_path(LOCK);
            Error::new(
                Kind::Store,
                format!("another acspass process locks `{}`", path.display()),
                "End the other acspass process, then run the command again.",
            )
        })
    }

    fn failure(&self, what: &str, name: &str, cause: io::Error) -> Error {
        if let Some(refusal) = Refusal::of(&cause) {
            let hint = refusal.hint("ACSPASS_STATE_DIR");
            return Error::new(Kind::Store, refusal.to_string(), hint);
        }
        let path = self.folder.file_path(name);
        Error::new(
            Kind::Store,
            format!("could not {what} `{}`", path.display()),
            "Check the folder's permissions and the free space, or set ACSPASS_STATE_DIR to another \
             folder.",
        )
        .caused_by(cause)
    }
}

/// Returns the first names, then those that are missing in them.
fn merged(names: &[String], more: &[String]) -> Vec<String> {
    let new = more.iter().filter(|name| !names.contains(name));
    names.iter().chain(new).cloned().collect()
}

/// Returns the error about names that the authority does not cover. It is not replaced by itself: a
/// user may have made the system trust it for its names only.
fn not_covered(names: &[String]) -> Error {
    let loopback = own_names(&[]).unwrap_or_default();
    let names = names.iter().filter(|name| !loopback.contains(name));
    let options: Vec<String> = names.map(|name| format!(" --host-name {name}")).collect();
    Error::usage(
        "the emulator's CA does not cover a name of --host-name",
        format!(
            "Run `acspass emulator ca renew{}`, then trust it again.",
            options.concat()
        ),
    )
}

/// Returns the id of this user.
fn user() -> u32 {
    #[cfg(unix)]
    return rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    return 0;
}
