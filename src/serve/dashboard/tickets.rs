//! Tickets: each opens the dashboard in one browser, once, within a minute.
//!
//! A ticket is redeemed by its secret. The start page redeems a ticket without the secret, for a
//! browser whose command line has no secret. The caller has then checked that the request comes from
//! this user.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::entra::browser::Link;
use crate::error::Result;
use crate::secret::ServiceSecret;
use crate::serve::instance::{is_secret, new_secret};
use crate::time::{Clock, Timestamp};

use super::bounded::push;

/// The lifetime of a ticket.
pub(super) const TICKET_LIFE: Duration = Duration::from_secs(60);

/// The address that opens the dashboard once, and the number of its ticket.
pub struct DashboardLink {
    /// The target contains the ticket; the start page, if there is one, contains no secret.
    pub link: Link,
    /// The ticket's number, which is no secret.
    pub number: u64,
}

/// The way to redeem a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::serve) enum Redeemer {
    /// Its secret alone.
    Secret,
    /// Its secret, or the start page.
    SecretOrStart,
}

/// The tickets that are not redeemed.
pub(in crate::serve) struct Tickets {
    clock: Arc<dyn Clock>,
    list: Mutex<TicketList>,
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
    /// The running time of the clock at that moment.
    made_at_running: Option<Duration>,
}

impl Tickets {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Tickets {
            clock,
            list: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Issues a ticket, and returns its number and secret.
    ///
    /// # Errors
    /// [`Kind::Internal`](crate::Kind::Internal) if the system gives no random bytes.
    pub(super) fn issue(&self, redeemer: Redeemer) -> Result<(u64, ServiceSecret)> {
        let secret = new_secret()?;
        let mut list = self.list();
        list.last += 1;
        let ticket = Ticket {
            number: list.last,
            secret: secret.clone(),
            redeemer,
            made_at: self.clock.now(),
            made_at_running: self.clock.running(),
        };
        let number = ticket.number;
        push(&mut list.tickets, ticket);
        Ok((number, secret))
    }

    /// Redeems the ticket with this secret. Returns `false` if it is unknown, used or expired.
    pub(super) fn redeem(&self, secret: &str) -> bool {
        self.take(|ticket| is_secret(&ticket.secret, secret.as_bytes()))
    }

    /// Redeems the newest ticket that the start page may redeem.
    pub(super) fn redeem_by_start(&self) -> bool {
        self.take(|ticket| {
            ticket.redeemer == Redeemer::SecretOrStart && self.left(ticket).is_some()
        })
    }

    fn take(&self, is_it: impl Fn(&Ticket) -> bool) -> bool {
        let mut list = self.list();
        let at = list.tickets.iter().rposition(is_it);
        let taken = at.and_then(|at| list.tickets.remove(at));
        drop(list);
        self.changed.send_replace(());
        taken.is_some_and(|ticket| self.left(&ticket).is_some())
    }

    /// Ends once the ticket with this number is used or has expired.
    pub(in crate::serve) fn gone(
        self: &Arc<Self>,
        number: u64,
    ) -> impl Future<Output = ()> + use<> {
        let (tickets, mut changed) = (self.clone(), self.changed.subscribe());
        async move {
            while let Some(left) = tickets.left_of(number) {
                let _ = tokio::time::timeout(left, changed.changed()).await;
            }
        }
    }

    fn left_of(&self, number: u64) -> Option<Duration> {
        let list = self.list();
        let mut tickets = list.tickets.iter();
        self.left(tickets.find(|ticket| ticket.number == number)?)
    }

    /// The remaining lifetime of the ticket. Neither a clock that is set back nor a suspended machine
    /// prolongs it.
    fn left(&self, ticket: &Ticket) -> Option<Duration> {
        let by_wall = self.clock.now().since(ticket.made_at);
        let age = match (self.clock.running(), ticket.made_at_running) {
            (Some(now), Some(then)) => by_wall.max(now.saturating_sub(then)),
            _ => by_wall,
        };
        TICKET_LIFE.checked_sub(age).filter(|left| !left.is_zero())
    }

    fn list(&self) -> MutexGuard<'_, TicketList> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::bounded::MOST;
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

    #[test]
    fn new_ticket_replaces_the_oldest_one() {
        let (_, tickets) = tickets();
        let issue = || tickets.issue(Redeemer::Secret).expect("random bytes").1;
        let first = issue();
        for _ in 0..MOST {
            issue();
        }
        assert!(!tickets.redeem(first.expose()));
        assert!(tickets.redeem(issue().expose()));
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
