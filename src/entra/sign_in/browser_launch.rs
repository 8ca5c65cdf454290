//! Opens the sign-in page, and opens it by a file if the start page is refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::options::{Notice, SignInOptions};
use crate::entra::browser::{Browser, Link, Opened};
use crate::entra::redirect::{Progress, Redirect, Refused};
use crate::error::{Error, Kind, Result};
use crate::loopback::peer::PeerCheck;

/// The hint for a browser that opens the redirect address with https. Browsers have one HSTS entry
/// for all ports of localhost: <https://github.com/cli/cli/issues/616>.
const FORCED_TO_HTTPS: &str = "delete the browser's HSTS entry for localhost (Chrome and Edge: \
     `chrome://net-internals/#hsts`), or run `acspass login --device-code` or `acspass login --paste`";

/// A sign-in page that was opened. It keeps the files that the browser reads until it is dropped.
pub(super) struct BrowserLaunch<'a> {
    options: &'a SignInOptions<'a>,
    browser: &'a dyn Browser,
    /// The authority's page.
    url: &'a str,
    has_start: bool,
    progress: Progress,
    pages: Mutex<Vec<Opened>>,
    met_tls: AtomicBool,
}

impl<'a> BrowserLaunch<'a> {
    /// Opens the start page of `redirect` if this system reports the owners of connections, or else
    /// `url` by a file.
    pub(super) fn new(
        options: &'a SignInOptions<'a>,
        browser: &'a dyn Browser,
        url: &'a str,
        redirect: &Redirect,
    ) -> Result<Self> {
        let has_start = PeerCheck::is_available();
        let progress = redirect.progress().clone();
        let link = Link::new(url).with_progress(progress.clone());
        let page = browser.open(&match has_start {
            true => link.with_start(redirect.start_uri()),
            false => link,
        })?;
        Ok(BrowserLaunch {
            options,
            browser,
            url,
            has_start,
            progress,
            pages: Mutex::new(vec![page]),
            met_tls: AtomicBool::new(false),
        })
    }

    /// Returns the target of the start page; `None` if there is no start page.
    pub(super) fn leads_to(&self) -> Option<&'a str> {
        self.has_start.then_some(self.url)
    }

    /// Reports a refusal at the redirect address. If the start page was refused because its user is
    /// unknown, opens the page by a file: a relay between browser and listener hides the user.
    pub(super) fn refused(&self, why: Refused) {
        (self.options.tell)(&Notice::Refused(why));
        match why {
            Refused::Tls => self.met_tls.store(true, Ordering::Relaxed),
            Refused::UnknownOwner => {
                let link = Link::new(self.url).with_progress(self.progress.clone());
                match self.browser.open(&link) {
                    Ok(page) => {
                        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
                        pages.push(page);
                    }
                    Err(error) => tracing::warn!("{error}"),
                }
            }
            _ => {}
        }
    }

    /// Replaces the hint of a timeout if a refusal shows its cause.
    pub(super) fn explained(&self, error: Error) -> Error {
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
    use crate::entra::redirect::RedirectUri;

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
