//! The key of the sealed files: from a key file, or derived from a passphrase.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use ring::hkdf::{HKDF_SHA256, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::subject::Subject;
use crate::error::{Error, Result};
use crate::files::{Refusal, open_key_file};
use crate::secret::Passphrase;
use crate::store::state_folder;
use crate::text::hex;

/// RFC 9106, section 4, the second recommended option: 64 MiB, 3 passes, 4 lanes.
const COST: Cost = Cost {
    memory_kib: 64 * 1024,
    passes: 3,
    lanes: 4,
};

/// The highest cost that is accepted from a file, which may come from another machine. With it,
/// opening the file takes seconds and not minutes.
const MAX_COST: Cost = Cost {
    memory_kib: 256 * 1024,
    passes: 16,
    lanes: 16,
};

/// The smallest and the largest size of a key file in bytes.
const KEY_FILE_BYTES: (usize, u64) = (32, 1024 * 1024);

/// The purpose of a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// There is no sealed file: this passphrase seals all files from now on.
    Choose,
    /// Opens sealed files: it must be the chosen one.
    Open,
    /// As [`Purpose::Open`], after a wrong passphrase.
    OpenAgain {
        /// The number of tries left, including this one.
        tries_left: u32,
    },
}

/// Creates a key file of 32 random bytes that only its owner may read.
///
/// # Errors
/// [`Kind::Store`](crate::Kind::Store) if it cannot be written, or exists already.
pub fn create_key_file(path: &Path) -> Result<()> {
    let mut key = Zeroizing::new([0; 32]);
    fill_random(&mut key[..])?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(&key[..]).and_then(|()| file.sync_all()))
        .map_err(|cause| state_folder::error_at("create the key file", path, cause))
}

/// The keys of the sealed files, derived on demand and cached. Usually there is one.
pub(super) struct Keys {
    origin: Origin,
    subject: Subject,
    known: Mutex<DerivedKeys>,
}

pub(super) enum Origin {
    /// The path, and the users that may own the file if root reads it.
    File(PathBuf, Vec<u32>),
    /// The callback for a passphrase, and the most calls for one file.
    Passphrase(AskPassphrase, u32),
}

type AskPassphrase = Box<dyn Fn(Purpose) -> Result<Passphrase> + Send + Sync>;

#[derive(Default)]
struct DerivedKeys {
    /// The file's bytes or the passphrase.
    secret: Option<Zeroizing<Vec<u8>>>,
    keys: HashMap<String, Prk>,
}

/// The derivation of a key, as in the sealed files.
#[derive(Serialize, Deserialize)]
struct KdfParams {
    /// The cost for a passphrase; `None` for a key file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argon2id: Option<Cost>,
    salt: String,
    /// A value derived from the key, which identifies the right key.
    check: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Keys {
    pub(super) fn new(origin: Origin, subject: Subject) -> Self {
        Keys {
            origin,
            subject,
            known: Mutex::default(),
        }
    }

    /// Returns the key of a file with these parameters. Requests a wrong passphrase again while tries
    /// are left; one that was cached from another file does not count.
    ///
    /// # Errors
    /// As [`Subject::error`], if the available key is another one.
    pub(super) fn key(&self, kdf: &str) -> Result<Prk> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.keys.get(kdf) {
            return Ok(key.clone());
        }
        let form: Option<KdfParams> = serde_json::from_str(kdf).ok();
        let form = form.filter(|form| form.argon2id.is_none_or(Cost::is_usable));
        let form = form.ok_or_else(|| self.subject.unknown_kdf())?;
        let mut tries_left = match (&self.origin, form.argon2id) {
            (Origin::File(..), None) => 1,
            (Origin::Passphrase(_, tries), Some(_)) => {
                (tries + u32::from(known.secret.is_some())).max(1)
            }
            _ => 0,
        };
        let mut purpose = Purpose::Open;
        while tries_left > 0 {
            let key = self.make(&mut known, purpose, form.argon2id, &form.salt)?;
            if check(&key)? == form.check {
                known.keys.insert(kdf.to_owned(), key.clone());
                return Ok(key);
            }
            // A passphrase may be mistyped; a key file does not change.
            known.secret = None;
            tries_left -= 1;
            purpose = Purpose::OpenAgain { tries_left };
        }
        Err(match (&self.origin, form.argon2id) {
            (Origin::File(..), Some(_)) => self.subject.needs_passphrase(),
            (Origin::Passphrase(..), None) => self.subject.needs_key_file(),
            (Origin::File(path, _), None) => self.subject.wrong_key_file(path),
            (Origin::Passphrase(..), Some(_)) => self.subject.wrong_passphrase(),
        })
    }

    /// Returns a new key and its parameters, for the first file.
    pub(super) fn fresh(&self) -> Result<(String, Prk)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut salt = [0; 16];
        fill_random(&mut salt)?;
        let salt = hex(&salt);
        let argon2id = match self.origin {
            Origin::File(..) => None,
            Origin::Passphrase(..) => Some(COST),
        };
        let key = self.make(&mut known, Purpose::Choose, argon2id, &salt)?;
        let check = check(&key)?;
        let form = KdfParams {
            argon2id,
            salt,
            check,
        };
        let kdf = serde_json::to_string(&form)
            .map_err(|_| Error::internal("the parameters of a key could not be written as JSON"))?;
        known.keys.insert(kdf.clone(), key.clone());
        Ok((kdf, key))
    }

    /// Derives a key, from the cached secret if there is one.
    fn make(
        &self,
        known: &mut DerivedKeys,
        purpose: Purpose,
        cost: Option<Cost>,
        salt: &str,
    ) -> Result<Prk> {
        let secret = match (known.secret.take(), &self.origin) {
            (Some(secret), _) => secret,
            (None, Origin::File(path, users)) => read_key_file(path, users, self.subject)?,
            (None, Origin::Passphrase(ask, _)) => {
                Zeroizing::new(ask(purpose)?.expose().as_bytes().to_vec())
            }
        };
        let salt = salt.as_bytes();
        let mut stretched = Zeroizing::new([0; 32]);
        if let Some(cost) = cost {
            let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32));
            let argon2 =
                params.map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params));
            argon2
                .and_then(|argon2| argon2.hash_password_into(&secret, salt, &mut stretched[..]))
                // The salt of a file may be too short.
                .map_err(|_| self.subject.unknown_kdf())?;
        }
        let material = match cost {
            Some(_) => &stretched[..],
            None => &secret[..],
        };
        let key = Salt::new(HKDF_SHA256, salt).extract(material);
        known.secret = Some(secret);
        Ok(key)
    }
}

impl Cost {
    /// Whether Argon2id takes it (RFC 9106, section 3.1), and no file may demand more.
    fn is_usable(self) -> bool {
        (1..=MAX_COST.lanes).contains(&self.lanes)
            && (1..=MAX_COST.passes).contains(&self.passes)
            && (8 * self.lanes..=MAX_COST.memory_kib).contains(&self.memory_kib)
    }
}

fn fill_random(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|_| Error::internal("the system returned no random bytes"))
}

fn read_key_file(path: &Path, users: &[u32], subject: Subject) -> Result<Zeroizing<Vec<u8>>> {
    let failure = |cause: io::Error| match Refusal::of(&cause) {
        Some(refusal) => subject.refused_key_file(&refusal.to_string()),
        None => subject.unreadable_key_file(path).caused_by(cause),
    };
    let file = open_key_file(path, users).map_err(failure)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = file.metadata().map_err(failure)?.mode();
        if mode & 0o077 != 0 {
            return Err(subject.open_key_file(path));
        }
    }
    let (least, most) = KEY_FILE_BYTES;
    let mut key = Zeroizing::new(Vec::new());
    file.take(most).read_to_end(&mut key).map_err(failure)?;
    if key.len() < least {
        return Err(subject.short_key_file(path));
    }
    Ok(key)
}

fn check(key: &Prk) -> Result<String> {
    let mut check = [0; 32];
    key.expand(&[b"acspass check"], HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut check))
        .map_err(|_| Error::internal("the check value of a key could not be encrypted"))?;
    Ok(hex(&check[..16]))
}
