//! The built-in browser: an HTTP client that knows nothing but a URL.
//!
//! In comes the address that a browser would be given, out comes the page it ends on, after the
//! same pages, forms and redirects that a person would click through. It goes to this machine's
//! loopback only, keeps no cookie and runs no script.

mod html;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, ORIGIN};
use reqwest::{Client, Method, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

use super::entra;
use crate::error::{Error, Kind, Result};
use crate::loopback;
use html::Form;

/// Pages, redirects and forms together; a sign-in takes four.
const STEPS: usize = 12;
const TIMEOUT: Duration = Duration::from_secs(30);
const PAGE_LIMIT: usize = 1024 * 1024;

/// Walks the emulator's sign-in as a person with a browser would.
#[derive(Debug, Clone, Default)]
pub struct UserAgent {
    choice: Choice,
    ca_pem: Option<String>,
    typed: Option<String>,
}

#[derive(Debug, Clone, Default)]
enum Choice {
    #[default]
    First,
    User(String),
    Cancel,
}

/// The page that a walk ended on.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Page {
    /// Its address, without query and fragment, which may carry a code.
    pub url: String,
    /// Its HTTP status.
    pub status: u16,
    /// Its headers' names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// Its HTML.
    pub html: String,
}

impl UserAgent {
    /// A user agent that picks this user on the sign-in page, or the first one.
    pub fn new(user: Option<String>) -> UserAgent {
        UserAgent {
            choice: user.map_or(Choice::First, Choice::User),
            ..UserAgent::default()
        }
    }

    /// A user agent that clicks Cancel, and declines where it is asked to consent.
    pub fn cancelling() -> UserAgent {
        UserAgent {
            choice: Choice::Cancel,
            ..UserAgent::default()
        }
    }

    /// Types this where a page asks for text: the code of a sign-in on another device.
    #[must_use]
    pub fn typing(mut self, text: impl Into<String>) -> UserAgent {
        self.typed = Some(text.into());
        self
    }

    /// Trusts this certificate authority, to walk over https as well.
    #[must_use]
    pub fn trusting(mut self, ca_pem: impl Into<String>) -> UserAgent {
        self.ca_pem = Some(ca_pem.into());
        self
    }

    /// Sets off on a thread of its own, so that it can be called from anywhere.
    ///
    /// # Errors
    /// [`Kind::Internal`] where the machine gives no thread. The thread's own result is that of
    /// [`UserAgent::browse`].
    pub fn start(self, url: impl Into<String>) -> Result<JoinHandle<Result<Page>>> {
        let url = url.into();
        std::thread::Builder::new()
            .name("user agent".to_owned())
            .spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(|error| {
                        Error::internal("the user agent got no event loop").caused_by(error)
                    })?
                    .block_on(self.walk(&url))
            })
            .map_err(|error| Error::internal("the user agent got no thread").caused_by(error))
    }

    /// Walks to the end and returns the last page, whatever its status.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] where an address is not on this machine's loopback, does not answer,
    /// leads on for ever, or offers no such user.
    pub fn browse(&self, url: &str) -> Result<Page> {
        self.clone()
            .start(url)?
            .join()
            .unwrap_or_else(|_| Err(Error::internal("the user agent panicked")))
    }

    async fn walk(&self, start: &str) -> Result<Page> {
        let client = self.client()?;
        let mut step = Step::Get(on_loopback(start)?);
        for _ in 0..STEPS {
            let (page, location) = step.take(&client).await?;
            let here = step.url().clone();
            let form = html::first_form(&page.html);
            step = match (location, form) {
                (Some(location), _) => step.redirected(page.status, join(&here, &location)?),
                (None, Some(form)) if page.status == 200 => self.submit(&here, &form)?,
                _ => return Ok(page),
            };
        }
        Err(lost("the sign-in leads from page to page without end"))
    }

    /// Types what there is to type and clicks the button that fits; a form with one nameless
    /// button has no choice to make.
    fn submit(&self, here: &Url, form: &Form) -> Result<Step> {
        let mut fields = form.hidden.clone();
        if let Some(name) = &form.text {
            let typed = match name.as_str() {
                // The page tells it.
                entra::CODE => Some(entra::RIGHT_CODE),
                _ => self.typed.as_deref(),
            };
            fields.extend(typed.map(|typed| (name.clone(), typed.to_owned())));
        }
        fields.extend(self.clicked(form)?);
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let to = match form.action.as_str() {
            "" => here.clone(),
            action => join(here, action)?,
        };
        Ok(match form.post {
            true => Step::Post(to, body),
            false => {
                let mut to = to;
                to.set_query(Some(&body));
                Step::Get(to)
            }
        })
    }

    fn clicked(&self, form: &Form) -> Result<Option<(String, String)>> {
        let named = |name: &str| form.buttons.iter().find(|(button, _)| button == name);
        let says = |value: &str| form.buttons.iter().find(|(_, said)| said == value);
        let clicked = match (&self.choice, named("emulator_user")) {
            (Choice::Cancel, _) => named("emulator_cancel").or(says("decline")),
            (_, None) => named("emulator_confirm")
                .or(says("accept"))
                // Where nothing else can be done, the way leads back.
                .or(named("emulator_cancel").filter(|_| form.text.is_none())),
            (Choice::First, first) => first,
            (Choice::User(user), Some(_)) => {
                let of_user = |(name, value): &&(String, String)| {
                    name == "emulator_user" && value.eq_ignore_ascii_case(user)
                };
                let button = form.buttons.iter().find(of_user);
                Some(button.ok_or_else(|| lost("the page offers no such user"))?)
            }
        };
        Ok(clicked.cloned())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this browser must share nothing with the client that it drives"
    )]
    fn client(&self) -> Result<Client> {
        let broken = || Error::internal("the user agent's HTTP client cannot be built");
        let mut roots = rustls::RootCertStore::empty();
        if let Some(pem) = &self.ca_pem {
            let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
            roots
                .add(certificate.map_err(|_| broken())?)
                .map_err(|_| broken())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| broken())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .resolve_to_addrs(
                "localhost",
                &[
                    SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
                    SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                ],
            )
            .build()
            .map_err(|_| broken())
    }
}

/// The next request.
enum Step {
    Get(Url),
    Post(Url, String),
}

impl Step {
    fn url(&self) -> &Url {
        match self {
            Step::Get(url) | Step::Post(url, _) => url,
        }
    }

    /// 307 and 308 repeat the request elsewhere, all others become a GET (Fetch, 4.4).
    fn redirected(self, status: u16, to: Url) -> Step {
        match (self, status) {
            (Step::Post(_, body), 307 | 308) => Step::Post(to, body),
            _ => Step::Get(to),
        }
    }

    async fn take(&self, client: &Client) -> Result<(Page, Option<String>)> {
        let request = match self {
            Step::Get(url) => client.request(Method::GET, url.clone()),
            Step::Post(url, body) => client
                .request(Method::POST, url.clone())
                .header(
                    CONTENT_TYPE,
                    HeaderValue::from_static("application/x-www-form-urlencoded"),
                )
                // What browsers send for a form on a page with `Referrer-Policy: no-referrer`.
                .header(ORIGIN, HeaderValue::from_static("null"))
                .body(body.clone()),
        };
        // The error could hold the address, and that a code: only its kind is kept.
        let mut response = request.send().await.map_err(|error| {
            lost(match error.is_timeout() {
                true => "a page took too long",
                false => "a page could not be reached",
            })
        })?;
        let status = response.status();
        let location = response
            .headers()
            .get(LOCATION)
            .filter(|_| status.is_redirection())
            .and_then(|location| location.to_str().ok())
            .map(str::to_owned);
        let headers = texts(response.headers());
        let mut html = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            html.extend_from_slice(&chunk);
            if html.len() > PAGE_LIMIT {
                return Err(lost("a page is too large"));
            }
        }
        let mut url = self.url().clone();
        url.set_query(None);
        url.set_fragment(None);
        let page = Page {
            url: url.into(),
            status: status.as_u16(),
            headers,
            html: String::from_utf8_lossy(&html).into_owned(),
        };
        Ok((page, location))
    }
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}

fn join(here: &Url, reference: &str) -> Result<Url> {
    let url = here
        .join(reference)
        .map_err(|_| lost("a page leads to an address that is none"))?;
    on_loopback(url.as_str())
}

fn on_loopback(url: &str) -> Result<Url> {
    Url::parse(url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .filter(|url| url.host_str().is_some_and(loopback::is_loopback_host))
        .ok_or_else(|| lost("the built-in browser goes to this machine's loopback only"))
}

fn lost(what: &str) -> Error {
    Error::new(
        Kind::Unreachable,
        what,
        "open the address in a real browser, or check that the emulator still runs",
    )
}
