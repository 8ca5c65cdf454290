//! A file that leads this user's browser to an address with secrets.
//!
//! Other users see its path on the browser's command line and cannot read it: mode 0600, in a
//! folder of mode 0700. Jupyter uses the same method for its token.

use std::io;
use std::time::Duration;

use askama::Template;
use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};
use crate::files::Folder;

/// The longest use of a file, which is longer than the default timeout of a sign-in.
const MAX_FILE_AGE: Duration = Duration::from_secs(24 * 3600);

/// A file that redirects to an address. Dropping it deletes the file.
#[derive(Debug)]
pub struct RedirectFile {
    folder: Folder,
    name: String,
}

#[derive(Template)]
#[template(path = "redirect_file.html")]
struct Contents<'a> {
    target: &'a str,
}

impl RedirectFile {
    /// Creates a file in `folder`, which is created if it is missing and closed to other users.
    ///
    /// # Errors
    /// [`Kind::Store`] if the folder is another user's, or if the file cannot be created.
    pub fn create(folder: &Folder, target: &str) -> Result<Self> {
        let contents = Contents { target }.render();
        let contents = contents
            .map(Zeroizing::new)
            .map_err(|_| Error::internal("the redirect file could not be written"))?;
        let name = format!("open-{}.html", uuid::Uuid::new_v4().simple());
        folder
            .create_private()
            .and_then(|()| {
                remove_left_ones(folder)?;
                folder.replace_by_private(&name, contents.as_bytes())
            })
            .map_err(|cause| {
                Error::new(
                    Kind::Store,
                    format!(
                        "could not create the redirect file for the browser in `{}`",
                        folder.path().display()
                    ),
                    "Delete that folder, or set ACSPASS_STATE_DIR to another folder.",
                )
                .caused_by(cause)
            })?;
        Ok(RedirectFile {
            folder: folder.clone(),
            name,
        })
    }

    /// Returns the file's address, of the scheme `file`.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the folder's path cannot be made absolute.
    pub fn address(&self) -> Result<String> {
        let path = std::path::absolute(self.folder.file_path(&self.name)).ok();
        path.and_then(|path| url::Url::from_file_path(path).ok())
            .map(String::from)
            .ok_or_else(|| Error::internal("the redirect file has no absolute path"))
    }
}

/// Removes the files of killed runs. The listener of a file this old is closed.
fn remove_left_ones(folder: &Folder) -> io::Result<()> {
    for name in folder.names()? {
        let age = std::fs::symlink_metadata(folder.file_path(&name))
            .and_then(|found| found.modified())
            .map(|modified| modified.elapsed().unwrap_or_default());
        let is_ours = name.starts_with("open-") && name.ends_with(".html");
        if is_ours && age.is_ok_and(|age| age > MAX_FILE_AGE) {
            folder.remove(&name)?;
        }
    }
    Ok(())
}

impl Drop for RedirectFile {
    fn drop(&mut self) {
        // A file that stays is useless: its listener is closed.
        let _ = self.folder.remove(&self.name);
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    const TARGET: &str = "https://login.test/authorize?state=marker&nonce=\"><script>x</script>";

    fn mode(path: &Path) -> u32 {
        let found = fs::metadata(path).expect("it is there");
        found.permissions().mode() & 0o777
    }

    #[test]
    fn only_this_user_can_read_the_file_and_it_is_deleted_after_use() {
        let state = tempfile::tempdir().expect("a folder");
        let path = state.path().join("a b");
        // One that is open to others is closed first.
        fs::create_dir(&path).expect("a folder");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("ours");
        let file = RedirectFile::create(&Folder::new(&path), TARGET).expect("a file");
        let created = path.join(&file.name);
        assert_eq!((mode(&path), mode(&created)), (0o700, 0o600));
        let address = file.address().expect("an address");
        assert!(address.starts_with("file:///") && address.contains("a%20b"));
        assert!(!address.contains("marker"), "{address}");
        let text = fs::read_to_string(&created).expect("it is there");
        assert!(text.contains("url=https://login.test/authorize?state=marker"));
        assert!(!text.contains("<script>"), "{text}");
        drop(file);
        assert_eq!(fs::read_dir(&path).expect("a folder").count(), 0);
    }

    #[test]
    fn file_of_a_killed_run_is_removed_by_a_later_one() {
        let state = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(state.path());
        folder.create_private().expect("ours");
        let name = |age: u64| {
            let path = state.path().join(format!("open-{age}.html"));
            let file = fs::File::create(&path).expect("a file");
            let now = file.metadata().and_then(|found| found.modified());
            file.set_modified(now.expect("a time") - Duration::from_secs(age))
                .expect("ours");
            path
        };
        let (old, recent) = (name(25 * 3600), name(3600));
        let other = state.path().join("notes.html");
        fs::write(&other, "").expect("a file");
        let file = RedirectFile::create(&folder, TARGET).expect("a file");
        assert!(!old.exists() && recent.exists() && other.exists());
        drop(file);
    }

    #[test]
    fn a_folder_that_other_users_can_write_to_is_not_used() {
        let state = tempfile::tempdir().expect("a folder");
        let open = state.path().join("open");
        fs::create_dir(&open).expect("a folder");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).expect("ours");
        let link = state.path().join("link");
        symlink(&open, &link).expect("a link");
        for folder in [&open, &link] {
            let error = RedirectFile::create(&Folder::new(folder), TARGET).expect_err("refused");
            assert_eq!(error.kind(), Kind::Store);
        }
        assert_eq!(fs::read_dir(&open).expect("a folder").count(), 0);
    }
}
