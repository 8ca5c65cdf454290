//! The development authority, bundles and certificates from files.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::certificates::{Authority, DAY};
use super::{Certificates, DevelopmentAuthority, RunBundle};
use crate::error::Kind;
use crate::time::Timestamp;

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000)
}

fn later(days: u32) -> Timestamp {
    now().plus(DAY * days)
}

fn names(host_names: &[&str]) -> Vec<String> {
    let host_names: Vec<String> = host_names.iter().map(|name| (*name).to_owned()).collect();
    crate::emulator::host_names::own_names(&host_names).expect("names")
}

fn development() -> (TempDir, DevelopmentAuthority) {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = DevelopmentAuthority::new(folder.path());
    (folder, authority)
}

fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).expect("a file")
}

#[test]
fn authority_is_made_once_and_replaced_in_its_last_week() {
    let (_folder, development) = development();
    let first = development.open(now(), &names(&[])).expect("a new one").pem;
    assert_eq!(text(development.certificate_path()), first);
    let again = development.open(later(357), &names(&[])).expect("the same");
    assert_eq!(again.pem, first);
    let second = development
        .open(later(359), &names(&[]))
        .expect("a new one")
        .pem;
    assert_ne!(second, first);
    assert_eq!(text(development.certificate_path()), second);
    // A clock that was a year ahead.
    assert_ne!(
        development.open(now(), &names(&[])).expect("a new one").pem,
        second
    );
}

#[test]
fn another_host_name_needs_a_renewal_which_the_error_names() {
    let (_folder, development) = development();
    let first = development
        .open(now(), &names(&["a.test"]))
        .expect("a new one");
    development.open(now(), &names(&[])).expect("fewer names");
    let error = development
        .open(now(), &names(&["b.test"]))
        .err()
        .expect("one more");
    assert_eq!(error.kind(), Kind::Usage);
    let command = "`acspass emulator ca renew --host-name a.test --host-name b.test`";
    assert!(error.hint().contains(command), "{}", error.hint());
    development
        .renew(now(), &["b.test".to_owned()])
        .expect("a new one");
    let second = development
        .open(now(), &names(&["b.test"]))
        .expect("the new one");
    assert_ne!(first.pem, second.pem);
    development
        .open(now(), &names(&["a.test"]))
        .err()
        .expect("it has its names only");
    development.renew(now(), &[]).expect("a new one");
    development
        .open(now(), &names(&["b.test"]))
        .expect("the names are kept");
}

#[test]
fn damaged_authority_is_an_error_until_it_is_renewed() {
    let (folder, development) = development();
    development.prepare(now()).expect("a new one");
    let file = folder.path().join("emulator-ca/authority.json");
    std::fs::write(&file, &text(&file)[..200]).expect("a part of it");
    let error = development.prepare(now()).expect_err("it is damaged");
    assert_eq!(error.hint(), "Run `acspass emulator ca renew`.");
    development.renew(now(), &[]).expect("a new one");
    development.prepare(now()).expect("it is whole");
}

#[cfg(unix)]
#[test]
fn key_file_is_private_and_a_folder_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, development) = development();
    development.prepare(now()).expect("a new one");
    let file = folder.path().join("emulator-ca/authority.json");
    let mode = std::fs::metadata(file)
        .expect("the file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), open).expect("a mode");
    let error = development.prepare(now()).expect_err("others can write");
    assert_eq!(error.kind(), Kind::Store);
}

#[test]
fn bundle_has_the_certificates_of_named_files_and_follows_the_authority() {
    let (folder, development) = development();
    let company = Authority::new(now(), &names(&[]))
        .expect("an authority")
        .pem;
    let file = folder.path().join("company-ca.pem");
    std::fs::write(&file, format!("a comment\n{company}")).expect("a file");
    let missing = folder.path().join("missing.pem");
    let bundle = development
        .bundle(now(), &[file.clone(), missing])
        .expect("a bundle");
    let plain = development.bundle(now(), &[]).expect("a bundle");
    assert_ne!(bundle, plain);
    let first = text(development.certificate_path());
    assert!(text(&bundle).contains(&company) && text(&bundle).ends_with(&first));
    assert!(!text(&plain).contains(&company) && text(&plain).ends_with(&first));

    // The variables of a shell name the bundle itself.
    let same = development
        .bundle(now(), std::slice::from_ref(&bundle))
        .expect("a bundle");
    assert_eq!(same, bundle);
    development.renew(now(), &[]).expect("a new one");
    let second = text(development.certificate_path());
    for path in [&bundle, &plain] {
        assert!(text(path).ends_with(&second) && !text(path).contains(&first));
    }
    assert!(text(&bundle).contains(&company));

    // A file that changes.
    let other = Authority::new(now(), &names(&[]))
        .expect("an authority")
        .pem;
    std::fs::write(&file, format!("{company}{other}")).expect("a file");
    development.bundle(now(), &[file]).expect("a bundle");
    assert!(text(&bundle).contains(&other));
}

#[test]
fn bundle_of_a_run_leaves_out_the_bundle_that_it_replaces() {
    let (_folder, development) = development();
    let bundle = development.bundle(now(), &[]).expect("a bundle");
    let own = Authority::new(now(), &names(&[]))
        .expect("an authority")
        .pem;
    let run = RunBundle::new(&own, &[bundle]).expect("a bundle");
    let development = text(development.certificate_path());
    assert!(text(run.path()).ends_with(&own) && !text(run.path()).contains(&development));
    let path = run.path();
    drop(run);
    assert!(!path.exists());
}

/// Writes a certificate and a key to files.
fn pair(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]);
    let signed = signed.expect("a certificate");
    let (certificate, key) = (
        folder.join(format!("{name}.pem")),
        folder.join(format!("{name}.key")),
    );
    std::fs::write(&certificate, signed.cert.pem()).expect("a file");
    std::fs::write(&key, signed.signing_key.serialize_pem()).expect("a file");
    (certificate, key)
}

#[test]
fn each_mistake_with_own_files_names_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = pair(folder.path(), "one");
    let (_, other) = pair(folder.path(), "two");
    let missing = folder.path().join("missing.pem");
    let encrypted = folder.path().join("encrypted.key");
    let text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(&encrypted, text).expect("a file");
    let https = |certificate: &Path, key: &Path| {
        let files = Certificates::Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        files.https(now(), &names(&[]))
    };
    assert!(https(&certificate, &key).is_ok());
    for (certificate, key, words) in [
        (&missing, &key, "missing.pem` of --cert cannot be read"),
        (
            &certificate,
            &missing,
            "missing.pem` of --key cannot be read",
        ),
        (&key, &key, "one.key` of --cert contains no certificate"),
        (
            &certificate,
            &certificate,
            "one.pem` of --key contains no private key",
        ),
        (
            &certificate,
            &encrypted,
            "encrypted.key` of --key is encrypted",
        ),
        (
            &certificate,
            &other,
            "two.key` is not the key of the certificate in",
        ),
    ] {
        let error = https(certificate, key).err().expect(words);
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.message().contains(words), "{error}");
    }
}

#[cfg(feature = "session")]
#[test]
fn server_certificate_ends_before_its_authority() {
    let authority = Authority::new(now(), &names(&[])).expect("an authority");
    let (chain, _) = authority.issue(&names(&[])).expect("a certificate");
    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0]).expect("a certificate");
    let end = leaf.validity().not_after.timestamp();
    assert_eq!(end, authority.facts.until.unix_seconds() - 86_400);
    let authority_end = later(365).unix_seconds() / 86_400 * 86_400;
    assert_eq!(authority.facts.until.unix_seconds(), authority_end);
}
