//! `api`: sends one request to the resource, and prints the response.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::acs::api::{ApiRequest, Content};
use crate::acs::{IdentityClient, ResourceAuth};
use crate::cli::args::{Api, TokenOptions};
use crate::cli::context::{Context, Flags};
use crate::cli::environment::Environment;
use crate::cli::io::indent::indented;
use crate::cli::io::output::Output;
use crate::cli::runtime::block_on;
use crate::config::Purpose;
use crate::error::{Error, Result};
use crate::http::Response;
use crate::secret::EntraToken;
use crate::text::{printable, printable_json, quoted};

use super::token::cut_short;
use super::{get, setup_questions};

/// The longest body that is sent, in bytes. The service's own limit is far below.
const MAX_INPUT_BYTES: u64 = 16 * 1024 * 1024;
/// The limit for a sign-in, as in `get`.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

pub(crate) fn run(args: &Api, env: &Arc<Environment>, output: &mut Output) -> Result<u8> {
    let fields = [&args.raw_field[..], &args.field].concat();
    let request = |content| {
        ApiRequest::new(
            &args.method,
            &args.path,
            content,
            args.api_version.as_deref(),
        )
    };
    // Arguments are checked before anything is read.
    let mut checked = request(Content::Fields(fields))?;
    if let Some(path) = &args.input {
        request(Content::Body(Vec::new()))?;
        checked = request(Content::Body(read_input(path, env)?))?;
    }
    // It holds the emulator of `--emulator`, which ends with it.
    let context = context(args, env)?;
    let client = client(args, &context)?;
    let response = block_on(client.request(&checked)).map_err(cut_short)?;
    match output.is_json {
        true => print_json(&response, args.include, output),
        false => print(&response, args.include, output),
    }
}

/// Reads the settings. For a request of the user it asks for those that lack, on a terminal.
fn context(args: &Api, env: &Arc<Environment>) -> Result<Context> {
    let context = Context::new(env, &Flags::new())?;
    if args.sender.is_none() {
        return Ok(context);
    }
    if context.config.uses_exchange_service() && context.config.requests_on_behalf_of() {
        return Err(Error::usage(
            "the user has no token for ACS, because the exchange service requests it on behalf of the user",
            "Run `acspass api` without `--as`, with the credential of the resource.",
        ));
    }
    let context = context.require_settings(Purpose::Resource);
    context.or_else(|lacking| setup_questions::ask(*lacking, &Flags::new(), true))
}

/// Creates a client with the owner's credential, or with the user's Entra token.
fn client(args: &Api, context: &Context) -> Result<IdentityClient> {
    if args.sender.is_none() {
        return context.identity_client();
    }
    let options = TokenOptions {
        account: args.account.clone(),
        min_validity: None,
        force_refresh: false,
        interactive: false,
        no_interactive: false,
        timeout: SIGN_IN_TIMEOUT,
    };
    let endpoint = context.config.resource()?.endpoint;
    let token = get::token(context, &options, true)?;
    let token = EntraToken::new(token.secret.expose());
    Ok(context.identity_client_with(endpoint, ResourceAuth::User(token)))
}

/// Reads the body from a file, or from standard input for `-`.
fn read_input(path: &Path, env: &Environment) -> Result<Vec<u8>> {
    let is_stdin = path == Path::new("-");
    let name = match is_stdin {
        true => "standard input".to_owned(),
        false => format!("the file {}", quoted(&path.to_string_lossy())),
    };
    let unreadable = |what: &str| {
        Error::usage(
            format!("could not read the body from {name}: {what}"),
            "Pass the name of a file with the body, or `-` for standard input.",
        )
    };
    let mut bytes = Vec::new();
    let read = match is_stdin {
        true => {
            if env.stdin.is_terminal {
                env.messages
                    .print("Type or paste the body, then press Ctrl-D. Ctrl-C cancels.");
            }
            let read = env.stdin.read_all(MAX_INPUT_BYTES);
            read.map(|read| bytes.extend_from_slice(&read))
        }
        false => File::open(path).and_then(|file| {
            let mut file = file.take(MAX_INPUT_BYTES + 1);
            file.read_to_end(&mut bytes).map(drop)
        }),
    };
    read.map_err(|cause| unreadable("reading failed").caused_by(cause))?;
    match bytes.len() as u64 > MAX_INPUT_BYTES {
        true => Err(unreadable("it is larger than 16 MiB")),
        false => Ok(bytes),
    }
}

/// Prints the body unchanged. A terminal gets indented JSON and no control characters.
fn print(response: &Response, include: bool, output: &mut Output) -> Result<u8> {
    let mut bytes = Vec::new();
    if include {
        let head = head(response);
        bytes.extend_from_slice(printable(&head).as_bytes());
    }
    match (output.is_terminal, body_text(response)) {
        (false, _) => bytes.extend_from_slice(&response.body),
        (true, Some(json)) => {
            let text = indented(json.get());
            for line in text.lines() {
                bytes.extend_from_slice(printable_json(line).as_bytes());
                bytes.push(b'\n');
            }
        }
        (true, None) if response.body.is_empty() => {}
        (true, None) => {
            let text = String::from_utf8_lossy(&response.body);
            bytes.extend_from_slice(printable(&text).as_bytes());
            bytes.push(b'\n');
        }
    }
    output.write_bytes(&bytes)
}

/// Returns the status line and the headers, with the empty line that ends them.
fn head(response: &Response) -> String {
    let mut head = format!("{:?} {}\n", response.version, response.status);
    for (name, value) in &response.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        head.push_str(&format!("{name}: {value}\n"));
    }
    head.push('\n');
    head
}

/// Returns the body if it is JSON.
fn body_text(response: &Response) -> Option<&RawValue> {
    serde_json::from_slice(&response.body).ok()
}

/// The response as JSON.
#[derive(Serialize)]
struct Included {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Box<RawValue>,
}

/// Prints the body as JSON: text that is not JSON as a string, and an empty body as an empty object.
/// With `include` it is a member beside status and headers.
fn print_json(response: &Response, include: bool, output: &mut Output) -> Result<u8> {
    // The numbers and repeated members of the service's JSON stay as they are.
    let body = match body_text(response) {
        Some(json) if output.is_terminal => RawValue::from_string(indented(json.get())),
        Some(json) => Ok(json.to_owned()),
        None if response.body.is_empty() => RawValue::from_string("{}".to_owned()),
        None => to_raw_value(&String::from_utf8_lossy(&response.body)),
    };
    let body = body.map_err(|_| Error::internal("the response could not be written as JSON"))?;
    if !include {
        return output.print_json(&body);
    }
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in &response.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let all = headers.entry(name.to_string()).or_default();
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&value);
    }
    output.print_json(&Included {
        status: response.status.as_u16(),
        headers,
        body,
    })
}
