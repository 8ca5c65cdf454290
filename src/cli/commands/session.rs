//! `session`: exports a session to an encrypted file, and imports it on another machine.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use crate::account::{Account, EntraApplication};
use crate::cli::args::{SessionExport, SessionImport};
use crate::cli::context::{Context, Flags};
use crate::cli::environment::{EMULATOR, Environment};
use crate::cli::io::output::Output;
use crate::cli::profile::store_description;
use crate::cli::prompt::passphrase;
use crate::cli::runtime::block_on;
use crate::error::{Error, Kind, Result};
use crate::files::{Refusal, open_named};
use crate::json;
use crate::session::{PortableSession, Sessions};
use crate::store::ExportKey;
use crate::text::{shell_word, shown};
use crate::time::in_words;

/// Longest export that is read, in bytes. One has a few kilobytes.
const MAX_EXPORT_BYTES: u64 = 1024 * 1024;

pub(crate) fn export(
    args: &SessionExport,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let destination = Destination::of(args, output)?;
    let sessions = context.sessions()?;
    let session = block_on(sessions.export(args.account.as_deref()))?;
    let bytes = session.seal(&key(args.key_file.as_ref(), env)?)?;
    let place = match &destination {
        Destination::Stdout => {
            output.write_bytes(&bytes)?;
            "standard output".to_owned()
        }
        Destination::File { path, folder } => {
            write(path, folder, args.force, &bytes)?;
            name(path)
        }
    };
    describe(&session, &place, args.key_file.is_some(), env);
    let Destination::File { path, .. } = destination else {
        return Ok(0);
    };
    let application = session.application();
    let issued = session.refresh_token_issued_on();
    let json = json!({
        "file": path.display().to_string(),
        "account": json::account(session.account()),
        "authorityHost": application.authority_host,
        "tenant": application.tenant,
        "clientId": application.client_id,
        "refreshTokenIssuedOn": issued.map(|issued| issued.to_string()),
    });
    output.print_result("", &json)
}

/// Describes the content of an export, its lifetime, its permitted users, and the effect of two machines
/// with one session.
fn describe(session: &PortableSession, place: &str, has_key_file: bool, env: &Environment) {
    let username = &session.account().username;
    let application = session.application();
    let key = if has_key_file {
        "key file"
    } else {
        "passphrase"
    };
    let issued = session.refresh_token_issued_on();
    let issued = issued.map(|issued| {
        let age = in_words(env.clock.now().since(issued));
        format!(" The refresh token was issued {age} ago.")
    });
    let lines = [
        format!("Exported the session of {username} to {place}, encrypted with a {key}."),
        format!(
            "Content: the refresh token of {username}, for client id {} and tenant {} at {}. No \
             access token and no access key.",
            application.client_id, application.tenant, application.authority_host
        ),
        format!(
            "Lifetime: usually until the refresh token is unused for 90 days. Entra ID does not \
             report the expiry, and policies can end it earlier.{}",
            issued.unwrap_or_default()
        ),
        format!(
            "Permitted users: only {username}, and machines that may act as this user. The file \
             and its {key} together are the sign-in: keep them apart."
        ),
        "Two machines: Entra ID issues a new refresh token at each refresh. If it refuses the \
         earlier one, the first machine to refresh wins, and the other one needs a new sign-in."
            .to_owned(),
    ];
    for line in lines {
        env.messages.print(&line);
    }
}

pub(crate) fn import(
    args: &SessionImport,
    env: &Arc<Environment>,
    output: &mut Output,
) -> Result<u8> {
    let context = Context::new(env, &Flags::new())?;
    let sessions = sessions_for_import(&context)?;
    sessions.check_import()?;
    let bytes = read(&args.file, env)?;
    PortableSession::check_form(&bytes)?;
    let session = PortableSession::open(&bytes, &key(args.key_file.as_ref(), env)?)?;
    let imported = block_on(sessions.import(&session, args.force))
        .map_err(|error| for_emulator(error, &session, env))?;
    let account = session.account();
    let username = &account.username;
    env.messages.print(&match imported.is_saved {
        true => format!(
            "Imported the session of {username} into {}.",
            store_description(&context.session_store)
        ),
        false => format!("The session of {username} is saved already."),
    });
    env.messages
        .print(&active_account(account, imported.is_active));
    let json = json!({
        "account": json::account(account),
        "active": imported.is_active,
        "saved": imported.is_saved,
        "store": context.session_store.store_name(),
    });
    output.print_result("", &json)
}

/// Returns the sessions of the application. Without a client id, the import names the one of the export.
fn sessions_for_import(context: &Context) -> Result<Sessions> {
    let config = &context.config;
    if config.client_id.is_some() {
        return context.sessions();
    }
    let authority = &config.authority;
    let application = EntraApplication::new(authority.host_and_port(), authority.tenant(), "");
    let store = context.session_store.clone();
    Ok(Sessions::new(store, context.env.clock.clone(), application))
}

fn active_account(account: &Account, is_active: bool) -> String {
    let username = &account.username;
    match is_active {
        true => format!("{username} is the active account."),
        false => format!(
            "Another account is active. To use this one, run `acspass account switch {}`.",
            shell_word(username, "USER")
        ),
    }
}

/// No setting selects the embedded emulator.
fn for_emulator(error: Error, session: &PortableSession, env: &Environment) -> Error {
    let is_emulated = session.application().authority_host == EMULATOR;
    match (is_emulated, env.global.emulator) {
        (true, false) => error.with_hint("The export is for the emulator: add --emulator."),
        (false, true) => error.with_hint("The export is not for the emulator: omit --emulator."),
        _ => error,
    }
}

fn key(key_file: Option<&PathBuf>, env: &Environment) -> Result<ExportKey> {
    Ok(match key_file {
        Some(file) => {
            let users = env.sessions_folder()?.trusted_uids;
            ExportKey::with_key_file(file.clone(), users)
        }
        None => ExportKey::with_passphrase(passphrase::TRIES, passphrase::ask_for_export),
    })
}

/// Reads an export, which may be too long or no export.
fn read(file: &Path, env: &Environment) -> Result<Vec<u8>> {
    let unreadable = |cause: std::io::Error| {
        let hint = "Name a file that `acspass session export` wrote, or pipe it in with `-`.";
        match Refusal::of(&cause) {
            Some(refusal) => Error::usage(refusal.to_string(), hint),
            None => Error::usage(format!("could not read {}", name(file)), hint).caused_by(cause),
        }
    };
    let bytes = match file == Path::new("-") {
        true if env.stdin.is_terminal => {
            return Err(Error::usage(
                "standard input is a terminal, and an export is binary",
                "Run `acspass session import FILE`, or pipe the export in.",
            ));
        }
        true => env
            .stdin
            .read_all(MAX_EXPORT_BYTES)
            .map(|bytes| bytes.to_vec()),
        false => open_named(file).and_then(|(file, _)| {
            let mut bytes = Vec::new();
            file.take(MAX_EXPORT_BYTES + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        }),
    };
    let bytes = bytes.map_err(unreadable)?;
    match bytes.len() as u64 <= MAX_EXPORT_BYTES {
        true => Ok(bytes),
        false => Err(Error::usage(
            format!(
                "{} is longer than 1 MiB, so it is not an export",
                name(file)
            ),
            "Name a file that `acspass session export` wrote.",
        )),
    }
}

/// The destination of an export.
enum Destination<'a> {
    Stdout,
    File { path: &'a Path, folder: PathBuf },
}

impl<'a> Destination<'a> {
    /// Checks the destination before a passphrase is requested.
    fn of(args: &'a SessionExport, output: &Output) -> Result<Self> {
        let Some(path) = args.file.as_deref().filter(|path| *path != Path::new("-")) else {
            return Destination::stdout(output);
        };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() || path.file_name().is_none() {
            return Err(Error::usage(
                format!("{} is not a file in a folder that exists", name(path)),
                "Name a file in a folder that exists.",
            ));
        }
        let found = std::fs::symlink_metadata(path);
        match found.map(|found| found.is_file()) {
            Ok(false) => Err(Error::usage(
                format!("{} exists, and is not a regular file", name(path)),
                "Name another file, or `-` for standard output.",
            )),
            Ok(true) if !args.force => Err(exists(path)),
            _ => Ok(Destination::File {
                path,
                folder: folder.to_owned(),
            }),
        }
    }

    fn stdout(output: &Output) -> Result<Self> {
        let reason = match (output.is_json, output.is_terminal) {
            (true, _) => "the export and its JSON cannot both go to standard output",
            (false, true) => "standard output is a terminal, and an export is binary",
            (false, false) => return Ok(Destination::Stdout),
        };
        Err(Error::usage(reason, "Run `acspass session export FILE`."))
    }
}

/// Writes the file with mode 0600. A process that is killed leaves no file of this name, or the whole
/// file, or the one that it replaces.
fn write(path: &Path, folder: &Path, replaces: bool, bytes: &[u8]) -> Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".acspass-export-");
    let written = builder.tempfile_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        let persisted = match replaces {
            true => file.persist(path),
            false => file.persist_noclobber(path),
        };
        persisted.map(drop).map_err(|error| error.error)
    });
    written.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Error::new(
            Kind::Internal,
            format!("could not write {}", name(path)),
            "Check the free space and the permissions of its folder.",
        )
        .caused_by(cause),
    })
}

fn exists(path: &Path) -> Error {
    Error::usage(
        format!("{} exists already", name(path)),
        "Add `--force` to replace it, or name another file.",
    )
}

fn name(path: &Path) -> String {
    match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => format!("`{}`", shown(&path.display().to_string())),
    }
}
