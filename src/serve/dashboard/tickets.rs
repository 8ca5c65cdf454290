//! Tickets: each opens the dashboard in one browser, once, within a minute.
//!
//! A ticket is redeemed by its secret. The start page redeems one without it, for a browser that got
//! no secret on its command line: the caller has then checked that the request is this user's own.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use tokio::sync::watch;

use crate::entra::browser::Link;
use crate::error::Result;
use crate::secret::ServiceSecret;
use crate::serve::instance_dir::new_secret;
use crate::time::{Clock, Timestamp};

use super::sessions::make_room;

/// How long a ticket waits for its browser.
pub(in crate::serve) const TICKET_LIFE: Duration = Duration::from_secs(60);

/// The address that opens the dashboard once, and the ticket behind it.
pub struct DashboardLink {
    /// The target contains the ticket; the start page, if there is one, contains no secret.
    pub link: Link,
    /// The ticket's number, which is no secret.
    pub number: u64,
}

/// What redeems a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Redeemer {
    /// Its secret alone.
    Secret,
    /// Its secret, or the start page.
    SecretOrStart,
}

/// The tickets that wait.
pub(super) struct Tickets {
    clock: Arc<dyn Clock>,
    held: Mutex<TicketList>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct TicketList {
    tickets: VecDeque<Ticket>,
    /// The number of the newest ticket.
    last: u64,
}

struct Ticket {
    number: u64,
    secret: ServiceSecret,
    redeemer: Redeemer,
    made_at: Timestamp,
    running_then: Option<Duration>,
}

impl Tickets {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Tickets {
            clock,
            held: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// A new ticket's number and secret.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(super) fn issue(&self, redeemer: Redeemer) -> Result<(u64, ServiceSecret)> {
        let secret = new_secret()?;
        let mut held = self.held();
        held.last += 1;
        let number = held.last;
        make_room(&mut held.tickets);
        held.tickets.push_back(Ticket {
            number,
            secret: secret.clone(),
            redeemer,
            made_at: self.clock.now(),
            running_then: self.clock.running(),
        });
        Ok((number, secret))
    }

    /// Redeems the ticket with this secret. Returns `false` if it is unknown, used or too old.
    pub(super) fn redeem(&self, secret: &str) -> bool {
        self.take(|ticket| is(&ticket.secret, secret))
    }

    /// Redeems the newest ticket that waits for the start page.
    pub(super) fn redeem_by_start(&self) -> bool {
        self.take(|ticket| {
            ticket.redeemer == Redeemer::SecretOrStart && self.left(ticket).is_some()
        })
    }

    fn take(&self, is_it: impl Fn(&Ticket) -> bool) -> bool {
        let mut held = self.held();
        let at = held.tickets.iter().rposition(is_it);
        let taken = at.and_then(|at| held.tickets.remove(at));
        drop(held);
        self.changed.send_replace(());
        taken.is_some_and(|ticket| self.left(&ticket).is_some())
    }

    /// Ends once the ticket with this number is used or too old.
    pub(super) fn gone(self: &Arc<Self>, number: u64) -> impl Future<Output = ()> + use<> {
        let (tickets, mut changed) = (self.clone(), self.changed.subscribe());
        async move {
            while let Some(left) = tickets.left_of(number) {
                let _ = tokio::time::timeout(left, changed.changed()).await;
            }
        }
    }

    fn left_of(&self, number: u64) -> Option<Duration> {
        let held = self.held();
        let mut tickets = held.tickets.iter();
        self.left(tickets.find(|ticket| ticket.number == number)?)
    }

    /// How long the ticket is still good. Neither a clock that is set back nor a suspended machine
    /// makes it younger.
    fn left(&self, ticket: &Ticket) -> Option<Duration> {
        let by_wall = self.clock.now().since(ticket.made_at);
        let age = match (self.clock.running(), ticket.running_then) {
            (Some(now), Some(then)) => by_wall.max(now.saturating_sub(then)),
            _ => by_wall,
        };
        TICKET_LIFE.checked_sub(age).filter(|left| !left.is_zero())
    }

    fn held(&self) -> MutexGuard<'_, TicketList> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is(secret: &ServiceSecret, sent: &str) -> bool {
    secret.expose().as_bytes().ct_eq(sent.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SettableClock;

    const S: Duration = Duration::from_secs(1);

    fn tickets() -> (SettableClock, Arc<Tickets>) {
        let clock = SettableClock::new(Timestamp::from_unix_seconds(1_800_000_000));
        let tickets = Tickets::new(Arc::new(clock.clone()));
        (clock, Arc::new(tickets))
    }

    #[test]
    fn a_ticket_is_good_once_and_for_less_than_a_minute() {
        let (clock, tickets) = tickets();
        let issue = || tickets.issue(Redeemer::Secret).expect("random bytes").1;
        let (first, second) = (issue(), issue());
        clock.advance(TICKET_LIFE - S);
        assert!(tickets.redeem(first.expose()));
        assert!(!tickets.redeem(first.expose()));
        clock.advance(S);
        assert!(!tickets.redeem(second.expose()));
        assert!(!tickets.redeem(""));
    }

    #[test]
    fn the_start_page_redeems_only_tickets_that_wait_for_it() {
        let (clock, tickets) = tickets();
        let issue = |redeemer| tickets.issue(redeemer).expect("random bytes").1;
        let printed = issue(Redeemer::Secret);
        assert!(!tickets.redeem_by_start());
        let opened = issue(Redeemer::SecretOrStart);
        let later = issue(Redeemer::Secret);
        assert!(tickets.redeem_by_start());
        assert!(!tickets.redeem_by_start());
        assert!(!tickets.redeem(opened.expose()));
        assert!(tickets.redeem(printed.expose()) && tickets.redeem(later.expose()));
        issue(Redeemer::SecretOrStart);
        clock.advance(TICKET_LIFE);
        assert!(!tickets.redeem_by_start());
    }

    #[tokio::test]
    async fn a_ticket_is_gone_once_it_is_used_or_too_old() {
        let (clock, tickets) = tickets();
        let (used, secret) = tickets.issue(Redeemer::Secret).expect("random bytes");
        let (old, _) = tickets.issue(Redeemer::Secret).expect("random bytes");
        let redeem = async { assert!(tickets.redeem(secret.expose())) };
        tokio::join!(tickets.gone(used), redeem);
        assert!(tickets.left_of(old).is_some());
        clock.advance(TICKET_LIFE);
        tickets.gone(old).await;
        tickets.gone(u64::MAX).await;
    }
}
