//! Sign-in through the system browser (RFC 8252), with the response by form_post at a loopback
//! address.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::flow::{SECOND, SignInRequest, SignedIn, timed_out};
use super::options::{Notice, SignInOptions};
use crate::entra::browser::{Browser, Link, Opened};
use crate::entra::client::Entra;
use crate::entra::redirect::{
    Progress, Received, Redirect, RedirectUri, Refused, ResponseMode, Wait,
};
use crate::error::{Error, Kind, Result};
use crate::loopback::peer::PeerCheck;

/// The delay before the first notice that no request has arrived.
const NOTICED: Duration = Duration::from_secs(15);

/// The causes for a browser that does not return to the listener.
const NO_WAY_BACK: &str = "Run `acspass login --timeout 15m` for more time. If the browser showed an error, the \
     usual causes are: the client id or the tenant is wrong (AADSTS700016), the user is not assigned \
     to the application (AADSTS50105) or is disabled (AADSTS50057), the redirect URI http://localhost \
     is not registered under Mobile and desktop applications (`acspass setup`), an admin must consent \
     first, or a Conditional Access policy blocks the sign-in.";

/// The hint for a browser that opens the redirect address with https. Browsers have one HSTS entry
/// for all ports of localhost: <https://github.com/cli/cli/issues/616>.
const FORCED_TO_HTTPS: &str = "Run `acspass login --device-code`, or delete the browser's HSTS entry for localhost (Chrome and \
     Edge: `chrome://net-internals/#hsts`).";

impl Entra {
    /// See [`Entra::sign_in`].
    pub(super) async fn sign_in_by_browser(
        &self,
        sign_in: &SignInRequest<'_>,
        browser: &dyn Browser,
        redirect_uri: &RedirectUri,
    ) -> Result<SignedIn> {
        let metadata = self.discover().await?;
        let redirect = Redirect::bind(redirect_uri)?;
        let mode = ResponseMode::FormPost;
        let attempt = self.authorize(sign_in, metadata, redirect.uri(), mode)?;
        let opening = BrowserLaunch::new(sign_in.options, browser, &attempt.url, &redirect)?;
        let progress = redirect.progress().clone();
        let refused = |why| opening.refused(why);
        let wait = redirect.wait(Wait {
            state: attempt.state.secret(),
            mode,
            leads_to: opening.leads_to(),
            refused: &refused,
        });
        let received = self.wait(sign_in.options, &progress, wait).await;
        let Received { response, page } = received.map_err(|error| opening.explained(error))?;
        match self.redeem(sign_in, &attempt, response).await {
            Ok(signed_in) => Ok(SignedIn {
                page: Some(page),
                ..signed_in
            }),
            Err(error) => {
                page.failed(&error).await;
                Err(error)
            }
        }
    }

    /// Waits for the response until the time limit. Reports the time left every second.
    async fn wait(
        &self,
        options: &SignInOptions<'_>,
        progress: &Progress,
        wait: impl Future<Output = Result<Received>>,
    ) -> Result<Received> {
        let mut left = options.timeout;
        let mut is_noticed = false;
        // The limit also holds if the clock stands still.
        let mut wait = pin!(tokio::time::timeout(options.timeout, wait));
        while !left.is_zero() {
            if !is_noticed && options.timeout - left >= NOTICED && !progress.has_requests() {
                is_noticed = true;
                (options.tell)(&Notice::NoResponse);
            }
            (options.tell)(&Notice::Waiting { left });
            let slice = left.min(SECOND);
            tokio::select! {
                biased;
                received = &mut wait => match received {
                    Ok(received) => return received,
                    Err(_) => break,
                },
                error = progress.failure() => return Err(error),
                () = self.clock.sleep(slice) => left -= slice,
            }
        }
        Err(timed_out(options.timeout, NO_WAY_BACK))
    }
}

/// A sign-in page that was opened. It keeps the files that the browser reads until it is dropped.
struct BrowserLaunch<'a> {
    options: &'a SignInOptions<'a>,
    browser: &'a dyn Browser,
    /// Leads to the authority's page without the start page.
    link: Link,
    has_start: bool,
    pages: Mutex<Vec<Opened>>,
    met_tls: AtomicBool,
}

impl<'a> BrowserLaunch<'a> {
    /// Opens the start page of `redirect` if this system reports the owners of connections, or else
    /// `url` by a file.
    fn new(
        options: &'a SignInOptions<'a>,
        browser: &'a dyn Browser,
        url: &str,
        redirect: &Redirect,
    ) -> Result<Self> {
        let has_start = PeerCheck::is_available();
        let link = Link::new(url).with_progress(redirect.progress().clone());
        let page = match has_start {
            true => browser.open(&link.clone().with_start(redirect.start_uri()))?,
            false => browser.open(&link)?,
        };
        Ok(BrowserLaunch {
            options,
            browser,
            link,
            has_start,
            pages: Mutex::new(vec![page]),
            met_tls: AtomicBool::new(false),
        })
    }

    /// Returns the target of the start page; `None` if there is no start page.
    fn leads_to(&self) -> Option<&str> {
        self.has_start.then(|| self.link.target())
    }

    /// Reports a refusal at the redirect address. If the start page was refused because its user is
    /// unknown, opens the page by a file: a relay between browser and listener hides the user.
    fn refused(&self, why: Refused) {
        (self.options.tell)(&Notice::Refused(why));
        match why {
            Refused::Tls => self.met_tls.store(true, Ordering::Relaxed),
            Refused::UnknownOwner => match self.browser.open(&self.link) {
                Ok(page) => {
                    let pages = self.pages.lock();
                    pages.unwrap_or_else(PoisonError::into_inner).push(page);
                }
                Err(error) => tracing::warn!("{error}"),
            },
            Refused::Request(_) => {}
        }
    }

    /// Replaces the hint of a timeout if a refusal shows its cause.
    fn explained(&self, error: Error) -> Error {
        match self.met_tls.load(Ordering::Relaxed) {
            true if error.kind() == Kind::SignInRefused => {
                Error::new(error.kind(), error.message(), FORCED_TO_HTTPS)
            }
            _ => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::entra::SignInMethod;

    const URL: &str = "https://login.test/authorize?state=marker";

    #[derive(Default)]
    struct Recording(Mutex<Vec<Link>>);

    impl Browser for Recording {
        fn open(&self, link: &Link) -> Result<Opened> {
            self.0.lock().expect("no panic").push(link.clone());
            Ok(Opened::by("a test"))
        }
    }

    fn opened(why: &[Refused], error: Option<Error>) -> (Vec<Link>, Option<Error>) {
        let browser = Recording::default();
        let options = SignInOptions::new(SignInMethod::DeviceCode, Duration::from_secs(1));
        let redirect = Redirect::bind(&RedirectUri::localhost(0)).expect("a free port");
        let opening = BrowserLaunch::new(&options, &browser, URL, &redirect).expect("opened");
        why.iter().for_each(|why| opening.refused(*why));
        let error = error.map(|error| opening.explained(error));
        drop(opening);
        (browser.0.into_inner().expect("no panic"), error)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_browser_whose_user_is_not_reported_gets_the_page_by_a_file() {
        let (links, _) = opened(
            &[Refused::Request("it is another"), Refused::UnknownOwner],
            None,
        );
        let [first, second] = &links[..] else {
            panic!("{links:?}");
        };
        assert!(first.start().is_some_and(|start| !start.contains("marker")));
        assert_eq!((second.start(), second.target()), (None, URL));
    }

    #[test]
    fn a_timeout_after_https_names_the_hsts_entry() {
        let timeout = || Some(Error::new(Kind::SignInRefused, "timed out", "run it again"));
        let (_, error) = opened(&[Refused::Tls], timeout());
        assert!(
            error
                .expect("an error")
                .hint()
                .contains("net-internals/#hsts")
        );
        let (_, error) = opened(&[Refused::Request("it is another")], timeout());
        assert_eq!(error.expect("an error").hint(), "run it again");
    }
}
