//! The built-in user agent: an HTTP client that follows the pages, forms and redirects of a sign-in.
//!
//! It connects to this machine's loopback only, stores no cookie and runs no script.

mod html;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION, ORIGIN};
use reqwest::{Client, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::runtime::Builder;
use url::Url;

use crate::emulator::pages::{CANCEL_FIELD, CODE_FIELD, CONFIRM_FIELD, RIGHT_CODE, USER_FIELD};
use crate::error::{Error, Kind, Result};
use crate::loopback;
use html::Form;

/// The most pages, redirects and forms of a sign-in, which needs four.
const STEPS: usize = 12;
const TIMEOUT: Duration = Duration::from_secs(30);
const PAGE_LIMIT: usize = 1024 * 1024;

/// Completes the emulator's sign-in as a user with a browser would.
#[derive(Debug, Clone, Default)]
pub struct UserAgent {
    /// The user to pick; `None` is the first one.
    user: Option<String>,
    cancels: bool,
    ca_pem: Option<String>,
    typed: Option<String>,
}

/// The last page of a sign-in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page {
    /// Its URL without query and fragment, which may contain a code.
    pub url: String,
    /// Its HTTP status.
    pub status: u16,
    /// Its headers: names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Its HTML.
    pub html: String,
}

impl Page {
    /// Returns the text of an error page of Entra, with its ids after their labels as in
    /// `error_description`; `None` for another page.
    pub(crate) fn error_text(&self) -> Option<String> {
        let mut paragraphs = html::texts_of(&self.html, "p").into_iter();
        let mut text = paragraphs.find(|text| text.starts_with("AADSTS"))?;
        let names = html::texts_of(&self.html, "dt");
        for (name, value) in names.iter().zip(html::texts_of(&self.html, "dd")) {
            let label = match name.as_str() {
                "Request Id" => "Trace ID",
                "Correlation Id" => "Correlation ID",
                "Timestamp" => "Timestamp",
                _ => continue,
            };
            text.push_str(&format!("\r\n{label}: {value}"));
        }
        Some(text)
    }
}

impl UserAgent {
    /// Makes a user agent that picks this user on the sign-in page, or the first one.
    pub fn new(user: Option<String>) -> UserAgent {
        UserAgent {
            user,
            ..UserAgent::default()
        }
    }

    /// Makes a user agent that clicks Cancel, and declines a consent.
    pub fn cancelling() -> UserAgent {
        UserAgent {
            cancels: true,
            ..UserAgent::default()
        }
    }

    /// Sets the text for text fields, such as the user code of another device.
    #[must_use]
    pub fn typing(mut self, text: impl Into<String>) -> UserAgent {
        self.typed = Some(text.into());
        self
    }

    /// Adds a certificate authority, PEM, for https.
    #[must_use]
    pub fn trusting(mut self, ca_pem: impl Into<String>) -> UserAgent {
        self.ca_pem = Some(ca_pem.into());
        self
    }

    /// Starts [`UserAgent::browse`] on a new thread.
    ///
    /// # Errors
    /// [`Kind::Internal`] if the system provides no thread. The thread's result is that of
    /// [`UserAgent::browse`].
    pub fn start(self, url: impl Into<String>) -> Result<JoinHandle<Result<Page>>> {
        let url = url.into();
        let run = move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let no_loop = "the user agent could not start its event loop";
            let runtime = runtime.map_err(|error| Error::internal(no_loop).caused_by(error))?;
            runtime.block_on(self.follow(&url))
        };
        std::thread::Builder::new()
            .name("user agent".to_owned())
            .spawn(run)
            .map_err(|error| {
                Error::internal("the user agent could not start its thread").caused_by(error)
            })
    }

    /// Follows all pages from a URL and returns the last one, whatever its status. Blocks until
    /// then.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if a URL is not on this machine's loopback or does not respond, if
    /// there are too many pages, or if the page does not offer the user.
    pub fn browse(&self, url: &str) -> Result<Page> {
        let thread = self.clone().start(url)?;
        let panicked = || Error::internal("the user agent panicked");
        thread.join().unwrap_or_else(|_| Err(panicked()))
    }

    async fn follow(&self, start: &str) -> Result<Page> {
        let client = self.client()?;
        let mut url = on_loopback(start)?;
        let mut body = None;
        for _ in 0..STEPS {
            let (page, location) = send(&client, &url, body.clone()).await?;
            let form = html::first_form(&page.html);
            (url, body) = match (location, form) {
                // 307 and 308 repeat the request, all others become a GET (Fetch, 4.4).
                (Some(location), _) => (
                    join(&url, &location)?,
                    body.filter(|_| matches!(page.status, 307 | 308)),
                ),
                (None, Some(form)) if page.status == 200 => self.submit(&url, form)?,
                _ => return Ok(page),
            };
        }
        Err(failed("the sign-in has too many pages"))
    }

    /// Fills in the text field and clicks a button. Returns the URL, and the body of a POST.
    fn submit(&self, page: &Url, form: Form) -> Result<(Url, Option<String>)> {
        let clicked = self.clicked(&form)?;
        let typed = form.text.and_then(|name| match name.as_str() {
            CODE_FIELD => Some((name, RIGHT_CODE.to_owned())),
            _ => Some((name, self.typed.clone()?)),
        });
        let fields = form.hidden.into_iter().chain(typed).chain(clicked);
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        let encoded = encoded.extend_pairs(fields).finish();
        let mut url = match form.action.as_str() {
            "" => page.clone(),
            action => join(page, action)?,
        };
        if form.post {
            return Ok((url, Some(encoded)));
        }
        url.set_query(Some(&encoded));
        Ok((url, None))
    }

    /// Returns name and value of the button to click, if the buttons have names. A button is found by
    /// its name or value.
    fn clicked(&self, form: &Form) -> Result<Option<(String, String)>> {
        let find = |wanted: &str| {
            let mut buttons = form.buttons.iter();
            let is_wanted = |(name, value): &&(String, String)| name == wanted || value == wanted;
            buttons.find(is_wanted).cloned()
        };
        if self.cancels {
            return Ok(find(CANCEL_FIELD).or_else(|| find("decline")));
        }
        if find(USER_FIELD).is_none() {
            let next = find(CONFIRM_FIELD).or_else(|| find("accept"));
            // The only button of some pages.
            let only = || find(CANCEL_FIELD).filter(|_| form.text.is_none());
            return Ok(next.or_else(only));
        }
        let is_user = |(name, value): &&(String, String)| {
            let wanted = self.user.as_ref();
            name == USER_FIELD && wanted.is_none_or(|user| value.eq_ignore_ascii_case(user))
        };
        let button = form.buttons.iter().find(is_user).cloned();
        let missing = || failed("the page does not offer this user");
        button.map(Some).ok_or_else(missing)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this user agent shares no code with the client that it tests"
    )]
    fn client(&self) -> Result<Client> {
        let broken = || Error::internal("the user agent's HTTP client cannot be built");
        let mut roots = rustls::RootCertStore::empty();
        if let Some(pem) = &self.ca_pem {
            let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
            let added = roots.add(certificate.map_err(|_| broken())?);
            added.map_err(|_| broken())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| broken())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let localhost = [
            IpAddr::from(Ipv6Addr::LOCALHOST),
            Ipv4Addr::LOCALHOST.into(),
        ];
        Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .resolve_to_addrs("localhost", &localhost.map(|address| (address, 0).into()))
            .build()
            .map_err(|_| broken())
    }
}

/// Sends a GET, or a POST with a form. Returns the page and the `Location` of a redirect.
async fn send(client: &Client, url: &Url, body: Option<String>) -> Result<(Page, Option<String>)> {
    let request = match body {
        None => client.get(url.clone()),
        Some(body) => client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            // Browsers send this for a form on a page with `Referrer-Policy: no-referrer`.
            .header(ORIGIN, "null")
            .body(body),
    };
    // The error may contain the URL with a code, so only its kind is used.
    let mut response = request.send().await.map_err(|error| {
        failed(match error.is_timeout() {
            true => "a page timed out",
            false => "a page did not respond",
        })
    })?;
    let status = response.status();
    let location = response.headers().get(LOCATION);
    let location = location
        .filter(|_| status.is_redirection())
        .and_then(|location| Some(location.to_str().ok()?.to_owned()));
    let headers = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let headers = headers.collect();
    let mut html = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        html.extend_from_slice(&chunk);
        if html.len() > PAGE_LIMIT {
            return Err(failed("a page is too large"));
        }
    }
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    let page = Page {
        url: shown.into(),
        status: status.as_u16(),
        headers,
        html: String::from_utf8_lossy(&html).into_owned(),
    };
    Ok((page, location))
}

fn join(page: &Url, reference: &str) -> Result<Url> {
    let url = page
        .join(reference)
        .map_err(|_| failed("a page contains an invalid address"))?;
    on_loopback(url.as_str())
}

fn on_loopback(url: &str) -> Result<Url> {
    Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.host_str().is_some_and(loopback::is_loopback_host))
        .ok_or_else(|| failed("the built-in user agent connects to loopback addresses only"))
}

fn failed(what: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        what,
        "Open the address in a browser, or check that the emulator is running.",
    )
}
