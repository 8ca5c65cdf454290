//! Bundles: the system's certificates and the emulator's in one file, because the variables of most
//! programs replace the system's certificates and do not add to them.
//!
//! A bundle also has the certificates of the files that such variables name already, as behind a proxy
//! that inspects TLS. Its first lines name these files: a variable that names a bundle stands for
//! them, and a bundle is written again from them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

#[cfg(not(any(windows, target_os = "macos")))]
#[cfg(not(any(windows, target_os = "macos")))]
use crate::emulator::trusted;
use crate::error::{Error, Kind, Result};

/// The first line of a bundle.
const MARK: &str = "# Certificates of the system, of the files below and of the acspass emulator.";
/// The beginning of a line that names a file.
const SOURCE: &str = "# file: ";
/// The beginning of the line with the state of all files.
const STATE: &str = "# state: ";

/// The most bytes of a bundle and of a file with certificates.
pub(super) const LIMIT: u64 = 16 * 1024 * 1024;

/// Returns the name of the bundle with these files.
pub(super) fn name(sources: &[PathBuf]) -> String {
    match sources.is_empty() {
        true => "bundle.pem".to_owned(),
        false => format!("bundle-{}.pem", fingerprint(&format!("{sources:?}"))),
    }
}

/// Returns whether a file has the name of a bundle.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with("bundle") && name.ends_with(".pem")
}

/// Returns whether a bundle is up to date. The state of a system's list without a file is not known.
pub(super) fn is_current(bundle: &[u8], sources: &[PathBuf], ca_pem: &str) -> bool {
    system_file().is_some() && bundle.starts_with(head(sources, ca_pem).as_bytes())
}

/// The bundle of one run, in a folder that only this user can read. Dropping it removes the folder.
#[derive(Debug)]
pub struct RunBundle {
    folder: TempDir,
}

impl RunBundle {
    /// Writes a bundle with this authority, PEM, and the certificates of these files.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the temporary folder cannot be written to.
    pub fn new(ca_pem: &str, files: &[PathBuf]) -> Result<RunBundle> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("acspass-emulator-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir();
        let bundle = folder.and_then(|folder| {
            let bundle = RunBundle { folder };
            std::fs::write(bundle.path(), content(&sources(files), ca_pem))?;
            Ok(bundle)
        });
        bundle.map_err(|error| {
            Error::new(
                Kind::Internal,
                "the emulator's certificate cannot be written to the temporary folder",
                "Check its permissions and free space, or set TMPDIR.",
            )
            .caused_by(error)
        })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the path of the bundle.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("bundle.pem")
    }
}

/// Returns the files whose certificates a bundle adds to the system's. A bundle among them stands for
/// its own files.
pub(super) fn sources(files: &[PathBuf]) -> Vec<PathBuf> {
    let system = system_file().and_then(|path| path.canonicalize().ok());
    let mut all = BTreeSet::new();
    for file in files {
        let Some(text) = read(file) else { continue };
        let sources = sources_of_bundle(&text);
        all.extend(sources.unwrap_or_else(|| std::path::absolute(file).into_iter().collect()));
    }
    all.retain(|path| path.canonicalize().ok().as_ref() != system.as_ref());
    all.into_iter().collect()
}

/// Returns the files of a bundle; `None` if the text is none.
pub(super) fn sources_of_bundle(text: &[u8]) -> Option<Vec<PathBuf>> {
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.next().filter(|line| *line == MARK.as_bytes())?;
    let head = lines.take_while(|line| line.starts_with(b"#"));
    let paths = head.filter_map(|line| line.strip_prefix(SOURCE.as_bytes()));
    let paths = paths.map(|path| PathBuf::from(String::from_utf8_lossy(path).into_owned()));
    Some(paths.collect())
}

/// Returns the first lines: the files, and a hash of the state of all files, by which a bundle that is
/// up to date is recognised.
fn head(sources: &[PathBuf], ca_pem: &str) -> String {
    let mut text = format!("{MARK}\n");
    // A path that is not one line of text cannot be named, and only its certificates stay.
    let paths = sources.iter().filter_map(|path| path.to_str());
    for path in paths.filter(|path| !path.contains('\n')) {
        text.push_str(&format!("{SOURCE}{path}\n"));
    }
    let files = system_file()
        .into_iter()
        .chain(sources.iter().map(PathBuf::as_path));
    let states = files.map(|path| match std::fs::metadata(path) {
        Ok(found) => format!("{:?} {:?} {}\n", path, found.modified().ok(), found.len()),
        Err(_) => format!("{path:?}\n"),
    });
    let states: String = states.collect();
    text + &format!("{STATE}{}\n", fingerprint(&(states + ca_pem)))
}

/// Returns the content of a bundle.
pub(super) fn content(sources: &[PathBuf], ca_pem: &str) -> String {
    let mut text = head(sources, ca_pem);
    let mut seen = BTreeSet::new();
    let files = sources.iter().filter_map(|path| read(path));
    let named = files.flat_map(|file| certificates(&file));
    for certificate in system().into_iter().chain(named) {
        if seen.insert(certificate.to_vec()) {
            text.push_str(&pem(&certificate));
        }
    }
    text + ca_pem
}

fn certificates(text: &[u8]) -> Vec<CertificateDer<'static>> {
    let found = CertificateDer::pem_slice_iter(text);
    found.filter_map(std::result::Result::ok).collect()
}

fn pem(certificate: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(certificate);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for (at, character) in encoded.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + "\n-----END CERTIFICATE-----\n"
}

/// Returns the beginning of a hash, as text.
fn fingerprint(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    let bytes = hash.as_ref().iter().take(8);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a regular file. A device or a FIFO could block forever.
fn read(path: &Path) -> Option<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(LIMIT).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().ok()
}

#[cfg(not(any(windows, target_os = "macos")))]
fn system_file() -> Option<&'static Path> {
    let mut paths = trusted::BUNDLES.iter().map(Path::new);
    paths.find(|path| path.is_file())
}

#[cfg(not(any(windows, target_os = "macos")))]
fn system() -> Vec<CertificateDer<'static>> {
    let text = system_file().and_then(read);
    text.map(|text| certificates(&text)).unwrap_or_default()
}

#[cfg(any(windows, target_os = "macos"))]
fn system_file() -> Option<&'static Path> {
    None
}

#[cfg(any(windows, target_os = "macos"))]
fn system() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}
