//! The approved origins, and the pages that ask for approval.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::account::EntraApplication;
use crate::error::{Error, Kind, Result};
use crate::files::Folder;
use crate::loopback::WebOrigin;
use crate::time::{Clock, Timestamp};

use super::file::{SavedOrigin, SavedOrigins};
use super::page_id::{PageId, Verifier};

/// Most pages that are listed as asking, and most of one origin: two tabs of an app have two keys. A new
/// page replaces the oldest one of its own origin, or else of the origin with the most pages. So the
/// pages of one origin push out at most one page of another.
pub(super) const MAX_ASKING: usize = 8;
const MAX_ASKING_OF_ORIGIN: usize = 3;
/// Most origins that are approved on the dashboard, most pages of each, and most dismissed origins.
const MAX_APPROVED: usize = 64;
const MAX_PAGES: usize = 16;
const MAX_DISMISSED: usize = 64;
/// Longest origin that is listed: a host name has 253 characters at most.
const MAX_ORIGIN_LENGTH: usize = 270;

/// The origins of a service.
pub(in crate::serve) struct Origins {
    configured: Vec<WebOrigin>,
    clock: Arc<dyn Clock>,
    saved: SavedOrigins,
    /// Held for each change of the approvals, so that `state` is free while they are saved.
    changes: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_number: u64,
    asking: VecDeque<Asking>,
    approved: VecDeque<Approved>,
    dismissed: VecDeque<WebOrigin>,
}

/// A page that asks for approval.
struct Asking {
    number: u64,
    origin: WebOrigin,
    page: Option<Verifier>,
    /// The latest request.
    at: Timestamp,
}

/// An origin that the user approved on the dashboard.
#[derive(Clone)]
struct Approved {
    origin: WebOrigin,
    pages: VecDeque<Page>,
    is_permanent: bool,
}

/// A page that the user approved with its origin.
#[derive(Clone, Copy)]
struct Page {
    verifier: Verifier,
    is_permanent: bool,
}

impl Origins {
    /// The origins of the configuration, and those that `folder` has for this profile.
    pub(in crate::serve) fn open(
        configured: Vec<WebOrigin>,
        clock: Arc<dyn Clock>,
        folder: Folder,
        profile: &str,
        application: &EntraApplication,
    ) -> Self {
        let saved = SavedOrigins::new(folder, profile, application);
        let approved = saved.load().into_iter().filter_map(|saved| {
            Some(Approved {
                origin: WebOrigin::parse(&saved.origin).ok()?,
                pages: saved
                    .pages
                    .iter()
                    .filter_map(|text| {
                        Some(Page {
                            verifier: Verifier::parse(text)?,
                            is_permanent: true,
                        })
                    })
                    .collect(),
                is_permanent: true,
            })
        });
        let state = State {
            approved: approved.take(MAX_APPROVED).collect(),
            ..State::default()
        };
        Origins {
            configured,
            clock,
            saved,
            changes: Mutex::new(()),
            state: Mutex::new(state),
        }
    }

    /// Returns all approved origins.
    pub(in crate::serve) fn approved(&self) -> Vec<WebOrigin> {
        let state = self.state();
        let mut all = self.configured.clone();
        let others = state.approved.iter().map(|approved| &approved.origin);
        all.extend(
            others
                .filter(|origin| !self.configured.contains(origin))
                .cloned(),
        );
        all
    }

    /// Whether the user approved the origin with exactly this text.
    pub(in crate::serve) fn is_approved(&self, origin: &str) -> bool {
        self.configured.iter().any(|known| known.as_str() == origin)
            || self.state().find(origin).is_some()
    }

    /// Returns the verifier of a page that the user approved with this origin.
    pub(in crate::serve) fn verifier(&self, origin: &str, page: PageId) -> Option<Verifier> {
        let state = self.state();
        let mut pages = state.find(origin)?.pages.iter();
        pages.find_map(|known| (known.verifier.id() == page).then_some(known.verifier))
    }

    /// Whether this is the key of a page that the user approved with this origin.
    pub(in crate::serve) fn has_key(&self, origin: &str, key: &[u8]) -> bool {
        let state = self.state();
        let pages = state
            .find(origin)
            .into_iter()
            .flat_map(|approved| &approved.pages);
        // Every page is compared, so that the time does not depend on the key.
        pages.fold(false, |found, page| page.verifier.is_of(key) | found)
    }

    /// Lists the page of a request for the user. Ignores an origin that cannot be approved, a
    /// dismissed one, and a page that is approved.
    pub(in crate::serve) fn note(&self, origin: &str, page: Option<Verifier>) {
        if origin.len() > MAX_ORIGIN_LENGTH {
            return;
        }
        let Ok(origin) = WebOrigin::parse(origin) else {
            return;
        };
        let is_known = match page {
            Some(page) => self.verifier(origin.as_str(), page.id()).is_some(),
            None => self.is_approved(origin.as_str()),
        };
        let at = self.clock.now();
        let mut state = self.state();
        if is_known || state.dismissed.contains(&origin) {
            return;
        }
        let mut asking = state.asking.iter_mut();
        if let Some(known) = asking.find(|known| known.origin == origin && known.page == page) {
            known.at = at;
            return;
        }
        state.last_number += 1;
        let number = state.last_number;
        state.make_room(&origin);
        state.asking.push_back(Asking {
            number,
            origin,
            page,
            at,
        });
    }

    /// Approves the page with this number: its origin, and its key if it has one. The call blocks.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the page does not ask any more; [`Kind::Store`] if a permanent approval
    /// cannot be saved. Then the approvals are unchanged, and the page still asks.
    pub(in crate::serve) fn approve(&self, number: u64, is_permanent: bool) -> Result<WebOrigin> {
        let _change = self.change();
        let (origin, page, mut next) = {
            let state = self.state();
            let mut asking = state.asking.iter();
            let asking = asking.find(|asking| asking.number == number);
            let asking = asking.ok_or_else(|| {
                Error::new(
                    Kind::Usage,
                    "this page no longer asks for approval",
                    "Load the page again.",
                )
            })?;
            (asking.origin.clone(), asking.page, state.approved.clone())
        };
        if !next.iter().any(|known| known.origin == origin) {
            let approved = Approved {
                origin: origin.clone(),
                pages: VecDeque::new(),
                is_permanent: false,
            };
            push(&mut next, MAX_APPROVED, approved);
        }
        if let Some(approved) = next.iter_mut().find(|known| known.origin == origin) {
            approved.is_permanent |= is_permanent;
            if let Some(verifier) = page {
                let page = Page {
                    verifier,
                    is_permanent,
                };
                push(&mut approved.pages, MAX_PAGES, page);
            }
        }
        self.replace_approved(next, origin.as_str())?;
        // Other entries without a key ask for the origin only.
        self.state().asking.retain(|known| {
            known.number != number && (known.origin != origin || known.page.is_some())
        });
        Ok(origin)
    }

    /// Removes the page with this number from the list. Its origin is not listed again in this run.
    pub(in crate::serve) fn dismiss(&self, number: u64) {
        let mut state = self.state();
        let asking = state
            .asking
            .iter()
            .position(|asking| asking.number == number);
        if let Some(asking) = asking.and_then(|index| state.asking.remove(index)) {
            state.asking.retain(|known| known.origin != asking.origin);
            push(&mut state.dismissed, MAX_DISMISSED, asking.origin);
        }
    }

    /// Withdraws the approval of an origin and of its pages. The call blocks.
    ///
    /// # Errors
    /// [`Kind::Usage`] if the origin was not approved on the dashboard; [`Kind::Store`] if the saved
    /// approval cannot be removed. Then the origin is still approved.
    pub(in crate::serve) fn withdraw(&self, origin: &str) -> Result<()> {
        let _change = self.change();
        let mut next = self.state().approved.clone();
        let before = next.len();
        next.retain(|known| known.origin.as_str() != origin);
        if next.len() == before {
            return Err(Error::new(
                Kind::Usage,
                "this origin was not approved on the dashboard",
                "Remove it with `acspass config set allow-origin`, or restart the service without \
                 `--allow-origin`.",
            ));
        }
        self.replace_approved(next, origin)
    }

    /// Saves the permanent ones of these approvals if they have changed, and then uses all of them.
    fn replace_approved(&self, next: VecDeque<Approved>, changed: &str) -> Result<()> {
        let saved = permanent(&next);
        if saved != permanent(&self.state().approved) {
            self.saved.save(saved).map_err(|error| {
                Error::new(
                    error.kind(),
                    format!("the approval of {changed} is unchanged: {error}"),
                    error.hint(),
                )
            })?;
        }
        self.state().approved = next;
        Ok(())
    }

    /// Returns the origins as JSON for the dashboard: first the page that asked first, and the latest
    /// approval.
    pub(in crate::serve) fn json(&self) -> Value {
        let state = self.state();
        let asking = state.asking.iter().map(|asking| {
            json!({
                "number": asking.number.to_string(),
                "origin": asking.origin.as_str(),
                "code": asking.page.map(|page| page.code()),
                "at": asking.at.to_string(),
                "approved": self.configured.contains(&asking.origin)
                    || state.find(asking.origin.as_str()).is_some(),
            })
        });
        let approved = state.approved.iter().rev().map(|approved| {
            json!({
                "origin": approved.origin.as_str(),
                "permanent": approved.is_permanent,
                "pages": approved.pages.len(),
                "pagesOfRun": approved.pages.iter().filter(|page| !page.is_permanent).count(),
            })
        });
        let configured = self.configured.iter().map(WebOrigin::as_str);
        json!({
            "asking": asking.collect::<Value>(),
            "approved": approved.collect::<Value>(),
            "configured": configured.collect::<Value>(),
        })
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes room for another asking page of this origin.
    fn make_room(&mut self, origin: &WebOrigin) {
        let asking = &self.asking;
        let count = |origin: &WebOrigin| asking.iter().filter(|it| it.origin == *origin).count();
        let own = count(origin);
        let is_full = asking.len() >= MAX_ASKING;
        let replaced = match (own, is_full) {
            (MAX_ASKING_OF_ORIGIN.., _) | (1.., true) => Some(origin),
            // Of equal ones the first, which is the oldest.
            (_, true) => asking
                .iter()
                .rev()
                .map(|it| &it.origin)
                .max_by_key(|other| count(other)),
            (_, false) => None,
        };
        let oldest = replaced.and_then(|origin| asking.iter().position(|it| it.origin == *origin));
        if let Some(oldest) = oldest {
            self.asking.remove(oldest);
        }
    }

    fn find(&self, origin: &str) -> Option<&Approved> {
        self.approved
            .iter()
            .find(|approved| approved.origin.as_str() == origin)
    }
}

/// The approvals that the file keeps.
fn permanent(approved: &VecDeque<Approved>) -> Vec<SavedOrigin> {
    let approved = approved.iter().filter(|approved| approved.is_permanent);
    let saved = approved.map(|approved| SavedOrigin {
        origin: approved.origin.as_str().to_owned(),
        pages: approved
            .pages
            .iter()
            .filter(|page| page.is_permanent)
            .map(|page| page.verifier.text())
            .collect(),
    });
    saved.collect()
}

/// Appends an item. Removes the oldest one if the list is full.
fn push<T>(list: &mut VecDeque<T>, most: usize, item: T) {
    if list.len() >= most {
        list.pop_front();
    }
    list.push_back(item);
}
