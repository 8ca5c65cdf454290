//! Browsers: ones that walk the pages that a URL leads to, and ones that must not, or do not.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use acspass::emulator::{Page, UserAgent};
use acspass::entra::browser::{Browser, Link, Opened};
use acspass::error::Result;

/// Nothing here takes a fraction of it: who waits so long hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A browser, with what it was asked to open and the pages that it got.
pub(crate) struct TestBrowser {
    habit: Habit,
    opened: Mutex<Vec<String>>,
    told: Condvar,
    walks: Mutex<Vec<JoinHandle<Option<Page>>>>,
    pages: Mutex<Vec<Page>>,
}

enum Habit {
    Walks(UserAgent),
    /// Does something with the address, then walks.
    After(Arc<dyn Fn(&str) + Send + Sync>, UserAgent),
    /// Does something with the address instead.
    Instead(Box<dyn Fn(&str) + Send + Sync>),
    IsNeverOpened,
}

impl TestBrowser {
    fn with(habit: Habit) -> Arc<Self> {
        Arc::new(TestBrowser {
            habit,
            opened: Mutex::default(),
            told: Condvar::new(),
            walks: Mutex::default(),
            pages: Mutex::default(),
        })
    }

    /// Signs in as the first user, or the one that the page itself settles on.
    pub(crate) fn walking() -> Arc<Self> {
        TestBrowser::with(Habit::Walks(UserAgent::new(None)))
    }

    /// Signs in as this user.
    pub(crate) fn of(user: &str) -> Arc<Self> {
        TestBrowser::with(Habit::Walks(UserAgent::new(Some(user.to_owned()))))
    }

    /// Trusts this certificate authority.
    pub(crate) fn trusting(ca_pem: &str) -> Arc<Self> {
        TestBrowser::with(Habit::Walks(UserAgent::new(None).trusting(ca_pem)))
    }

    /// Clicks Cancel.
    pub(crate) fn cancelling() -> Arc<Self> {
        TestBrowser::with(Habit::Walks(UserAgent::cancelling()))
    }

    /// Does something with the address before it signs in.
    pub(crate) fn after(first: impl Fn(&str) + Send + Sync + 'static) -> Arc<Self> {
        let agent = UserAgent::new(None);
        TestBrowser::with(Habit::After(Arc::new(first), agent))
    }

    /// Does something else with the address.
    pub(crate) fn instead(act: impl Fn(&str) + Send + Sync + 'static) -> Arc<Self> {
        TestBrowser::with(Habit::Instead(Box::new(act)))
    }

    /// Opens a window that nobody looks at.
    pub(crate) fn idle() -> Arc<Self> {
        TestBrowser::instead(|_| {})
    }

    /// Fails the test where it is opened.
    pub(crate) fn never() -> Arc<Self> {
        TestBrowser::with(Habit::IsNeverOpened)
    }

    /// The addresses that it was asked to open.
    pub(crate) fn opened(&self) -> Vec<String> {
        self.opened.lock().unwrap().clone()
    }

    /// Waits until it has been opened, and returns the address.
    pub(crate) fn wait_for_opening(&self) -> String {
        let opened = self.opened.lock().unwrap();
        let (opened, wait) = self
            .told
            .wait_timeout_while(opened, HANGS, |opened| opened.is_empty())
            .unwrap();
        assert!(!wait.timed_out(), "no browser was opened");
        opened[0].clone()
    }

    /// A parameter of the address that was opened first.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.opened().first()?, name)
    }

    /// The pages that its walks ended on, once all of them have ended.
    pub(crate) fn pages(&self) -> Vec<Page> {
        let walks = std::mem::take(&mut *self.walks.lock().unwrap());
        let ends = walks.into_iter().filter_map(|walk| walk.join().unwrap());
        let mut pages = self.pages.lock().unwrap();
        pages.extend(ends);
        pages.clone()
    }
}

impl Browser for TestBrowser {
    fn open(&self, link: &Link) -> Result<Opened> {
        let url = link.target().to_owned();
        self.opened.lock().unwrap().push(url.clone());
        self.told.notify_all();
        let start = link.printed().to_owned();
        match &self.habit {
            Habit::IsNeverOpened => panic!("a browser was opened where none may be"),
            Habit::Instead(act) => act(&url),
            Habit::Walks(agent) => self.walk(agent, Arc::new(|_| {}), url, start),
            Habit::After(first, agent) => self.walk(agent, first.clone(), url, start),
        }
        Ok(Opened::by("the test's browser"))
    }
}

impl TestBrowser {
    /// On a thread of its own: the command waits for nothing but the answer.
    fn walk(
        &self,
        agent: &UserAgent,
        first: Arc<dyn Fn(&str) + Send + Sync>,
        url: String,
        start: String,
    ) {
        let agent = agent.clone();
        #[expect(clippy::print_stderr, reason = "the reason of a test that fails")]
        let walk = std::thread::spawn(move || {
            first(&url);
            // Some tests end a sign-in on purpose. If another one fails, this is the reason.
            let page = agent.browse(&start);
            page.inspect_err(|error| eprintln!("the user agent stopped: {error}"))
                .ok()
        });
        self.walks.lock().unwrap().push(walk);
    }
}

/// The address that a start page leads to, as a browser gets it that the user opened it in.
pub(crate) fn leads_to(start: &str) -> String {
    let start = url::Url::parse(start).expect("an address");
    let port = start.port().expect("a port");
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: localhost:{port}\r\nSec-Fetch-Site: none\r\nSec-Fetch-Mode: \
         navigate\r\nSec-Fetch-Dest: document\r\n\r\n",
        start.path()
    );
    let response = super::http::send(port, &request);
    let location = response
        .lines()
        .find_map(|line| line.strip_prefix("Location: "));
    location
        .unwrap_or_else(|| panic!("no redirect: {response}"))
        .trim()
        .to_owned()
}

/// A parameter of an address.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(url).expect("an address");
    url.query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The port that the address leads the answer to.
pub(crate) fn redirect_port(url: &str) -> u16 {
    let redirect = parameter(url, "redirect_uri").expect("a redirect URI");
    let redirect = url::Url::parse(&redirect).expect("an address");
    redirect.port().expect("a port")
}
